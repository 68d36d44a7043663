/**
 * The key set of an issuer whose address is read from the issuer's metadata.
 *
 * @see OpenID Connect Discovery 1.0 section 4
 * @see RFC 8414 section 3
 */
import type { Clock } from '../clock.js';
import { describe } from '../option-reader.js';
import { isRecord } from '../type-guards.js';
import {
  FETCH_TIMEOUT_MS,
  fetchJson,
  UnexpectedStatus,
  withTimeout,
  type Fetch,
  type FetchedJson,
} from './fetch-json.js';
import { fetchJwks, type FetchedKeys } from './fetch-jwks.js';
import { hasCredentials, isSafeAddress, parseAddress } from './safe-address.js';

export interface DiscoverySource {
  /** As it is configured, and so as the metadata must name it. */
  readonly issuer: string;
  readonly fetch: Fetch;
  readonly allowHttp: boolean;
}

/** Of the 5 s of a fetch. The rest is left for the key set at the address that is known. */
const REREAD_TIMEOUT_MS = 2_000;
const REREAD_AFTER_MS = 86_400_000;
const REREAD_AGAIN_AFTER_MS = 600_000;

export class DiscoveredJwks {
  readonly #source: DiscoverySource;
  readonly #algorithms: ReadonlySet<string>;
  readonly #clock: Clock;
  #uri: URL | undefined;
  #rereadAt = 0;

  constructor(source: DiscoverySource, algorithms: ReadonlySet<string>, clock: Clock) {
    this.#source = source;
    this.#algorithms = algorithms;
    this.#clock = clock;
  }

  /** The address of the key set, or of the metadata until that is known. */
  get address(): string {
    return this.#uri?.href ?? metadataAddresses(this.#source.issuer).openid;
  }

  /**
   * Fetches the key set. Its address is read from the metadata at first, daily, and if the address
   * that is known has no key set.
   *
   * @throws Error whose message is for the app's log
   */
  fetch(): Promise<FetchedKeys> {
    return withTimeout(FETCH_TIMEOUT_MS, `the JWKS of ${this.#source.issuer}`, (signal) =>
      this.#fetchFromCurrent(signal),
    );
  }

  async #fetchFromCurrent(signal: AbortSignal): Promise<FetchedKeys> {
    const known = this.#uri;
    if (known === undefined || this.#isDue())
      return this.#fetchFrom(await this.#read(signal), signal);
    try {
      return await this.#fetchFrom(known, signal);
    } catch (error) {
      // If the address hung until the end, the next fetch reads the metadata before.
      this.#rereadAt = -Infinity;
      if (signal.aborted) throw error;
      const current = await this.#read(signal);
      if (current.href === known.href) throw error;
      return this.#fetchFrom(current, signal);
    }
  }

  #fetchFrom(uri: URL, signal: AbortSignal): Promise<FetchedKeys> {
    return fetchJwks(uri, this.#source.fetch, this.#algorithms, signal);
  }

  #isDue(): boolean {
    const wait = this.#rereadAt - this.#clock();
    // After a clock was set back, the age of the address is unknown.
    return wait <= 0 || wait > REREAD_AFTER_MS;
  }

  /** The address by the metadata; if these cannot be had, the one that is known. */
  async #read(signal: AbortSignal): Promise<URL> {
    const known = this.#uri;
    if (known === undefined) return this.#keep(await readJwksUri(this.#source, signal));
    try {
      const metadata = `the metadata of ${this.#source.issuer}`;
      return this.#keep(
        await withTimeout(REREAD_TIMEOUT_MS, metadata, (limited) =>
          readJwksUri(this.#source, AbortSignal.any([signal, limited])),
        ),
      );
    } catch {
      this.#rereadAt = this.#clock() + REREAD_AGAIN_AFTER_MS;
      return known;
    }
  }

  #keep(uri: URL): URL {
    this.#uri = uri;
    this.#rereadAt = this.#clock() + REREAD_AFTER_MS;
    return uri;
  }
}

async function readJwksUri(source: DiscoverySource, signal: AbortSignal): Promise<URL> {
  const { address, value } = await fetchMetadata(source, signal);
  if (!isRecord(value)) throw new Error(`${address} answered without an object of metadata`);
  if (value.issuer !== source.issuer) throw otherIssuer(address, value.issuer, source.issuer);
  const uri = parseAddress(value.jwks_uri);
  if (uri === undefined || hasCredentials(uri) || !isSafeAddress(uri, source.allowHttp)) {
    throw new Error(`${address} has no \`jwks_uri\` that is an https: address`);
  }
  return uri;
}

async function fetchMetadata(
  { issuer, fetch }: DiscoverySource,
  signal: AbortSignal,
): Promise<FetchedJson & { readonly address: string }> {
  const { openid, oauth } = metadataAddresses(issuer);
  try {
    return { ...(await fetchJson(openid, 'application/json', fetch, signal)), address: openid };
  } catch (error) {
    if (!(error instanceof UnexpectedStatus) || error.status !== 404) throw error;
  }
  try {
    return { ...(await fetchJson(oauth, 'application/json', fetch, signal)), address: oauth };
  } catch (error) {
    throw new Error(`${openid} answered 404, and ${(error as Error).message}`, { cause: error });
  }
}

function metadataAddresses(issuer: string): { readonly openid: string; readonly oauth: string } {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return {
    openid: `${origin}${path}/.well-known/openid-configuration`,
    oauth: `${origin}/.well-known/oauth-authorization-server${path}`,
  };
}

function otherIssuer(address: string, named: unknown, expected: string): Error {
  const name = typeof named === 'string' ? named.slice(0, 200) : describe(named);
  const isSlash = typeof named === 'string' && withoutSlash(named) === withoutSlash(expected);
  const hint = isSlash ? ': they differ by a trailing slash' : '';
  return new Error(`${address} names the issuer ${name}, but ${expected} is configured${hint}`);
}

function withoutSlash(issuer: string): string {
  return issuer.replace(/\/$/, '');
}
