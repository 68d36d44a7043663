/**
 * The check behind `requireMfa()`: it asks the store, then the evidence, then the enrolment, until one
 * decides. An answer that cannot be had refuses the request.
 */
import type { Identity } from '../authentication/token-verifier.js';
import type { Clock } from '../clock.js';
import { andThen, type MaybePromise } from '../maybe-promise.js';
import type { MfaDemand } from '../protocol.js';
import { isSatisfied, mfaError, refusal, type MfaPolicy } from './mfa-policy.js';
import { fromEvidence, type StoredMfa } from './mfa-record.js';
import { isVerifiedFactor, mfaSessionOf } from './mfa-session.js';
import type { KnownMfa, MfaEvidence, MfaSession } from './mfa-session.js';
import type { MfaSessions } from './mfa-sessions.js';
import type { Revocation } from '../revocation.js';
import type { RecordReads } from '../store/tracked-store.js';

export interface MfaGuardRules<S> {
  readonly windowSeconds: number;
  readonly clockToleranceSeconds: number;
  readonly isEnrolled: ((session: S) => boolean | Promise<boolean>) | undefined;
  readonly evidence: ((session: S) => MaybePromise<MfaEvidence | undefined>) | undefined;
}

export class MfaGuard<S> {
  readonly #mfaSessions: MfaSessions;
  readonly #revocation: Revocation;
  readonly #clock: Clock;
  readonly #rules: MfaGuardRules<S>;

  constructor(
    mfaSessions: MfaSessions,
    revocation: Revocation,
    clock: Clock,
    rules: MfaGuardRules<S>,
  ) {
    this.#mfaSessions = mfaSessions;
    this.#revocation = revocation;
    this.#clock = clock;
    this.#rules = rules;
  }

  /** The demand of a policy, whose age the window caps. */
  demandOf({ maxAgeSeconds, methods, acr }: MfaPolicy): MfaDemand {
    const { windowSeconds } = this.#rules;
    return { maxAgeSeconds: Math.min(windowSeconds, maxAgeSeconds ?? windowSeconds), methods, acr };
  }

  /**
   * @returns the verification that satisfies the policy; undefined if none is needed
   * @throws SessionError `session_revoked`, `store_unavailable` if that is unknown, or the refusal of
   * MFA that does not satisfy the policy
   */
  check(
    session: S,
    identity: Identity,
    policy: MfaPolicy,
    reads?: RecordReads,
  ): MaybePromise<KnownMfa | undefined> {
    return andThen(this.#mfaSessions.find(identity, reads), ({ signOuts, mfa }) =>
      andThen(this.#revocation.judge(identity, signOuts), () => this.#judge(session, mfa, policy)),
    );
  }

  /** The active MFA session with the latest expiry; `undefined` if there is no active one. */
  async current(session: S, identity: Identity): Promise<MfaSession | undefined> {
    const { mfa: stored } = await this.#mfaSessions.find(identity);
    const evident = await this.#evident(session, stored).catch(() => undefined);
    const demand: MfaDemand = { maxAgeSeconds: this.#rules.windowSeconds };
    const [longest] = [stored.session, evident]
      .filter((mfa) => mfa !== undefined)
      .filter((mfa) => isSatisfied(mfa, demand, this.#clock()))
      .sort((a, b) => b.expiresAtMs - a.expiresAtMs);
    return longest && mfaSessionOf(longest);
  }

  #judge(session: S, stored: StoredMfa, policy: MfaPolicy): MaybePromise<KnownMfa | undefined> {
    const { isEnrolled, evidence } = this.#rules;
    const demand = this.demandOf(policy);
    const now = this.#clock();
    if (stored.session !== undefined && isSatisfied(stored.session, demand, now)) {
      return stored.session;
    }
    if (isEnrolled !== undefined || evidence !== undefined) {
      return this.#lookFurther(session, stored, demand, policy);
    }
    const known = stored.session === undefined ? [] : [stored.session];
    throw mfaError(refusal(known, demand), known, demand, now);
  }

  async #lookFurther(
    session: S,
    stored: StoredMfa,
    demand: MfaDemand,
    policy: MfaPolicy,
  ): Promise<KnownMfa | undefined> {
    const known = stored.session === undefined ? [] : [stored.session];
    let enrolled: unknown;
    try {
      const evident = await this.#evident(session, stored);
      if (evident !== undefined) known.push(evident);
      const now = this.#clock();
      const satisfying = known.find((mfa) => isSatisfied(mfa, demand, now));
      if (satisfying !== undefined) return satisfying;
      enrolled = await this.#rules.isEnrolled?.(session);
    } catch (error) {
      throw mfaError('mfa_required', known, demand, this.#clock(), error);
    }
    if (enrolled === false && policy.whenNotEnrolled === 'allow') return undefined;
    const errorType = enrolled === false ? 'mfa_not_enrolled' : refusal(known, demand);
    throw mfaError(errorType, known, demand, this.#clock());
  }

  async #evident(session: S, stored: StoredMfa): Promise<KnownMfa | undefined> {
    const evidence: unknown = await this.#rules.evidence?.(session);
    if (evidence === undefined) return undefined;
    const latest = this.#clock() + this.#rules.clockToleranceSeconds * 1000;
    if (isEvidence(evidence) && evidence.verifiedAt.getTime() <= latest) {
      return fromEvidence(evidence, stored, this.#rules.windowSeconds);
    }
    throw new TypeError(
      '`mfa.evidence` must return { method, acr?, verifiedAt }, with `verifiedAt` a Date that is not in the future, or undefined.',
    );
  }
}

function isEvidence(value: unknown): value is MfaEvidence {
  return (
    isVerifiedFactor(value) &&
    'verifiedAt' in value &&
    value.verifiedAt instanceof Date &&
    !Number.isNaN(value.verifiedAt.getTime())
  );
}
