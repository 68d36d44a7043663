/**
 * Keys as they were at one time. It is the same object for as long as nothing about them changed.
 */
import { createLocalJWKSet, errors, type CryptoKey } from 'jose';
import { tokenInvalid } from '../errors.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { PublishedKeys } from './parse-jwks.js';
import { SignatureKey } from './signature.js';

/** What a token's header says of its key (RFC 7515 section 4.1). */
export interface KeyHeader {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** Whose keys they are. */
export interface KeyOwner {
  isTrusted(keys: KeySnapshot, nowMs: number): boolean;
}

export class KeySnapshot {
  readonly published: PublishedKeys;
  readonly #owner: KeyOwner;
  readonly #select: ReturnType<typeof createLocalJWKSet>;
  /** By `alg` and `kid`. Only what was found gets in, so no token can fill it. */
  readonly #selected = new Map<string, readonly SignatureKey[]>();

  constructor(published: PublishedKeys, owner: KeyOwner) {
    this.published = published;
    this.#owner = owner;
    this.#select = createLocalJWKSet({ keys: [...published.usable] });
  }

  /** Whether these are the keys of now: a remembered token is good for as long as they are. */
  isTrusted(nowMs: number): boolean {
    return this.#owner.isTrusted(this, nowMs);
  }

  /**
   * The keys that may have signed a token: one, or, where two stand under one `kid`, both.
   *
   * @throws SessionError `token_invalid` where there is none, or several fit a token without a `kid`
   */
  keysFor(header: KeyHeader): MaybePromise<readonly SignatureKey[]> {
    const name = header.kid === undefined ? header.alg : `${header.alg} ${header.kid}`;
    return this.#selected.get(name) ?? this.#selectOnce(name, header);
  }

  async #selectOnce(name: string, header: KeyHeader): Promise<readonly SignatureKey[]> {
    const found = await this.#choose(header);
    const keys = found.map((key) => new SignatureKey(header.alg, key));
    this.#selected.set(name, keys);
    return keys;
  }

  async #choose({ alg, kid }: KeyHeader): Promise<readonly CryptoKey[]> {
    try {
      return [await this.#select(kid === undefined ? { alg } : { alg, kid })];
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys) || kid === undefined) {
        throw tokenInvalid('no single key fits', error);
      }
      const keys: CryptoKey[] = [];
      for await (const key of error) keys.push(key);
      return keys;
    }
  }
}
