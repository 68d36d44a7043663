/**
 * The check of a token's signature against the keys of its issuer, which may change in between.
 */
import type { Clock } from '../clock.js';
import { SessionError, tokenInvalid } from '../errors.js';
import type { KeySet } from '../jwks/key-set.js';
import { KeySnapshot } from '../jwks/key-snapshot.js';
import type { SignatureKey } from '../jwks/signature.js';
import type { VerificationLimiter } from '../jwks/verification-limiter.js';
import { isPromiseLike } from '../maybe-promise.js';
import type { ParsedToken } from './token-form.js';

export class SignatureCheck {
  readonly #keySet: KeySet;
  readonly #limiter: VerificationLimiter;
  readonly #clock: Clock;

  /** @param limiter shared by all issuers */
  constructor(keySet: KeySet, limiter: VerificationLimiter, clock: Clock) {
    this.#keySet = keySet;
    this.#limiter = limiter;
    this.#clock = clock;
  }

  /**
   * The keys that verified the signature.
   *
   * @throws SessionError
   */
  async verify(token: ParsedToken): Promise<KeySnapshot> {
    const current = this.#keySet.current();
    const keys = current instanceof KeySnapshot ? current : await current;
    if (await this.#isSignedBy(keys, token)) return this.#trusted(keys, token);
    const newer = await this.#newerThan(keys, token);
    if (newer !== keys && (await this.#isSignedBy(newer, token)))
      return this.#trusted(newer, token);
    const source = `the keys of ${this.#keySet.source} (${newer.published.usable.length} usable)`;
    throw isUnknownKid(token, newer)
      ? unknownKid(source)
      : tokenInvalid(`none of ${source} verifies the signature`);
  }

  /** An issuer may change its key, and even the algorithm, and keep the `kid`. */
  async #newerThan(keys: KeySnapshot, token: ParsedToken): Promise<KeySnapshot> {
    try {
      return await this.#keySet.newerThan(keys);
    } catch (error) {
      // A known `kid` has been judged by the last good keys.
      if (isUnknownKid(token, keys)) throw error;
      return keys;
    }
  }

  /** A key may have been withdrawn while its token waited. */
  #trusted(keys: KeySnapshot, token: ParsedToken): KeySnapshot | Promise<KeySnapshot> {
    return keys.isTrusted(this.#clock()) ? keys : this.verify(token);
  }

  async #isSignedBy(keys: KeySnapshot, token: ParsedToken): Promise<boolean> {
    if (isUnknownKid(token, keys)) return false;
    const candidates = keys.keysFor(token.header);
    // No promise in the usual case: each wait is a turn of the microtask queue.
    const fitting = isPromiseLike(candidates) ? await candidates : candidates;
    if (fitting.length === 0) return false;
    const turn = this.#limiter.acquire();
    if (turn !== undefined) await turn;
    let isSigned = false;
    try {
      isSigned = await isSignedByOne(fitting, token);
    } finally {
      this.#limiter.release(isSigned);
    }
    return isSigned;
  }
}

function isUnknownKid({ header }: ParsedToken, keys: KeySnapshot): boolean {
  return header.kid !== undefined && !keys.published.kids.has(header.kid);
}

function unknownKid(source: string): SessionError {
  return new SessionError('token_invalid', {
    action: 'refresh_token',
    detail: 'The access token was signed with a key that is not in use; refresh it.',
    cause: new Error(`\`kid\` is unknown: it is expected to be one of ${source}`),
  });
}

async function isSignedByOne(
  keys: readonly SignatureKey[],
  { compact }: ParsedToken,
): Promise<boolean> {
  for (const key of keys) {
    if (await key.hasSigned(compact)) return true;
  }
  return false;
}
