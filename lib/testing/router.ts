/**
 * The test issuer over HTTP, for examples and for tests with a browser: one-time codes, refresh by
 * an HttpOnly cookie, sign-out, the JWKS and the metadata that name it. It works with Express 4,
 * Express 5 and plain Node.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isNonEmptyString, isRecord } from '../type-guards.js';
import { OneTimeCodeError } from './one-time-codes.js';
import { RefreshError, type TokenPair } from './refresh-tokens.js';

/** A request handler. It passes on requests to other routes. */
export type TestIssuerRouter = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** The part of the issuer that the routes call. */
export interface TokenService {
  fetchJwks(signal?: AbortSignal): Promise<Response>;
  fetchMetadata(signal?: AbortSignal): Promise<Response>;
  requestCode(email: string): Promise<string>;
  signInWithCode(email: string, code: string): Promise<TokenPair>;
  refresh(refreshToken: string): Promise<TokenPair>;
  signOut(refreshToken: string): Promise<void>;
}

type Handler = (issuer: TokenService, req: IncomingMessage, res: ServerResponse) => Promise<void>;

const COOKIE = 'cdp_refresh_token';
const MAX_BODY_BYTES = 4096;

const ROUTES: Readonly<Record<string, Handler>> = {
  'GET /.well-known/jwks.json': (issuer, _req, res) =>
    sendDocument(res, (signal) => issuer.fetchJwks(signal)),
  'GET /.well-known/openid-configuration': (issuer, _req, res) =>
    sendDocument(res, (signal) => issuer.fetchMetadata(signal)),
  'POST /auth/code': sendCode,
  'POST /auth/sign-in': signIn,
  'POST /auth/refresh': refresh,
  'POST /auth/sign-out': signOut,
};

export function routerOf(issuer: TokenService): TestIssuerRouter {
  return function testIssuerRouter(req, res, next) {
    const route = `${req.method ?? ''} ${pathOf(req)}`;
    const handler = Object.hasOwn(ROUTES, route) ? ROUTES[route] : undefined;
    if (handler === undefined) {
      next();
      return;
    }
    handler(issuer, req, res).catch((error: unknown) => {
      if (res.closed) return;
      if (error instanceof BadRequest) send(res, 400, problem('invalid_request', error.message));
      else if (error instanceof RefreshError || error instanceof OneTimeCodeError) {
        send(res, 401, { ...problem('unauthorized', error.message), code: error.code });
      } else next(error);
    });
  };
}

class BadRequest extends Error {}

async function sendDocument(
  res: ServerResponse,
  fetchDocument: (signal: AbortSignal) => Promise<Response>,
): Promise<void> {
  // A slow answer is given up when the client disconnects.
  const gone = new AbortController();
  res.once('close', () => {
    gone.abort();
  });
  const answer = await fetchDocument(gone.signal);
  res.setHeader('Content-Type', answer.headers.get('content-type') ?? 'text/plain');
  res.statusCode = answer.status;
  res.end(await answer.text());
}

/** A real issuer would send the code by email. */
async function sendCode(
  issuer: TokenService,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { email } = await bodyOf(req);
  if (!isNonEmptyString(email)) throw new BadRequest('`email` is missing.');
  send(res, 200, { code: await issuer.requestCode(email) });
}

async function signIn(
  issuer: TokenService,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { email, code } = await bodyOf(req);
  if (!isNonEmptyString(email) || !isNonEmptyString(code)) {
    throw new BadRequest('`email` and `code` are needed.');
  }
  sendPair(req, res, await issuer.signInWithCode(email, code));
}

async function refresh(
  issuer: TokenService,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const token = cookieOf(req);
  if (token === undefined) throw new RefreshError('refresh_token_invalid');
  sendPair(req, res, await issuer.refresh(token));
}

async function signOut(
  issuer: TokenService,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const token = cookieOf(req);
  if (token !== undefined) await issuer.signOut(token);
  res.setHeader('Set-Cookie', cookie(req, '', 0));
  send(res, 204);
}

function sendPair(req: IncomingMessage, res: ServerResponse, pair: TokenPair): void {
  res.setHeader('Set-Cookie', cookie(req, pair.refreshToken, 604_800));
  send(res, 200, { accessToken: pair.accessToken });
}

function cookie(req: IncomingMessage, value: string, maxAgeSeconds: number): string {
  const { originalUrl = req.url ?? '' } = req as { originalUrl?: string };
  const mountedAt = originalUrl.slice(0, originalUrl.length - (req.url ?? '').length);
  const secure = 'encrypted' in req.socket ? '; Secure' : '';
  return `${COOKIE}=${value}; Path=${mountedAt}/auth; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}

function cookieOf(req: IncomingMessage): string | undefined {
  return new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]+)`).exec(req.headers.cookie ?? '')?.[1];
}

function pathOf(req: IncomingMessage): string {
  return (req.url ?? '').split('?')[0] ?? '';
}

/** The JSON body, from a parser that ran before or from the request itself. */
async function bodyOf(req: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const { body } = req as { body?: unknown };
  const parsed = body ?? parseJson(await textOf(req));
  if (!isRecord(parsed)) throw new BadRequest('The body must be a JSON object.');
  return parsed;
}

function textOf(req: IncomingMessage): Promise<string> {
  // A parser of another media type may have read it.
  if (req.readableEnded) return Promise.resolve('');
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    // The rest of a long body is read and dropped, because a client that still sends would not read
    // the answer.
    req.on('data', (chunk: Buffer | string) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(Buffer.from(chunk));
      else reject(new BadRequest('The body is too long.'));
    });
    req.once('end', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    req.once('error', () => {
      reject(new BadRequest('The body did not arrive.'));
    });
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** CDP's form of an error body. */
function problem(errorType: string, errorMessage: string): Record<string, unknown> {
  return { errorType, errorMessage };
}

function send(res: ServerResponse, status: number, body?: Readonly<Record<string, unknown>>): void {
  res.statusCode = status;
  res.setHeader('Cache-Control', 'no-store');
  if (body === undefined) {
    res.end();
    return;
  }
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(body));
}
