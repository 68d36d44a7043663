/**
 * Carry-over: when an access token is refreshed, the MFA session that belongs to it alone moves to
 * the next token, once, with its expiry as it was.
 */
import { idsOf, type Identity } from './authentication/token-verifier.js';
import type { Clock } from './clock.js';
import { SessionError } from './errors.js';
import type { ReportedRequest, SessionReports } from './events/session-reports.js';
import type { MaybePromise } from './maybe-promise.js';
import { isBoundToToken, mfaKeysOf } from './mfa/mfa-keys.js';
import { isActive } from './mfa/mfa-policy.js';
import { isEndedAt, type MfaTexts } from './mfa/mfa-record.js';
import type { KnownMfa } from './mfa/mfa-session.js';
import type { MfaSessions, SessionRecords } from './mfa/mfa-sessions.js';
import { replacedMfaKey } from './records/record-keys.js';
import type { Revocation } from './revocation.js';
import type { TrackedStore } from './store/tracked-store.js';
import { isNonEmptyString } from './type-guards.js';

/**
 * Verifies an access token, which may have expired by some seconds.
 *
 * @throws SessionError
 */
export type VerifyPrevious = (token: string, expiryGraceSeconds: number) => MaybePromise<Identity>;

export interface CarryOverRules {
  readonly windowSeconds: number;
  /** Whether requests go on if the store fails; the MFA session then stays with the previous token. */
  readonly whenAvailable: boolean;
}

export class CarryOver {
  readonly #store: TrackedStore;
  readonly #clock: Clock;
  readonly #revocation: Revocation;
  readonly #mfaSessions: MfaSessions;
  readonly #verify: VerifyPrevious;
  readonly #rules: CarryOverRules;
  readonly #reports: SessionReports;

  constructor(
    store: TrackedStore,
    clock: Clock,
    parts: {
      readonly revocation: Revocation;
      readonly mfaSessions: MfaSessions;
      readonly verify: VerifyPrevious;
      readonly reports: SessionReports;
    },
    rules: CarryOverRules,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#revocation = parts.revocation;
    this.#mfaSessions = parts.mfaSessions;
    this.#verify = parts.verify;
    this.#reports = parts.reports;
    this.#rules = rules;
  }

  /**
   * Carries over by a request's header `Previous-Access-Token`, before the request goes on.
   *
   * @throws SessionError `store_unavailable` if requests need the store
   */
  ofRequest(
    identity: Identity,
    previousToken: unknown,
    request: ReportedRequest,
  ): MaybePromise<unknown> {
    if (previousToken === undefined || !isBoundToToken(identity)) return undefined;
    const carried = this.toSession(identity, previousToken, request);
    return this.#rules.whenAvailable ? carried.catch(() => false) : carried;
  }

  /**
   * Moves the MFA session of a previous access token to this session's token.
   *
   * @returns whether an MFA session that is still active was moved; a bad previous token moves none
   * @throws SessionError `store_unavailable`
   */
  async toSession(
    identity: Identity,
    previousToken: unknown,
    request?: ReportedRequest,
  ): Promise<boolean> {
    if (!isBoundToToken(identity) || !isNonEmptyString(previousToken)) return false;
    try {
      const previous = await this.#verify(previousToken, this.#rules.windowSeconds);
      if (!isPrevious(previous, identity)) return false;
      const moved = await this.#move(previous, identity);
      if (moved === undefined) return false;
      const facts = { type: 'mfa.carried_over', scope: 'client' } as const;
      const { method, acr } = moved;
      this.#reports.event({ ...facts, method, acr }, idsOf(identity), request);
      return true;
    } catch (error) {
      if (error instanceof SessionError && error.errorType !== 'store_unavailable') return false;
      throw error;
    }
  }

  /**
   * @returns the MFA session that was moved, if it is still active
   * @throws SessionError `session_revoked`, or `store_unavailable`
   */
  async #move(previous: Identity, identity: Identity): Promise<KnownMfa | undefined> {
    const [from, to] = [slotsOf(previous), slotsOf(identity)];
    const [old, own] = await this.#find(previous, identity);
    await this.#revocation.judge(previous, old.signOuts);
    await this.#revocation.judge(identity, own.signOuts);
    const { session, slot } = old.mfa;
    const now = this.#clock();
    if (session === undefined || isEndedAt(session, own.texts.ownEnd)) return undefined;
    const isLasting = isActive(session, now);
    if (own.mfa.session !== undefined && isActive(own.mfa.session, now)) return undefined;
    const isEmpty = own.texts.started === undefined && own.texts.carried === undefined;
    // One that has expired moves too, so that the answer to the new token can say so.
    if (!isLasting && !isEmpty) return undefined;

    if (own.texts.carried !== undefined) await this.#moveAside(own.texts, to);
    // A start has replaced what was carried over before it.
    if (slot === 'started' && old.texts.carried !== undefined) {
      await this.#store.remove(from.carried);
    }
    // An end or a sign-out of the previous token removes its MFA session, so that nothing moves then.
    const isMoved = await this.#store.move(from[slot], to.carried);
    return isMoved && isLasting ? session : undefined;
  }

  /**
   * Frees the slot of an MFA session that has expired. Of many requests at once only the first does:
   * for the others that name is taken, so they leave alone what the first one puts into the slot.
   */
  async #moveAside({ started, carried = '' }: MfaTexts, slots: Slots): Promise<void> {
    // In the other slot it can still be told from none.
    const aside = started === undefined ? slots.started : replacedMfaKey(slots.carried, carried);
    await this.#store.move(slots.carried, aside);
  }

  /** Both in one read. */
  async #find(
    previous: Identity,
    identity: Identity,
  ): Promise<readonly [SessionRecords, SessionRecords]> {
    const reads = this.#store.readsOf(() => [
      ...this.#mfaSessions.keysOf(previous),
      ...this.#mfaSessions.keysOf(identity),
    ]);
    return [
      await this.#mfaSessions.find(previous, reads),
      await this.#mfaSessions.find(identity, reads),
    ];
  }
}

/** Whether one access token may be the one that another was refreshed from. */
export function isPrevious(previous: Identity, identity: Identity): boolean {
  return (
    previous.issuer === identity.issuer &&
    previous.userId === identity.userId &&
    previous.sessionId === undefined &&
    previous.startedAtSeconds === identity.startedAtSeconds &&
    previous.keyThumbprint === identity.keyThumbprint &&
    previous.issuedAtSeconds <= identity.issuedAtSeconds &&
    previous.tokenDigest !== identity.tokenDigest
  );
}

interface Slots {
  readonly started: string;
  readonly carried: string;
}

/** Where the MFA session of an access token may be. */
function slotsOf(identity: Identity): Slots {
  const { started, carried = started } = mfaKeysOf(identity);
  return { started, carried };
}
