/**
 * One JSON document over HTTP: a key set, or the metadata of an issuer. The caller is protected from
 * slow, large and redirected answers, and each error names the address.
 */
import { parseUrl } from '../parse-url.js';

/** A fetch as the app gives it, which need not be the one of Node. */
export type Fetch = typeof globalThis.fetch;

export interface FetchedJson {
  readonly value: unknown;
  readonly headers: Pick<Headers, 'get'>;
}

export const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 512 * 1024;

/** An answer with a status other than 200. */
export class UnexpectedStatus extends Error {
  readonly status: number;

  constructor(address: string, status: number, hint = '') {
    super(`${address} answered ${status}${hint}`);
    this.status = status;
  }
}

/**
 * Runs `work` with a time limit. A `fetch` of the app may ignore the signal, so the limit does not
 * rely on it.
 *
 * @param source the subject of the error message
 */
export async function withTimeout<T>(
  limitMs: number,
  source: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${source} did not answer within ${limitMs} ms`));
      abort.abort();
    }, limitMs);
  });
  try {
    return await Promise.race([work(abort.signal), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws Error whose message is for the app's log */
export async function fetchJson(
  address: string,
  accept: string,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<FetchedJson> {
  const response = await send(address, accept, fetch, signal);
  // A `fetch` of the app may follow redirects nevertheless.
  if (response.status !== 200 || response.redirected) {
    discard(response.body);
    throw response.redirected
      ? new Error(
          `${address} redirected to ${withoutQuery(response.url, address)}: give that address`,
        )
      : new UnexpectedStatus(address, response.status, redirectHint(response, address));
  }
  return {
    value: parseJson(await readText(response, address), address),
    headers: response.headers,
  };
}

async function send(
  address: string,
  accept: string,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<Response> {
  try {
    // Keys come from the address that was configured and from no other.
    return await fetch(address, { signal, redirect: 'manual', headers: { accept } });
  } catch (error) {
    const { message, cause } = (error ?? {}) as { message?: unknown; cause?: { code?: unknown } };
    const reasons = [message, cause?.code].filter((reason) => typeof reason === 'string');
    throw new Error([`${address} could not be fetched`, ...reasons].join(': '), { cause: error });
  }
}

/** The body is a web stream, or a stream of Node in node-fetch. */
function discard(body: unknown): void {
  const { cancel, destroy } = (body ?? {}) as { cancel?: unknown; destroy?: unknown };
  if (typeof cancel === 'function') {
    Promise.resolve(cancel.call(body)).catch(() => undefined);
  } else if (typeof destroy === 'function') {
    destroy.call(body);
  }
}

function redirectHint({ status, headers }: Response, address: string): string {
  const location = status >= 300 && status < 400 ? headers.get('location') : null;
  return location === null
    ? ''
    : `, a redirect to ${withoutQuery(location, address)}, which is not followed`;
}

/** The query of a redirect may hold a secret. */
function withoutQuery(location: string, base: string): string {
  const url = parseUrl(location, base);
  return url === undefined ? 'no address' : `${url.origin}${url.pathname}`;
}

async function readText(response: Response, address: string): Promise<string> {
  const body = response.body as AsyncIterable<Uint8Array> | null | undefined;
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Some fetches have no body that can be iterated over, but all have text().
  const isIterable = typeof body?.[Symbol.asyncIterator] === 'function';
  for await (const chunk of isIterable ? body : [Buffer.from(await response.text())]) {
    bytes += chunk.byteLength;
    // Leaving the loop cancels the stream.
    if (bytes > MAX_BYTES) throw new Error(`${address} answered more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  // Drops a byte order mark, which some web servers put in front.
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function parseJson(text: string, address: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${address} answered something that is not JSON`);
  }
}
