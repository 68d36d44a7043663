/**
 * The decision about a WebSocket is made on the HTTP request that asks for it, so that a refusal is an
 * HTTP answer.
 */
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { SessionError, type Session, type Sessions } from 'express-wallet-session';
import { ApiProblem } from '../wallet/api-problem.js';
import { problemOf } from './problem-of.js';
import type { Tickets } from './tickets.js';

/**
 * The session of the request's ticket or `Authorization` header, or undefined if the token is to come
 * in the first message.
 *
 * @param hasRoom whether there is room for one more socket without a session
 */
export async function admitUpgrade(
  request: IncomingMessage,
  { sessions, tickets }: { readonly sessions: Sessions; readonly tickets: Tickets },
  hasRoom: boolean,
): Promise<Session | undefined> {
  const url = targetOf(request);
  if (url?.pathname !== '/live') {
    throw new ApiProblem(404, 'not_found', 'There is no WebSocket at this address.');
  }
  if (!isFromThisSite(request)) {
    throw new ApiProblem(403, 'origin_not_allowed', 'Pages of other sites may not connect.');
  }
  const ticket = url.searchParams.get('ticket');
  if (ticket !== null) return tickets.redeem(ticket);
  if (request.headers.authorization !== undefined) return sessions.authenticate(request);
  if (!hasRoom)
    throw new ApiProblem(503, 'too_many_connections', 'Try again in a moment.', {
      retryAfterSeconds: 5,
    });
  return undefined;
}

/**
 * A browser lets every page open a WebSocket to every host and sends the page's `Origin`. A client
 * without that header is no browser. The list is fixed: an attacker who points a host name of his own to
 * this address chooses `Host` as well.
 */
function isFromThisSite({ headers, socket }: IncomingMessage): boolean {
  const { origin } = headers;
  const port = socket.localPort ?? 0;
  const allowed = [`http://localhost:${port}`, `http://127.0.0.1:${port}`];
  return origin === undefined || allowed.includes(origin);
}

function targetOf({ url = '' }: IncomingMessage): URL | undefined {
  try {
    return new URL(url, 'http://localhost');
  } catch {
    return undefined;
  }
}

/** Answers instead of an upgrade. A browser hides this answer from the page. */
export function refuseUpgrade(error: unknown, request: IncomingMessage, socket: Duplex): void {
  const problem = problemOf(error, request);
  const body = JSON.stringify(problem);
  const headers = {
    ...(error instanceof SessionError && error.headers),
    ...(error instanceof ApiProblem &&
      error.retryAfterSeconds !== undefined && { 'Retry-After': error.retryAfterSeconds }),
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const { status } = problem;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}
