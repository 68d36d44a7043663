/**
 * The feed: server-sent events of a user's payments. It ends with the session, by an event `end` that
 * has the code and the `errorType` of the WebSocket. A fresh token means a new request, which goes on
 * after `Last-Event-ID`.
 */
import type { RequestHandler, Response } from 'express';
import type { Session, SessionError, Sessions } from 'express-wallet-session';
import type { Payment, Payments } from './payments.js';
import type { Tickets } from './tickets.js';

export interface FeedOptions {
  readonly sessions: Sessions;
  readonly tickets: Tickets;
  readonly payments: Payments;
}

const SESSION_OVER = 4401;
const KEEP_ALIVE_SECONDS = 15;
const MAX_UNREAD_BYTES = 1_000_000;
/** How long another process may take to notice a sign-out. */
const WATCH_SECONDS = 1;

export function feed({ sessions, tickets, payments }: FeedOptions): RequestHandler {
  return async (req, res) => {
    const { ticket } = req.query;
    const session =
      typeof ticket === 'string' ? await tickets.redeem(ticket) : await sessions.authenticate(req);
    // If the client has left meanwhile, there is no 'close' to come.
    if (!res.closed) stream(session, req.get('Last-Event-ID'), res);
  };

  function stream(session: Session, lastEventId: string | undefined, res: Response): void {
    const { userId } = session;
    const write = (payment: Payment): void => {
      const data = JSON.stringify(payment);
      // Unread data is kept in memory, so a client that never reads is disconnected.
      if (res.writableLength > MAX_UNREAD_BYTES) res.destroy();
      else res.write(`id: ${payment.id}\nevent: payment\ndata: ${data}\n\n`);
    };
    res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    res.write(': the feed is open\n\n');
    for (const payment of payments.after(userId, Number(lastEventId ?? 0))) write(payment);
    const unsubscribe = payments.subscribe(userId, write);
    // Proxies close a connection that is silent.
    const keepAlive = setInterval(() => res.write(':\n\n'), KEEP_ALIVE_SECONDS * 1000);

    const watch = sessions.watch(session, { everySeconds: WATCH_SECONDS });
    res.once('close', () => {
      watch.stop();
      unsubscribe();
      clearInterval(keepAlive);
    });
    const end = (): void => {
      const { errorType } = watch.signal.reason as SessionError;
      res.end(`event: end\ndata: ${JSON.stringify({ code: SESSION_OVER, errorType })}\n\n`);
    };
    if (watch.signal.aborted) end();
    else watch.signal.addEventListener('abort', end, { once: true });
  }
}
