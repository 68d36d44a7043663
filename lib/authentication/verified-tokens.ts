/**
 * Tokens that were verified a moment ago, so that the same token costs a look-up and no promise.
 * Failures are not remembered. Nor are tokens: the key is the SHA-256 of all of one.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import type { MaybePromise } from '../store/session-store.js';
import { checkLifetime, type LifetimeRules } from './claims.js';
import type { KeySnapshot } from './key-set.js';
import { MAX_TOKEN_LENGTH, tokenInvalid } from './token-form.js';
import type { Identity, TokenVerifier, VerifiedToken } from './token-verifier.js';

export interface TokenCacheRules extends LifetimeRules {
  readonly maxEntries: number;
  readonly maxAgeSeconds: number | undefined;
}

interface CachedToken<T> {
  readonly identity: Identity;
  readonly keys: KeySnapshot | undefined;
  readonly untilSeconds: number;
  /** What the token was verified for. */
  readonly session: T;
}

const DEFAULT_AGE_SECONDS = 60;
/** Asking CDP costs a call, and no key can be withdrawn behind its back. */
const DEFAULT_REMOTE_AGE_SECONDS = 300;

export class VerifiedTokens<T> {
  readonly #verifier: TokenVerifier;
  readonly #sessionOf: (identity: Identity) => T;
  readonly #clock: Clock;
  readonly #rules: TokenCacheRules;
  readonly #cached: LRUCache<string, CachedToken<T>> | undefined;
  readonly #underWay = new Map<string, Promise<CachedToken<T>>>();

  constructor(
    verifier: TokenVerifier,
    sessionOf: (identity: Identity) => T,
    clock: Clock,
    rules: TokenCacheRules,
  ) {
    this.#verifier = verifier;
    this.#sessionOf = sessionOf;
    this.#clock = clock;
    this.#rules = rules;
    this.#cached = rules.maxEntries > 0 ? new LRUCache({ max: rules.maxEntries }) : undefined;
  }

  /** @throws SessionError */
  find(compact: string): MaybePromise<T> {
    if (compact.length > MAX_TOKEN_LENGTH) throw tokenInvalid('longer than 8 KiB');
    const key = hash('sha256', compact, 'base64url');
    const now = this.#clock() / 1000;
    const cached = this.#cached?.get(key);
    if (cached !== undefined && this.#isTrusted(cached, now)) {
      checkLifetime(cached.identity, now, this.#rules);
      return cached.session;
    }
    return this.#verifyOnce(key, compact).then(({ session }) => session);
  }

  /** The identity of a token that may have expired by so much, remembered or verified now. */
  async findLate(compact: string, lateSeconds: number): Promise<Identity> {
    const key = hash('sha256', compact, 'base64url');
    const now = this.#clock() / 1000;
    const cached = this.#cached?.get(key);
    if (cached !== undefined && this.#isTrusted(cached, now)) {
      checkLifetime(cached.identity, now, this.#rules, lateSeconds);
      return cached.identity;
    }
    return (await this.#verifyOnce(key, compact, lateSeconds)).identity;
  }

  #isTrusted({ identity, keys, untilSeconds }: CachedToken<T>, nowSeconds: number): boolean {
    return nowSeconds < untilSeconds && keys === this.#verifier.trustedKeys(identity.issuer);
  }

  #verifyOnce(key: string, compact: string, lateSeconds?: number): Promise<CachedToken<T>> {
    // Whoever may be late must not take along who may not.
    const question = lateSeconds === undefined ? key : `${key} late`;
    let verification = this.#underWay.get(question);
    if (verification === undefined) {
      verification = this.#verify(key, compact, lateSeconds).finally(() => {
        this.#underWay.delete(question);
      });
      this.#underWay.set(question, verification);
    }
    return verification;
  }

  async #verify(key: string, compact: string, lateSeconds?: number): Promise<CachedToken<T>> {
    const nowSeconds = this.#clock() / 1000;
    const verified = await this.#verifier.verify(compact, lateSeconds);
    const { identity, keys } = verified;
    const untilSeconds = Math.min(identity.expiresAtSeconds, nowSeconds + this.#maxAge(verified));
    const token = { identity, keys, untilSeconds, session: this.#sessionOf(identity) };
    if (untilSeconds > nowSeconds) this.#cached?.set(key, token);
    return token;
  }

  #maxAge({ keys }: VerifiedToken): number {
    const fallback = keys === undefined ? DEFAULT_REMOTE_AGE_SECONDS : DEFAULT_AGE_SECONDS;
    return this.#rules.maxAgeSeconds ?? fallback;
  }
}
