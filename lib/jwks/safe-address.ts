/**
 * Addresses that keys may be fetched from. Over plain HTTP anybody on the way could replace the keys.
 */
import { parseUrl } from '../parse-url.js';

/** Whether an address is `https:`, or `http:` on loopback or with `allowHttp`. */
export function isSafeAddress(url: URL, allowHttp: boolean): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && (allowHttp || isLoopback(url)));
}

export function hasCredentials({ username, password }: URL): boolean {
  return username !== '' || password !== '';
}

/** Undefined for anything that is not an absolute address. */
export function parseAddress(given: unknown): URL | undefined {
  const text = given instanceof URL ? given.href : given;
  return typeof text === 'string' ? parseUrl(text) : undefined;
}

/** What is wrong with the address of a JWKS, as the predicate of a complaint; undefined if nothing. */
export function jwksUriFault(given: unknown, allowHttp: boolean): string | undefined {
  const url = parseAddress(given);
  if (url === undefined) {
    return 'must be an absolute address, such as https://issuer.example/.well-known/jwks.json.';
  }
  if (hasCredentials(url)) return 'must not carry a user name or a password; a JWKS is public.';
  if (isSafeAddress(url, allowHttp)) return undefined;
  return 'must be https: (or http: on this machine, or http: with `allowHttp: true`): whoever can change the keys on their way signs in as anybody.';
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
