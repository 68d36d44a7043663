/**
 * An HTTP server on a loopback port that answers as a test says and records its requests, and a
 * signed-in user whose access token a refresh replaces.
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
  /** Name of the token, `t1`, instead of its text. */
  readonly token: string | undefined;
  readonly previous: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (request: Received, response: ServerResponse) => unknown;

export interface Api {
  readonly origin: string;
  readonly received: Received[];
  /** Method and path of each request, in order. */
  calls(): string[];
  /** Name of the token in each request, and of the previous one after a slash. */
  tokens(): string[];
  close(): Promise<void>;
}

const open = new Set<Api>();

/** Closes every server that was started and not closed. */
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
      const previous = nameOf(headers['previous-access-token'] as string | undefined);
      const token = nameOf(headers.authorization?.replace(/^(Bearer|DPoP) /, ''));
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

/**
 * An access token with this name as its `jti`, for the user `user-1` unless the claims say otherwise.
 * Its signature is a stand-in, because the servers of these tests verify none.
 */
export function jwt(name: string, claims: Readonly<Record<string, unknown>> = {}): string {
  const payload = { iss: 'https://issuer.example', sub: 'user-1', jti: name, ...claims };
  const parts = [{ alg: 'ES256' }, payload].map((part) => JSON.stringify(part));
  return [...parts.map((part) => Buffer.from(part).toString('base64url')), 'c2ln'].join('.');
}

/** The name that `jwt()` was given; any other token is its own name. */
export function nameOf(token: string | undefined): string | undefined {
  try {
    const payload = Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString();
    return (JSON.parse(payload) as { jti?: string }).jti ?? token;
  } catch {
    return token;
  }
}

/** The user's side of sign-in, as an SDK has it: tokens named t1, t2 and so on. */
export class SignedInUser {
  /** Name of the current token; null if nobody is signed in. */
  token: string | null = 't1';
  claims: Readonly<Record<string, unknown>> = {};
  refreshes = 0;
  /** Delays each refresh. */
  beforeRefresh: () => Promise<void> = () => Promise.resolve();

  readonly getAccessToken = async (options?: {
    readonly forceRefresh: boolean;
  }): Promise<string | null> => {
    if (options?.forceRefresh === true) {
      this.refreshes += 1;
      await this.beforeRefresh();
      this.rotate();
    }
    return this.token === null ? null : jwt(this.token, this.claims);
  };

  /** Renews the token, as a timer of an SDK does without being asked. */
  rotate(): void {
    if (this.token !== null)
      this.token = this.token.replace(/\d+/, (count) => String(Number(count) + 1));
  }

  /** Signs another user in, whose tokens are named b1, b2 and so on. */
  replace(claims: Readonly<Record<string, unknown>> = { sub: 'user-2' }): void {
    this.token = 'b1';
    this.claims = claims;
  }
}

/** A promise that the test resolves. */
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

/** Waits until the condition holds; fails after 5 s. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it never came true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
