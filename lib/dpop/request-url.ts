/**
 * The URL of a request as its client sees it, for the comparison with a proof's `htu`: pure
 * functions of the request.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-4.3 | RFC 9449 section 4.3}
 */
import type { IncomingHttpHeaders } from 'node:http';
import { parseUrl } from '../parse-url.js';
import { receivedTarget, type TargetedRequest } from '../request-target.js';

/** A request of Node or Express, or one in the form of Node. */
export interface ProvenRequest extends TargetedRequest {
  readonly headers: IncomingHttpHeaders;
  readonly method?: string | undefined;
  /** Node: the connection. */
  readonly socket?: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean };
  /** Express: the app with its settings. */
  readonly app?: { get?(name: string): unknown };
}

/** A host name, an IPv4 address or an IPv6 address in brackets, with an optional port. */
const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i;

/**
 * The URL of a request, normalized; `undefined` if its host is unknown.
 *
 * @param origin the public origin of the app, which replaces what the request says
 */
export function requestUrl(request: ProvenRequest, origin: string | undefined): string | undefined {
  const base = origin ?? originOf(request);
  return base === undefined ? undefined : normalizedUrl(`${base}${receivedTarget(request)}`);
}

/**
 * A URL without query and fragment, after the normalization of RFC 3986 sections 6.2.2 and 6.2.3;
 * `undefined` for anything but an absolute http or https URL.
 */
export function normalizedUrl(given: string): string | undefined {
  const url = /^https?:\/\//i.test(given) ? parseUrl(given) : undefined;
  if (url === undefined) return undefined;
  const { protocol, host, pathname, username, password } = url;
  if (username !== '' || password !== '') return undefined;
  return `${protocol}//${host}${normalizedPath(pathname)}`;
}

/** Decodes percent-encoded unreserved characters and writes the others in capitals. */
function normalizedPath(path: string): string {
  return path.replace(/%[\da-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : encoded.toUpperCase();
  });
}

function originOf(request: ProvenRequest): string | undefined {
  const { headers, socket } = request;
  const isTrusted = trustsProxy(request);
  const forwardedHost = isTrusted ? firstOf(headers['x-forwarded-host']) : undefined;
  const forwardedProto = isTrusted ? firstOf(headers['x-forwarded-proto']) : undefined;
  const authority = headers[':authority'];
  const host = forwardedHost ?? headers.host ?? (typeof authority === 'string' ? authority : '');
  const scheme = forwardedProto?.toLowerCase() ?? (socket?.encrypted === true ? 'https' : 'http');
  if (!HOST.test(host) || (scheme !== 'http' && scheme !== 'https')) return undefined;
  return `${scheme}://${host}`;
}

/** Whether Express' setting `trust proxy` trusts the peer of the connection. */
function trustsProxy({ app, socket }: ProvenRequest): boolean {
  const trust = app?.get?.('trust proxy fn') as
    ((address: string | undefined, hop: number) => unknown) | undefined;
  return typeof trust === 'function' && trust(socket?.remoteAddress, 0) === true;
}

/** Proxies append to these headers, so the first value is the client's view. */
function firstOf(header: string | readonly string[] | undefined): string | undefined {
  const value = (Array.isArray(header) ? header.join() : (header as string | undefined))
    ?.split(',')[0]
    ?.trim();
  return value === '' ? undefined : value;
}
