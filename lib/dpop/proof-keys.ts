/**
 * The keys of proofs, imported once: a client proves with the same key again and again, and an import
 * takes longer than the check of a signature.
 */
import { calculateJwkThumbprint, importJWK, type CryptoKey, type JWK } from 'jose';
import { LRUCache } from 'lru-cache';
import { parseJwks } from '../jwks/parse-jwks.js';
import { SignatureKey } from '../jwks/signature.js';

/** About 5 KB each. A key that falls out is imported again. */
const MAX_KEYS = 2_000;

export class ProofKeys {
  readonly #keys = new LRUCache<string, SignatureKey>({ max: MAX_KEYS });

  /**
   * The key to verify a proof with, or the reason why there is none. Only keys that a token is bound
   * to are kept.
   *
   * @param jwk without private members
   */
  async find(
    { kty, crv, n, e, x, y }: JWK,
    alg: string,
    thumbprint: string,
  ): Promise<SignatureKey | string> {
    const name = JSON.stringify([thumbprint, alg, kty, crv, n, e, x, y]);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const [key] = parseJwks({ keys: [{ kty, crv, n, e, x, y }] }, new Set([alg]))?.usable ?? [];
    if (key === undefined) return '`jwk` is no sound public key for its `alg`';
    if ((await calculateJwkThumbprint(key, 'sha256')) !== thumbprint) {
      return '`jwk` is not the key that the access token is bound to';
    }
    const imported = new SignatureKey(alg, (await importJWK(key, alg)) as CryptoKey);
    this.#keys.set(name, imported);
    return imported;
  }
}
