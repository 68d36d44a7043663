/**
 * One fetch of a JWKS. `key-set.ts` decides when.
 */
import { fetchJson, type Fetch } from './fetch-json.js';
import { parseJwks, type PublishedKeys } from './parse-jwks.js';

export interface FetchedKeys {
  readonly keys: PublishedKeys;
  /** The rest of the answer's freshness lifetime, within bounds (RFC 9111 section 4.2). */
  readonly maxAgeSeconds: number;
}

const ACCEPT = 'application/jwk-set+json, application/json';
const DEFAULT_AGE_SECONDS = 600;
const MIN_AGE_SECONDS = 60;
const MAX_AGE_SECONDS = 3_600;
/** The largest number that a cache has to understand (RFC 9111 section 1.2.2). */
const MAX_DELTA_SECONDS = 2 ** 31;

/** @throws Error whose message is for the app's log */
export async function fetchJwks(
  uri: URL,
  fetch: Fetch,
  algorithms: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<FetchedKeys> {
  const { value, headers } = await fetchJson(uri.href, ACCEPT, fetch, signal);
  const keys = parseJwks(value, algorithms);
  if (keys === undefined) throw new Error(`${uri.href} answered without a usable key`);
  return { keys, maxAgeSeconds: maxAgeOf(headers) };
}

function maxAgeOf(headers: Pick<Headers, 'get'>): number {
  const maxAge = /(?:^|[\s,])max-age="?(\d+)/i.exec(headers.get('cache-control') ?? '')?.[1];
  if (maxAge === undefined) return DEFAULT_AGE_SECONDS;
  // The time that the answer has spent in caches, such as that of a CDN.
  const age = /^\s*(\d+)/.exec(headers.get('age') ?? '')?.[1];
  const left = deltaSeconds(maxAge) - deltaSeconds(age ?? '0');
  return Math.min(MAX_AGE_SECONDS, Math.max(MIN_AGE_SECONDS, left));
}

function deltaSeconds(digits: string): number {
  return Math.min(MAX_DELTA_SECONDS, Number(digits));
}
