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

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
