/**
 * The sessions of tokens that were verified a moment ago, so that the same token costs a look-up and
 * no promise. Failures are not remembered, and neither are tokens: a key is the SHA-256 of a token.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { checkLifetime, type LifetimeRules } from './authentication/claims.js';
import { MAX_TOKEN_LENGTH } from './authentication/token-form.js';
import { idsOf, type Identity, type TokenVerifier } from './authentication/token-verifier.js';
import type { Clock } from './clock.js';
import { SessionError, tokenInvalid } from './errors.js';
import { addGaugeSource, isMeasured, measure, type GaugeSource } from './events/measurements.js';
import type { MaybePromise } from './maybe-promise.js';
import type { ErrorType } from './protocol.js';
import { noteOn } from './refusal-note.js';
import { VerifiedSession, type SessionActions } from './session.js';

export interface SessionCacheRules extends LifetimeRules {
  readonly maxEntries: number;
}

export class SessionCache implements GaugeSource {
  readonly #verifier: TokenVerifier;
  readonly #actions: SessionActions;
  readonly #clock: Clock;
  readonly #rules: SessionCacheRules;
  readonly #cached: LRUCache<string, VerifiedSession> | undefined;
  readonly #inFlight = new Map<string, Promise<VerifiedSession>>();

  constructor(
    verifier: TokenVerifier,
    actions: SessionActions,
    clock: Clock,
    rules: SessionCacheRules,
  ) {
    this.#verifier = verifier;
    this.#actions = actions;
    this.#clock = clock;
    this.#rules = rules;
    this.#cached = rules.maxEntries > 0 ? new LRUCache({ max: rules.maxEntries }) : undefined;
    addGaugeSource(this);
  }

  get tokensRemembered(): number {
    return this.#cached?.size ?? 0;
  }

  /**
   * The session of a token, remembered or verified now.
   *
   * @param expiryGraceSeconds how long after `exp` the token still counts
   * @throws SessionError
   */
  find(compact: string, expiryGraceSeconds?: number): MaybePromise<VerifiedSession> {
    if (compact.length > MAX_TOKEN_LENGTH) throw tokenInvalid('longer than 8 KiB');
    // As 32 bytes and not as base64url, because the key is kept for each token and never shown.
    const key = hash('sha256', compact, 'binary');
    const session = this.#cached?.get(key);
    if (session !== undefined) {
      const identity = VerifiedSession.identityOf(session);
      const nowMs = this.#clock();
      if (isTrusted(identity, nowMs)) {
        this.#checkLifetime(identity, nowMs, expiryGraceSeconds);
        return session;
      }
    }
    return this.#verifyOnce(key, compact, expiryGraceSeconds);
  }

  #checkLifetime(identity: Identity, nowMs: number, expiryGraceSeconds?: number): void {
    try {
      checkLifetime(identity, nowMs / 1000, this.#rules, expiryGraceSeconds);
    } catch (error) {
      throw error instanceof SessionError ? noteOn(error, { ids: idsOf(identity) }) : error;
    }
  }

  #verifyOnce(key: string, compact: string, expiryGraceSeconds?: number): Promise<VerifiedSession> {
    // A lookup that tolerates expiry must not share its result with one that does not.
    const question = expiryGraceSeconds === undefined ? key : `${key} grace`;
    const inFlight = this.#inFlight.get(question);
    if (inFlight !== undefined) return inFlight;
    const verification = this.#verify(question, key, compact, expiryGraceSeconds);
    this.#inFlight.set(question, verification);
    return verification;
  }

  async #verify(
    question: string,
    key: string,
    compact: string,
    expiryGraceSeconds: number | undefined,
  ): Promise<VerifiedSession> {
    const startedAt = isMeasured() ? performance.now() : 0;
    let errorType: ErrorType | '_OTHER' | undefined;
    try {
      const identity = await this.#verifier.verify(compact, expiryGraceSeconds);
      const session = new VerifiedSession(identity, this.#actions);
      if (isTrusted(identity, this.#clock())) this.#cached?.set(key, session);
      return session;
    } catch (error) {
      errorType = error instanceof SessionError ? error.errorType : '_OTHER';
      throw error;
    } finally {
      this.#inFlight.delete(question);
      if (startedAt > 0) {
        measure({ name: 'verification', durationMs: performance.now() - startedAt, errorType });
      }
    }
  }
}

/** Whether the keys that verified a token are still trusted. */
function isTrusted({ trustedUntilMs, keys }: Identity, nowMs: number): boolean {
  return nowMs < trustedUntilMs && (keys === undefined || keys.isTrusted(nowMs));
}
