/**
 * Where the access token is in a request: pure functions of its headers.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ConfigurationError } from './option-reader.js';
import { SessionError } from './errors.js';
import { isPromiseLike } from './maybe-promise.js';

/** As much of a request as is needed to find its token; Express's, Node's and others' fit. */
export interface RequestWithHeaders {
  readonly headers: IncomingHttpHeaders;
  /** Node's list of names and values in turn: the only place where a repeated header can be seen. */
  readonly rawHeaders?: readonly string[] | undefined;
}

/**
 * Finds the access token of a request, or returns undefined where there is none.
 * Written as a method so that `(req: express.Request) => …` fits too.
 */
export type TokenReader = {
  read(request: RequestWithHeaders): string | undefined;
}['read'];

/**
 * Reads `Authorization: Bearer <token>` (RFC 6750 section 2.1).
 * Another scheme counts as no token. `Bearer` with nothing or with white space inside, and a
 * repeated header, are `invalid_request`.
 */
export function fromBearer(): TokenReader {
  return function readBearer(request) {
    const header: unknown = request.headers.authorization;
    if (header === undefined) return undefined;
    if (typeof header !== 'string' || isRepeated('authorization', request.rawHeaders)) {
      throw new SessionError('invalid_request');
    }
    if (!/^bearer(?=\s|$)/i.test(header)) return undefined;
    const token = header.slice('Bearer '.length);
    if (header[6] !== ' ' || token === '' || /\s/.test(token)) {
      throw new SessionError('invalid_request');
    }
    return token;
  };
}

/**
 * Reads the cookie of this name. An empty one counts as absent; two of the same name are
 * `invalid_request`.
 *
 * @throws ConfigurationError for what cannot be a cookie's name (RFC 6265 section 4.1.1).
 */
export function fromCookie(name: string): TokenReader {
  if (typeof name !== 'string' || !/^[!#$%&'*+\-.^_`|~\w]+$/.test(name)) {
    throw new ConfigurationError([
      "fromCookie(name): `name` must be a cookie's name, without white space, quotes or separators.",
    ]);
  }
  return function readCookie(request) {
    const header: unknown = request.headers.cookie;
    if (typeof header !== 'string') return undefined;
    const values = header
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(`${name}=`) && pair.length > name.length + 1)
      .map((pair) => pair.slice(name.length + 1));
    if (values.length > 1) {
      throw new SessionError('invalid_request', {
        detail: 'Send the access token in one cookie, not in two of the same name.',
      });
    }
    return values[0];
  };
}

/** The one token of a request; two transports at once are refused (RFC 6750 section 2). */
export function readToken(
  readers: readonly TokenReader[],
  request: RequestWithHeaders,
): string | undefined {
  let found: string | undefined;
  for (const read of readers) {
    const token: unknown = read(request);
    if (token === undefined || token === null || token === '') continue;
    if (isPromiseLike(token)) {
      // Nobody waits for it, and a rejection that nobody hears ends the process.
      token.then(undefined, () => undefined);
      throw new ConfigurationError([
        '`token`: a reader must return its token, not a promise of it.',
      ]);
    }
    // What a reader found where a client may write arrays, such as a query string.
    if (typeof token !== 'string') throw new SessionError('invalid_request');
    if (found !== undefined) {
      throw new SessionError('invalid_request', {
        detail: 'Send the access token in one place, not in two at once.',
      });
    }
    found = token;
  }
  return found;
}

/** Node keeps the first of several Authorization headers and drops the others in silence. */
function isRepeated(name: string, rawHeaders: readonly string[] | undefined): boolean {
  if (rawHeaders === undefined) return false;
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index];
    if (candidate?.length === name.length && candidate.toLowerCase() === name) count += 1;
  }
  return count > 1;
}
