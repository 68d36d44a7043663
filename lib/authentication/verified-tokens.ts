/**
 * Tokens that were verified a moment ago, so that the same token costs a look-up and no promise.
 * Failures are not remembered. Nor are tokens: the key is the SHA-256 of all of one.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.js';
import { tokenInvalid } from '../errors.js';
import type { MaybePromise } from '../maybe-promise.js';
import { checkLifetime, type LifetimeRules } from './claims.js';
import { MAX_TOKEN_LENGTH } from './token-form.js';
import type { Identity, TokenVerifier } from './token-verifier.js';

export interface TokenCacheRules extends LifetimeRules {
  readonly maxEntries: number;
}

/** What a token is verified for: a session is made of its identity, which it can give back. */
export interface SessionKind<T> {
  of(identity: Identity): T;
  identityOf(session: T): Identity;
}

export class VerifiedTokens<T extends object> {
  readonly #verifier: TokenVerifier;
  readonly #sessions: SessionKind<T>;
  readonly #clock: Clock;
  readonly #rules: TokenCacheRules;
  readonly #cached: LRUCache<string, T> | undefined;
  readonly #underWay = new Map<string, Promise<T>>();

  constructor(
    verifier: TokenVerifier,
    sessions: SessionKind<T>,
    clock: Clock,
    rules: TokenCacheRules,
  ) {
    this.#verifier = verifier;
    this.#sessions = sessions;
    this.#clock = clock;
    this.#rules = rules;
    this.#cached = rules.maxEntries > 0 ? new LRUCache({ max: rules.maxEntries }) : undefined;
  }

  /**
   * The session of a token, remembered or verified now.
   *
   * @param lateSeconds how long after `exp` the token still counts
   * @throws SessionError
   */
  find(compact: string, lateSeconds?: number): MaybePromise<T> {
    if (compact.length > MAX_TOKEN_LENGTH) throw tokenInvalid('longer than 8 KiB');
    // Not as base64url, because these 32 bytes are shortest as they are, and nobody reads them.
    const key = hash('sha256', compact, 'binary');
    const session = this.#cached?.get(key);
    if (session !== undefined) {
      const identity = this.#sessions.identityOf(session);
      const nowMs = this.#clock();
      if (isTrusted(identity, nowMs)) {
        checkLifetime(identity, nowMs / 1000, this.#rules, lateSeconds);
        return session;
      }
    }
    return this.#verifyOnce(key, compact, lateSeconds);
  }

  #verifyOnce(key: string, compact: string, lateSeconds?: number): Promise<T> {
    // Whoever may be late must not take along who may not.
    const question = lateSeconds === undefined ? key : `${key} late`;
    const underWay = this.#underWay.get(question);
    if (underWay !== undefined) return underWay;
    const verification = this.#verify(question, key, compact, lateSeconds);
    this.#underWay.set(question, verification);
    return verification;
  }

  async #verify(
    question: string,
    key: string,
    compact: string,
    lateSeconds: number | undefined,
  ): Promise<T> {
    try {
      const identity = await this.#verifier.verify(compact, lateSeconds);
      const session = this.#sessions.of(identity);
      if (isTrusted(identity, this.#clock())) this.#cached?.set(key, session);
      return session;
    } finally {
      this.#underWay.delete(question);
    }
  }
}

/** Whether what verified a token a moment ago would verify it now. */
function isTrusted({ trustedUntilMs, keys }: Identity, nowMs: number): boolean {
  return nowMs < trustedUntilMs && (keys === undefined || keys.isTrusted(nowMs));
}
