/**
 * An API on a loopback port that answers as a test says and remembers what it was asked, and the
 * frontend's side of sign-in: access tokens that a refresh replaces.
 */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SessionError } from '../../lib/errors.js';
import type { SessionErrorOptions } from '../../lib/errors.js';
import type { ErrorType } from '../../lib/protocol.js';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly previous: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (request: Received, response: ServerResponse) => unknown;

export interface Api {
  readonly origin: string;
  readonly received: Received[];
  /** Method and path of what was received, in order. */
  calls(): string[];
  /** What the requests carried: the token, and the previous one after a slash. */
  tokens(): string[];
  close(): Promise<void>;
}

const open = new Set<Api>();

/** Closes every API that was started and not closed. */
export async function closeApis(): Promise<void> {
  await Promise.all([...open].map((api) => api.close()));
}

export async function startApi(answer: Answer): Promise<Api> {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8');
    req.on('data', (chunk: string) => (body += chunk));
    req.on('end', () => {
      const { method = '', url: path = '', headers } = req;
      const previous = headers['previous-access-token'] as string | undefined;
      const token = headers.authorization?.replace(/^Bearer /, '');
      const request = { method, path, token, previous, headers, body };
      received.push(request);
      answer(request, res);
    });
  });
  const origin = await listen(server);
  const api: Api = {
    origin,
    received,
    calls: () => received.map(({ method, path }) => `${method} ${path}`),
    tokens: () => received.map(({ token = 'none', previous }) => shown(token, previous)),
    close: () =>
      new Promise((resolve) => {
        open.delete(api);
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  open.add(api);
  return api;
}

function shown(token: string, previous: string | undefined): string {
  return previous === undefined ? token : `${token}/${previous}`;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The answer of the library to a refused request. */
export function refuse(
  response: ServerResponse,
  errorType: ErrorType,
  options: SessionErrorOptions = {},
): void {
  const error = new SessionError(errorType, options);
  response.writeHead(error.status, {
    ...error.headers,
    'Content-Type': 'application/problem+json; charset=utf-8',
  });
  response.end(JSON.stringify(error.toProblem()));
}

export function redirect(response: ServerResponse, status: number, location: string): void {
  response.writeHead(status, { Location: location }).end('elsewhere');
}

/** Tokens t1, t2, ...: what CDP's SDK does for a frontend. */
export class SignedInUser {
  token: string | null = 't1';
  refreshes = 0;
  /** A refresh takes as long as this. */
  beforeRefresh: () => Promise<void> = () => Promise.resolve();

  readonly getAccessToken = async (options?: {
    readonly forceRefresh?: boolean;
  }): Promise<string | null> => {
    if (options?.forceRefresh === true) {
      this.refreshes += 1;
      await this.beforeRefresh();
      this.rotate();
    }
    return this.token;
  };

  /** As a timer of the SDK does, unasked. */
  rotate(): void {
    if (this.token !== null) this.token = `t${Number(this.token.slice(1)) + 1}`;
  }
}

/** A promise to be kept by the test. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}

/** Waits, at most 5 s, for what is on its way through the event loop and the loopback. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it never came true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
