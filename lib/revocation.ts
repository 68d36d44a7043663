/**
 * Sign-out: which sessions, access tokens and users are signed out, and the check of it on each
 * request. All sign-outs are raised, so that of two at once the later one holds.
 */
import type { Identity } from './authentication/token-verifier.js';
import type { Clock } from './clock.js';
import { SessionError } from './errors.js';
import { andThen, isPromiseLike, type MaybePromise } from './maybe-promise.js';
import {
  decodeSignOut,
  decodeUserSignOut,
  encodeSignOut,
  encodeUserSignOut,
} from './records/raised.js';
import {
  sessionDigestOf,
  sessionSignOutKey,
  tokenSignOutKey,
  userDigestOf,
  userSignOutKey,
  type RecordDigests,
  type SessionName,
  type UserName,
} from './records/record-keys.js';
import type { RecordReads, TrackedStore } from './store/tracked-store.js';

/** The options that sign-outs depend on. */
export interface RevocationRules {
  readonly maxSessionSeconds: number;
  readonly clockToleranceSeconds: number;
  /** An access token may be shown as the previous one for this long after its `exp`. */
  readonly windowSeconds: number;
  /** Whether requests go on if the store cannot say who is signed out. */
  readonly whenAvailable: boolean;
}

/** A refusal renews the sign-out of a session if this part of `maxSessionSeconds` has passed. */
const RENEWED_AFTER = 1 / 8;

export class Revocation {
  readonly #store: TrackedStore;
  readonly #clock: Clock;
  readonly #rules: RevocationRules;

  constructor(store: TrackedStore, clock: Clock, rules: RevocationRules) {
    this.#store = store;
    this.#clock = clock;
    this.#rules = rules;
  }

  /**
   * The sign-outs that concern a session, as `judge()` takes their values. The one of its access token
   * is looked at even if the session has an id, because another process, or an earlier version of the
   * app, may know of no session ids.
   */
  keysOf({ userDigest, sessionDigest, tokenDigest }: RecordDigests): string[] {
    const keys = [userSignOutKey(userDigest), tokenSignOutKey(userDigest, tokenDigest)];
    if (sessionDigest !== undefined) keys.push(sessionSignOutKey(sessionDigest));
    return keys;
  }

  /**
   * The check on each request.
   *
   * @throws SessionError `session_revoked`, or `store_unavailable` if it is unknown and has to be known
   */
  check(identity: Identity, reads: RecordReads): MaybePromise<void> {
    return this.#rules.whenAvailable
      ? this.#checkIfAvailable(identity, reads)
      : this.confirm(identity, reads);
  }

  /**
   * The check of operations that need an answer, whatever the option `revocation` says.
   *
   * @throws SessionError `session_revoked`, or `store_unavailable` if it is unknown
   */
  confirm(identity: Identity, reads: RecordReads): MaybePromise<void> {
    return andThen(reads.read(this.keysOf(identity)), (values) => this.judge(identity, values));
  }

  /**
   * @param signOuts values of the keys that `keysOf()` names
   * @throws SessionError `session_revoked`, or `store_unavailable` if one of them is unreadable
   */
  judge(identity: Identity, signOuts: readonly (string | undefined)[]): MaybePromise<void> {
    if (!isSignedOut(identity, signOuts)) return;
    const [, , ofSession] = signOuts;
    if (ofSession !== undefined) return this.#refuse(identity, decodeSignOut(ofSession));
    throw new SessionError('session_revoked');
  }

  /** Signs out this session if it has an id, and this access token. */
  async signOut(identity: Identity): Promise<void> {
    const { sessionDigest, userDigest, tokenDigest, expiresAtSeconds } = identity;
    if (sessionDigest !== undefined) await this.#signOutSession(sessionDigest, expiresAtSeconds);
    const { clockToleranceSeconds, windowSeconds } = this.#rules;
    const now = this.#clock();
    const lastMs = (expiresAtSeconds + clockToleranceSeconds + windowSeconds) * 1000;
    if (lastMs <= now) return;
    const key = tokenSignOutKey(userDigest, tokenDigest);
    await this.#store.raise(key, encodeSignOut(now), (lastMs - now) / 1000);
  }

  /** Signs out the session of this id. */
  async signOutSession(session: SessionName): Promise<void> {
    await this.#signOutSession(sessionDigestOf(session));
  }

  /** Signs out all sessions of a user that started in this second or earlier. */
  async signOutUser(user: UserName, lastSecond: number): Promise<void> {
    const { maxSessionSeconds, clockToleranceSeconds } = this.#rules;
    const now = this.#clock();
    // All that started up to then has reached its own end by then.
    const lastMs = Math.max(now, lastSecond * 1000) + (maxSessionSeconds + 1) * 1000;
    const ttlSeconds = (lastMs - now) / 1000 + clockToleranceSeconds;
    const key = userSignOutKey(userDigestOf(user));
    await this.#store.raise(key, encodeUserSignOut(lastSecond), ttlSeconds);
  }

  /** @param tokenExpiresAtSeconds of a token of that session that is known to exist */
  #signOutSession(sessionDigest: string, tokenExpiresAtSeconds = 0): MaybePromise<void> {
    const { maxSessionSeconds, clockToleranceSeconds } = this.#rules;
    const now = this.#clock();
    const lastSeconds = Math.max(maxSessionSeconds, tokenExpiresAtSeconds - now / 1000);
    const ttlSeconds = lastSeconds + clockToleranceSeconds + maxSessionSeconds * RENEWED_AFTER;
    return this.#store.raise(sessionSignOutKey(sessionDigest), encodeSignOut(now), ttlSeconds);
  }

  /**
   * Refuses a session that was signed out. Tokens without `auth_time` can be refreshed for ever, so
   * the record of it is renewed long before the store forgets it.
   */
  #refuse({ sessionDigest, expiresAtSeconds }: Identity, atMs: number): MaybePromise<void> {
    const revoked = (): never => {
      throw new SessionError('session_revoked');
    };
    const ageMs = this.#clock() - atMs;
    if (
      sessionDigest === undefined ||
      ageMs < this.#rules.maxSessionSeconds * 1000 * RENEWED_AFTER
    ) {
      return revoked();
    }
    // A store that cannot renew it now is asked again at the next refusal.
    let renewed: MaybePromise<void>;
    try {
      renewed = this.#signOutSession(sessionDigest, expiresAtSeconds);
    } catch {
      return revoked();
    }
    return isPromiseLike(renewed) ? renewed.then(revoked, revoked) : revoked();
  }

  #checkIfAvailable(identity: Identity, reads: RecordReads): MaybePromise<void> {
    try {
      const checked = this.confirm(identity, reads);
      return isPromiseLike(checked) ? checked.then(undefined, tolerateOutage) : checked;
    } catch (error) {
      tolerateOutage(error);
    }
  }
}

/**
 * Whether a session is signed out.
 *
 * @param signOuts values of the keys that `Revocation` names
 * @throws SessionError `store_unavailable` if one of them is unreadable
 */
export function isSignedOut(
  identity: Identity,
  [ofUser, ofToken, ofSession]: readonly (string | undefined)[],
): boolean {
  if (ofUser === undefined && ofToken === undefined && ofSession === undefined) return false;
  const times = [ofToken, ofSession].filter((value) => value !== undefined).map(decodeSignOut);
  return times.length > 0 || startSecondOf(identity) <= decodeUserSignOut(ofUser);
}

/** The second in which a session started, as far as is known: its `auth_time`, else the token's `iat`. */
export function startSecondOf({
  startedAtSeconds,
  issuedAtSeconds,
}: Pick<Identity, 'startedAtSeconds' | 'issuedAtSeconds'>): number {
  return Math.floor(startedAtSeconds ?? issuedAtSeconds);
}

function tolerateOutage(error: unknown): void {
  if (!(error instanceof SessionError) || error.errorType !== 'store_unavailable') throw error;
}
