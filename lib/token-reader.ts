/**
 * Reads the access token from a request: pure functions of its headers.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ConfigurationError } from './option-reader.js';
import { SessionError } from './errors.js';
import { nodeHeaders, type RequestHeaders } from './request-headers.js';
import { isPromiseLike } from './maybe-promise.js';
import { isRecord } from './type-guards.js';

/** A request, as far as a token reader needs it. Requests of Node and of Express are assignable. */
export interface RequestWithHeaders {
  /** The headers under names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Node's flat list of names and values, which alone shows that a header was repeated. */
  readonly rawHeaders?: readonly string[] | undefined;
  /** The HTTP method. */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
}

/** A request of Node, of the Fetch standard, or of a framework with headers in any case. */
export interface AuthenticateRequest {
  /** The headers, under names in any case. */
  readonly headers: RequestHeaders;
  /** The HTTP method. DPoP needs it. */
  readonly method?: string | undefined;
  /** The request target or the URL. DPoP needs it. */
  readonly url?: string | undefined;
}

/**
 * Returns the access token of a request, or undefined if the request has no token.
 *
 * @example
 * const fromHeader: TokenReader = (request) => request.headers['x-access-token']?.toString();
 * app.use(validateSession({ token: [fromBearer(), fromHeader] }));
 */
// The type of a method, so that a function of `express.Request` is assignable too.
export type TokenReader = {
  read(request: RequestWithHeaders): string | undefined;
}['read'];

/**
 * Reads `Authorization: Bearer <token>`. Another scheme counts as no token. `Bearer` with no token
 * or with white space inside it, and a repeated header, are `invalid_request`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-2.1 | RFC 6750 section 2.1}
 *
 * @example
 * app.use(
 *   validateSession({ token: [fromBearer(), fromCookie('access_token')] }),
 * );
 */
export function fromBearer(): TokenReader {
  return function readBearer(request) {
    return readScheme(request, 'bearer');
  };
}

/**
 * Reads the cookie of this name. An empty one counts as absent, and several with equal values as
 * one; different values are `invalid_request`. A browser sends cookies with requests of other sites
 * too, so protect the routes against CSRF.
 *
 * @throws ConfigurationError if it cannot be a cookie's name (RFC 6265 section 4.1.1)
 *
 * @example
 * app.use(
 *   validateSession({ token: [fromCookie('__Host-access_token')] }),
 * );
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
    // A browser sends one for each path and domain that it was set for.
    if (values.some((value) => value !== values[0])) {
      throw new SessionError('invalid_request', {
        detail: 'Send the access token in one cookie, not in two of the same name.',
      });
    }
    return values[0];
  };
}

/** For token readers, which expect Node's headers. A request of Node is returned as it is. */
export function inNodeForm(request: AuthenticateRequest): RequestWithHeaders {
  if (!isRecord(request) || !isRecord(request.headers)) {
    throw new TypeError('authenticate(request): `request` must be an object with `headers`.');
  }
  const headers = nodeHeaders(request.headers);
  if (headers === request.headers) return request as RequestWithHeaders;
  // The method and the URL of the Fetch standard's Request are getters, which a spread leaves out.
  return { ...request, method: request.method, url: request.url, headers };
}

/** A search for each of Latin-1 takes a third of the time of `\s`. */
const WHITE_SPACE = [' ', '\t', '\n', '\v', '\f', '\r', '\xa0'];
/** The others of `\s`. V8 knows at once that a text of Latin-1, as every header of HTTP, has none. */
const WIDE_WHITE_SPACE = /[^\S\0-\xff]/;

const SCHEMES = {
  bearer: { usual: 'Bearer ', pattern: /^bearer(?=\s|$)/i },
  dpop: { usual: 'DPoP ', pattern: /^dpop(?=\s|$)/i },
};

/** The access token of a request, and whether it came under the `DPoP` scheme (RFC 9449 section 7). */
export interface Credentials {
  readonly token: string;
  readonly isDpop: boolean;
}

/**
 * The one token of a request; two transports at once are refused (RFC 6750 section 2).
 *
 * @param readsDpop whether `Authorization: DPoP` counts; else it is a scheme like any other
 * @throws SessionError `invalid_request`
 */
export function readCredentials(
  readers: readonly TokenReader[],
  readsDpop: boolean,
  request: RequestWithHeaders,
): Credentials | undefined {
  const header: unknown = request.headers.authorization;
  // Bearer tokens are usual, and a second look for repeated headers costs each request.
  const isOther =
    typeof header === 'string' &&
    (header.startsWith(SCHEMES.bearer.usual) || !hasScheme(header, 'dpop'));
  const bound = readsDpop && !isOther ? readScheme(request, 'dpop') : undefined;
  const token = readToken(readers, request, bound);
  return token === undefined ? undefined : { token, isDpop: bound !== undefined };
}

function readToken(
  readers: readonly TokenReader[],
  request: RequestWithHeaders,
  bound: string | undefined,
): string | undefined {
  let found = bound;
  for (const read of readers) {
    const token: unknown = read(request);
    if (token === undefined || token === null || token === '') continue;
    if (isPromiseLike(token)) {
      // An unhandled rejection would end the process.
      token.then(undefined, () => undefined);
      throw new ConfigurationError([
        '`token`: a reader must return its token, not a promise of it.',
      ]);
    }
    // The client may have sent an array, for instance in a query string.
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

/** The token of an `Authorization` header of one scheme; another scheme counts as no token. */
function readScheme(request: RequestWithHeaders, scheme: keyof typeof SCHEMES): string | undefined {
  const header: unknown = request.headers.authorization;
  if (header === undefined) return undefined;
  if (typeof header !== 'string' || isRepeated('authorization', request.rawHeaders)) {
    throw new SessionError('invalid_request');
  }
  if (!hasScheme(header, scheme)) return undefined;
  const { length } = scheme;
  const token = header.slice(length + 1);
  if (header[length] !== ' ' || token === '' || hasWhiteSpace(token)) {
    throw new SessionError('invalid_request');
  }
  return token;
}

function hasWhiteSpace(token: string): boolean {
  return WHITE_SPACE.some((one) => token.includes(one)) || WIDE_WHITE_SPACE.test(token);
}

/** A comparison with the usual spelling takes a fraction of the time of a pattern. */
function hasScheme(header: string, scheme: keyof typeof SCHEMES): boolean {
  const { usual, pattern } = SCHEMES[scheme];
  return header.startsWith(usual) || pattern.test(header);
}

/** Node keeps the first of several Authorization headers and drops the others silently. */
function isRepeated(name: string, rawHeaders: readonly string[] | undefined): boolean {
  if (rawHeaders === undefined) return false;
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index];
    if (candidate?.length === name.length && candidate.toLowerCase() === name) count += 1;
  }
  return count > 1;
}
