/**
 * Signing out: which sessions, tokens and users are signed out, and the check of it on each request.
 */
import type { Identity } from './authentication/token-verifier.js';
import type { Clock } from './clock.js';
import { SessionError } from './errors.js';
import type { GuardedStore } from './store/guarded-store.js';
import { decodeRecord, encodeRecord, type StoredRecord } from './records/record.js';
import {
  sessionSignOutKey,
  userSignOutKey,
  type SessionName,
  type UserName,
} from './records/record-keys.js';
import { andThen, isPromiseLike, type MaybePromise } from './maybe-promise.js';

export interface RevocationRules {
  readonly maxSessionSeconds: number;
  readonly clockToleranceSeconds: number;
  /** An access token may be shown as the previous one for this long after its end. */
  readonly windowSeconds: number;
  /** Whether requests go on when the store cannot say. */
  readonly whenAvailable: boolean;
}

export class Revocation {
  readonly #store: GuardedStore;
  readonly #clock: Clock;
  readonly #rules: RevocationRules;

  constructor(store: GuardedStore, clock: Clock, rules: RevocationRules) {
    this.#store = store;
    this.#clock = clock;
    this.#rules = rules;
  }

  /** @throws SessionError `session_revoked`, or `store_unavailable` where nobody knows */
  check(identity: Identity): MaybePromise<void> {
    return this.#rules.whenAvailable ? this.#checkIfAvailable(identity) : this.#check(identity);
  }

  /**
   * What a protected operation asks besides, where requests go on without an answer.
   *
   * @throws SessionError `session_revoked`, or `store_unavailable` where nobody knows
   */
  confirm(identity: Identity): MaybePromise<void> {
    return this.#rules.whenAvailable ? this.#check(identity) : undefined;
  }

  /** Signs out this session, or this access token where the session has no id. */
  async signOut(identity: Identity): Promise<void> {
    const { sessionId, issuer } = identity;
    if (sessionId !== undefined) {
      await this.signOutSession({ issuer: issuer.issuer, sessionId }, identity.expiresAtSeconds);
      return;
    }
    const { clockToleranceSeconds, windowSeconds } = this.#rules;
    await this.#write(
      identity.ownSignOutKey,
      {},
      (identity.expiresAtSeconds + clockToleranceSeconds + windowSeconds) * 1000,
    );
  }

  /** @param tokenExpiresAtSeconds of a token of that session that is known to be about */
  async signOutSession(session: SessionName, tokenExpiresAtSeconds = 0): Promise<void> {
    const { maxSessionSeconds, clockToleranceSeconds } = this.#rules;
    const lastMs = Math.max(this.#clock() + maxSessionSeconds * 1000, tokenExpiresAtSeconds * 1000);
    await this.#write(sessionSignOutKey(session), {}, lastMs + clockToleranceSeconds * 1000);
  }

  /** Signs out whatever of this user started in this second or earlier. */
  async signOutUser(user: UserName, lastSecond: number): Promise<void> {
    const key = userSignOutKey(user);
    const [existing] = await this.#store.read([key]);
    const now = this.#clock();
    const record = existing === undefined ? undefined : decodeRecord(existing);
    // What was signed out before stays signed out.
    if (record !== undefined && record.expiresAt > now && Number(record.startedUntil) >= lastSecond)
      return;
    const { maxSessionSeconds, clockToleranceSeconds } = this.#rules;
    // What started up to then has reached its own end by the time this record does.
    const expiresAt =
      Math.max(now, lastSecond * 1000) + (maxSessionSeconds + clockToleranceSeconds + 1) * 1000;
    await this.#write(key, { startedUntil: lastSecond }, expiresAt);
  }

  #check(identity: Identity): MaybePromise<void> {
    const keys = [identity.userSignOutKey, identity.ownSignOutKey];
    return andThen(this.#store.read(keys), ([ofUser, own]) => {
      this.#judge(identity, ofUser, own);
    });
  }

  #checkIfAvailable(identity: Identity): MaybePromise<void> {
    try {
      const checked = this.#check(identity);
      return isPromiseLike(checked) ? checked.then(undefined, tolerateOutage) : checked;
    } catch (error) {
      tolerateOutage(error);
    }
  }

  #judge(identity: Identity, ofUser: string | undefined, own: string | undefined): void {
    if (own !== undefined && this.#inForce(own) !== undefined) {
      throw new SessionError('session_revoked');
    }
    const signOut = ofUser === undefined ? undefined : this.#inForce(ofUser);
    if (signOut === undefined) return;
    const startedUntil = signOut.startedUntil;
    if (typeof startedUntil !== 'number') throw unreadable();
    const startedAt = identity.startedAtSeconds ?? identity.issuedAtSeconds;
    if (Math.floor(startedAt) <= startedUntil) throw new SessionError('session_revoked');
  }

  #inForce(text: string): StoredRecord | undefined {
    const record = decodeRecord(text);
    if (record === undefined) throw unreadable();
    return record.expiresAt > this.#clock() ? record : undefined;
  }

  async #write(
    key: string,
    fields: Readonly<Record<string, unknown>>,
    expiresAt: number,
  ): Promise<void> {
    const ttlSeconds = (expiresAt - this.#clock()) / 1000;
    if (ttlSeconds <= 0) return;
    await this.#store.write(key, encodeRecord({ ...fields, expiresAt }), ttlSeconds, {
      keep: true,
    });
  }
}

function tolerateOutage(error: unknown): void {
  if (!(error instanceof SessionError) || error.errorType !== 'store_unavailable') throw error;
}

/** A revocation that cannot be read may be anybody's: nobody knows, as in an outage. */
function unreadable(): SessionError {
  return new SessionError('store_unavailable', {
    cause: new Error('a sign-out record in the store cannot be read'),
  });
}
