/**
 * One fetch of a JWKS over HTTP, and everything that may be wrong with the answer.
 * When to fetch is not decided here.
 */
import { parseJwks, type PublishedKeys } from './parse-jwks.js';

export interface FetchedKeys {
  readonly keys: PublishedKeys;
  /** How long the answer says it is fresh (RFC 9111 section 5.2.2.1), within bounds. */
  readonly maxAgeSeconds: number;
}

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 512 * 1024;
const DEFAULT_AGE_SECONDS = 600;
const MIN_AGE_SECONDS = 60;
const MAX_AGE_SECONDS = 86_400;

/** @throws Error that says what was wrong, for the app's log */
export async function fetchJwks(
  uri: URL,
  fetch: typeof globalThis.fetch,
  algorithms: ReadonlySet<string>,
): Promise<FetchedKeys> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  // A `fetch` of the app's own may not honour the signal, so the time is up here as well.
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`the JWKS endpoint did not answer within ${TIMEOUT_MS} ms`));
      abort.abort();
    }, TIMEOUT_MS);
  });
  try {
    return await Promise.race([request(uri, fetch, algorithms, abort.signal), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

async function request(
  uri: URL,
  fetch: typeof globalThis.fetch,
  algorithms: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<FetchedKeys> {
  const response = await fetch(uri.href, {
    signal,
    // Keys come from the address that was configured and from no other.
    redirect: 'manual',
    headers: { accept: 'application/jwk-set+json, application/json' },
  });
  // A `fetch` of the app's own may follow redirects nevertheless.
  if (response.status !== 200 || response.redirected) {
    await response.body?.cancel();
    throw new Error(
      `the JWKS endpoint answered ${response.redirected ? 'after a redirect' : response.status}`,
    );
  }
  const keys = parseJwks(parseJson(await readText(response)), algorithms);
  if (keys === undefined) throw new Error('the JWKS endpoint answered without a usable key');
  return { keys, maxAgeSeconds: maxAgeOf(response.headers.get('cache-control')) };
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the stream.
    if (bytes > MAX_BYTES)
      throw new Error(`the JWKS endpoint answered more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  // Drops a byte order mark, which some web servers put in front.
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the JWKS endpoint answered something that is not JSON');
  }
}

function maxAgeOf(cacheControl: string | null): number {
  const maxAge = /(?:^|[\s,])max-age="?(\d+)/i.exec(cacheControl ?? '')?.[1];
  if (maxAge === undefined) return DEFAULT_AGE_SECONDS;
  return Math.min(MAX_AGE_SECONDS, Math.max(MIN_AGE_SECONDS, Number(maxAge)));
}
