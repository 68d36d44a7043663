/**
 * The keys of an issuer at one time. It is the same object until the keys change.
 */
import { createLocalJWKSet, errors, type CryptoKey } from 'jose';
import type { MaybePromise } from '../maybe-promise.js';
import type { PublishedKeys } from './parse-jwks.js';
import { SignatureKey } from './signature.js';

/** The members of a token's header that name its key (RFC 7515 section 4.1). */
export interface KeyHeader {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** The key set that a snapshot was taken of. */
export interface KeyOwner {
  isTrusted(keys: KeySnapshot, nowMs: number): boolean;
}

export class KeySnapshot {
  readonly published: PublishedKeys;
  readonly #owner: KeyOwner;
  readonly #select: ReturnType<typeof createLocalJWKSet>;
  /** Of the keys that have no `kid`. */
  readonly #selectUnnamed: ReturnType<typeof createLocalJWKSet>;
  /** By `alg` and `kid`. Only keys that were found are added, so tokens cannot fill it. */
  readonly #selected = new Map<string, readonly SignatureKey[]>();

  constructor(published: PublishedKeys, owner: KeyOwner) {
    this.published = published;
    this.#owner = owner;
    this.#select = createLocalJWKSet({ keys: [...published.usable] });
    const unnamed = published.usable.filter(({ kid }) => kid === undefined);
    this.#selectUnnamed = createLocalJWKSet({ keys: unnamed });
  }

  /** Whether these are the current keys; if not, the tokens that they verified are verified again. */
  isTrusted(nowMs: number): boolean {
    return this.#owner.isTrusted(this, nowMs);
  }

  /**
   * The keys that may have signed a token: one, or all under one `kid`. If several match a token
   * without a `kid`, those that have none either; it cannot be told which of the others to try.
   */
  keysFor(header: KeyHeader): MaybePromise<readonly SignatureKey[]> {
    const name = header.kid === undefined ? header.alg : `${header.alg} ${header.kid}`;
    return this.#selected.get(name) ?? this.#selectOnce(name, header);
  }

  async #selectOnce(name: string, header: KeyHeader): Promise<readonly SignatureKey[]> {
    const found = await this.#choose(header);
    const keys = found.map((key) => new SignatureKey(header.alg, key));
    if (keys.length > 0) this.#selected.set(name, keys);
    return keys;
  }

  async #choose({ alg, kid }: KeyHeader): Promise<readonly CryptoKey[]> {
    if (kid !== undefined) return matching(this.#select, { alg, kid });
    const keys = await matching(this.#select, { alg });
    return keys.length > 1 ? matching(this.#selectUnnamed, { alg }) : keys;
  }
}

async function matching(
  select: ReturnType<typeof createLocalJWKSet>,
  header: { alg: string; kid?: string },
): Promise<readonly CryptoKey[]> {
  try {
    return [await select(header)];
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return [];
    const keys: CryptoKey[] = [];
    for await (const key of error) keys.push(key);
    return keys;
  }
}
