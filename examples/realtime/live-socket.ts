/**
 * The WebSocket of one client: it takes its token from a ticket, from a header or from the first
 * message, takes fresh tokens in messages, and ends with the session: close code 4401, and the
 * `errorType` as the reason.
 */
import type { Server } from 'node:http';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import {
  SessionError,
  type Session,
  type Sessions,
  type SessionWatch,
} from 'express-wallet-session';
import { parseMessage, type SendMessage, type TokenMessage } from './messages.js';
import type { Payments } from './payments.js';
import { problemOf } from './problem-of.js';
import type { Tickets } from './tickets.js';
import { admitUpgrade, refuseUpgrade } from './upgrade.js';

export interface LiveSocketOptions {
  readonly sessions: Sessions;
  readonly tickets: Tickets;
  readonly payments: Payments;
}

/** The session is over, or there was no token. 4000 to 4999 are the codes of applications. */
const SESSION_OVER = 4401;
/** RFC 6455, section 7.4.1: the message is against the rules of the server. */
const POLICY_VIOLATION = 1008;

/** Two tokens of at most 8 KiB, and the JSON around them. */
const MAX_MESSAGE_BYTES = 20_000;
const MAX_QUEUED_MESSAGES = 16;
const MAX_UNREAD_BYTES = 1_000_000;
const FIRST_MESSAGE_SECONDS = 5;
/** How long a client may take to answer that the socket is closed. */
const CLOSING_SECONDS = 5;
/** Sockets without a session. A client with a ticket is let in regardless of them. */
const MAX_WAITING_SOCKETS = 200;
/** How long another process may take to notice a sign-out. */
const WATCH_SECONDS = 1;

export function serveLiveSockets(server: Server, options: LiveSocketOptions): void {
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  const waiting = new Set<WebSocket>();

  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    admitUpgrade(request, options, waiting.size < MAX_WAITING_SOCKETS).then(
      (session) => {
        webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          if (session === undefined) waiting.add(webSocket);
          new LiveSocket(webSocket, options, () => waiting.delete(webSocket)).open(session);
        });
      },
      (error: unknown) => {
        refuseUpgrade(error, request, socket);
      },
    );
  });
}

class LiveSocket {
  readonly #socket: WebSocket;
  readonly #options: LiveSocketOptions;
  /** Called when the socket has a session, and when it is closed. */
  readonly #settled: () => void;
  #session: Session | undefined;
  #watch: SessionWatch | undefined;
  #unsubscribe: (() => void) | undefined;
  #firstMessageTimer: NodeJS.Timeout | undefined;
  #queue = Promise.resolve();
  #queued = 0;

  constructor(socket: WebSocket, options: LiveSocketOptions, settled: () => void) {
    this.#socket = socket;
    this.#options = options;
    this.#settled = settled;
  }

  open(session: Session | undefined): void {
    this.#socket.on('message', (data, isBinary) => {
      this.#receive(data, isBinary);
    });
    // A message that is too large or malformed; ws closes the socket with the code that says so.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#settled();
      this.#release();
    });
    if (session !== undefined) {
      this.#adopt(session);
      return;
    }
    this.#firstMessageTimer = setTimeout(() => {
      this.#end('token_missing');
    }, FIRST_MESSAGE_SECONDS * 1000);
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** One message after the other, so that an operation sees the session that its client saw. */
  #receive(data: RawData, isBinary: boolean): void {
    if (this.#queued === MAX_QUEUED_MESSAGES) {
      this.#close(POLICY_VIOLATION, 'too_many_messages');
      return;
    }
    this.#queued += 1;
    this.#queue = this.#queue.then(async () => {
      if (this.#isOpen) await this.#handle(isBinary ? '' : textOf(data));
      this.#queued -= 1;
    });
  }

  async #handle(text: string): Promise<void> {
    const message = parseMessage(text);
    if (message === undefined) this.#close(POLICY_VIOLATION, 'invalid_message');
    else if (message.type === 'token') await this.#takeToken(message);
    else if (this.#session === undefined) this.#end('token_missing');
    else await this.#transfer(this.#session, message);
  }

  /** The first token, and each one that follows it. */
  async #takeToken({ id, accessToken, previousAccessToken }: TokenMessage): Promise<void> {
    try {
      const session = await this.#options.sessions.authenticateToken(accessToken);
      if (this.#session !== undefined && !isSameSession(this.#session, session)) {
        throw new SessionError('token_invalid');
      }
      if (previousAccessToken !== undefined) await session.mfa.carryOver(previousAccessToken);
      this.#adopt(session);
    } catch (error) {
      const problem = problemOf(error, id);
      // In an outage the socket lives on with the token that it has, and the client can try again.
      if (this.#session !== undefined && problem.status >= 500) {
        this.#send({ type: 'problem', id, problem });
      } else this.#end(problem.errorType);
    }
  }

  async #transfer(session: Session, { id, to, amount }: SendMessage): Promise<void> {
    try {
      const transfer = await this.#options.payments.send(session, { to, amount });
      this.#send({ type: 'sent', id, transfer });
    } catch (error) {
      this.#send({ type: 'problem', id, problem: problemOf(error, id) });
    }
  }

  /** From now on the socket ends with this session. */
  #adopt(session: Session): void {
    if (!this.#isOpen) return;
    clearTimeout(this.#firstMessageTimer);
    this.#settled();
    this.#watch?.stop();
    this.#session = session;
    const { signal } = (this.#watch = this.#options.sessions.watch(session, {
      everySeconds: WATCH_SECONDS,
    }));
    const end = (): void => {
      this.#end((signal.reason as SessionError).errorType);
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) {
      end();
      return;
    }
    const { userId, expiresAt, endsAt } = session;
    const { payments } = this.#options;
    this.#send({ type: 'session', userId, expiresAt, endsAt, now: payments.now() });
    this.#unsubscribe ??= payments.subscribe(userId, () => {
      this.#sendBalance(userId);
    });
    this.#sendBalance(userId);
  }

  #sendBalance(userId: string): void {
    this.#send({ type: 'balance', balance: this.#options.payments.balance(userId) });
  }

  #send(message: Readonly<Record<string, unknown>>): void {
    if (!this.#isOpen) return;
    // Unread data is kept in memory, so a client that never reads is disconnected.
    if (this.#socket.bufferedAmount > MAX_UNREAD_BYTES) this.#socket.terminate();
    else this.#socket.send(JSON.stringify(message));
  }

  #end(errorType: string): void {
    this.#close(SESSION_OVER, errorType);
  }

  #close(code: number, reason: string): void {
    this.#release();
    if (!this.#isOpen) return;
    this.#socket.close(code, reason);
    const timer = setTimeout(() => {
      this.#socket.terminate();
    }, CLOSING_SECONDS * 1000);
    this.#socket.once('close', () => {
      clearTimeout(timer);
    });
  }

  #release(): void {
    clearTimeout(this.#firstMessageTimer);
    this.#watch?.stop();
    this.#unsubscribe?.();
  }
}

/** Tokens without a session id are compared by the time of the sign-in. */
function isSameSession(one: Session, other: Session): boolean {
  return (
    one.issuer === other.issuer &&
    one.userId === other.userId &&
    one.sessionId === other.sessionId &&
    one.startedAt?.getTime() === other.startedAt?.getTime()
  );
}

function textOf(data: RawData): string {
  return (data as Buffer).toString('utf8');
}
