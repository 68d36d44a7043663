/**
 * Tickets: a browser can set no header on a WebSocket or an EventSource, and a token in a URL ends
 * up in logs. A ticket stands for a session, works once and for 30 seconds, so a log of it is
 * useless. They are kept in this process; behind a load balancer keep them in Redis (`GETDEL`).
 */
import { randomBytes } from 'node:crypto';
import { SessionError, type Session } from 'express-wallet-session';

const LIFETIME_SECONDS = 30;

export class Tickets {
  readonly #clock: () => number;
  readonly #tickets = new Map<string, { readonly session: Session; readonly until: number }>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  issue(session: Session): { ticket: string; expiresInSeconds: number } {
    const now = this.#clock();
    for (const [ticket, { until }] of this.#tickets) {
      if (until > now) break;
      this.#tickets.delete(ticket);
    }
    const ticket = randomBytes(32).toString('base64url');
    this.#tickets.set(ticket, { session, until: now + LIFETIME_SECONDS * 1000 });
    return { ticket, expiresInSeconds: LIFETIME_SECONDS };
  }

  /** @throws SessionError `token_invalid`, or the reason why the session is over */
  async redeem(ticket: string): Promise<Session> {
    const found = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    if (found === undefined || found.until <= this.#clock()) {
      throw new SessionError('token_invalid', {
        detail: 'This ticket is unknown, used or expired; ask for another one.',
        action: 'refresh_token',
      });
    }
    await found.session.check();
    return found.session;
  }
}
