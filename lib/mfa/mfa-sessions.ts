/**
 * MFA sessions in the store: started, found and ended. Whether one satisfies a route is decided in
 * `mfa-policy.ts`; how one gets from an access token to the next, in `carry-over.ts`.
 */
import type { Identity } from '../authentication/token-verifier.js';
import type { Clock } from '../clock.js';
import { andThen, type MaybePromise } from '../maybe-promise.js';
import { nextMfaEnd } from '../records/raised.js';
import {
  mfaEndKey,
  mfaKey,
  sessionDigestOf,
  userDigestOf,
  type UserName,
} from '../records/record-keys.js';
import { isSignedOut, type Revocation } from '../revocation.js';
import type { RecordReads, TrackedStore } from '../store/tracked-store.js';
import { isNonEmptyString, isRecord } from '../type-guards.js';
import { mfaKeysOf } from './mfa-keys.js';
import {
  activeIn,
  decodeMfa,
  encodeMfaSession,
  MfaReader,
  REMEMBERED_MS,
  verifiedAtMsOf,
  type MfaReaders,
  type MfaTexts,
  type StoredMfa,
} from './mfa-record.js';
import { mfaSessionOf, type KnownMfa, type MfaSession } from './mfa-session.js';

/** The factor that the app has verified. */
export interface MfaProof {
  /** The method, for instance `totp`, `sms` or `hwk`, as in `requireMfa({ methods })`. */
  readonly method: string;
  /** The authentication context class, as in `requireMfa({ acr })`. @defaultValue none */
  readonly acr?: string | undefined;
}

/** The options that MFA sessions depend on. */
export interface MfaSessionRules {
  readonly windowSeconds: number;
  readonly maxSessionSeconds: number;
  readonly clockToleranceSeconds: number;
  /** Whether evidence counts beside the store, so that ends of evidence are read. */
  readonly readsEvidence: boolean;
}

/** The result of one read for a session: its sign-outs and its MFA. */
export interface SessionRecords {
  /** As `Revocation` judges them. */
  readonly signOuts: readonly (string | undefined)[];
  readonly texts: MfaTexts;
  readonly mfa: StoredMfa;
}

/** The keys to read for one session, and caches of the values decoded last. */
interface ReadPlan {
  /** Sign-outs, the two ends, the slots, and the ends of evidence, in this order. */
  readonly keys: readonly string[];
  /** How many of them are sign-outs. */
  readonly signOuts: number;
  /** Whether there is a slot for an MFA session that is carried over. */
  readonly isBound: boolean;
  /** Whether the MFA session ends with the session. */
  readonly isOfClient: boolean;
  readonly readers: MfaReaders;
}

export class MfaSessions {
  readonly #store: TrackedStore;
  readonly #clock: Clock;
  readonly #revocation: Revocation;
  readonly #rules: MfaSessionRules;
  /** For each remembered token that has met a protected operation. */
  readonly #plans = new WeakMap<Identity, ReadPlan>();

  constructor(store: TrackedStore, clock: Clock, revocation: Revocation, rules: MfaSessionRules) {
    this.#store = store;
    this.#clock = clock;
    this.#revocation = revocation;
    this.#rules = rules;
  }

  /** All that `find()` reads. */
  keysOf(identity: Identity): readonly string[] {
    return (this.#plans.get(identity) ?? this.#planOf(identity)).keys;
  }

  /** @throws SessionError `store_unavailable` */
  find(identity: Identity, reads: RecordReads = this.#store): MaybePromise<SessionRecords> {
    let plan = this.#plans.get(identity);
    if (plan === undefined) {
      plan = this.#planOf(identity);
      this.#plans.set(identity, plan);
    }
    const { keys, signOuts, isBound, isOfClient, readers } = plan;
    // A copy, because the keys are kept and a store may alter its argument.
    return andThen(reads.read([...keys]), (values) => {
      const found = values.slice(0, signOuts);
      const texts = {
        userSignOut: found[0],
        isGone: isOfClient && isSignedOut(identity, found),
        userEnd: values[signOuts],
        ownEnd: values[signOuts + 1],
        started: values[signOuts + 2],
        carried: isBound ? values[signOuts + 3] : undefined,
        evidenceEnds: values.slice(signOuts + (isBound ? 4 : 3)),
      };
      return { signOuts: found, texts, mfa: this.decode(texts, readers) };
    });
  }

  /** The MFA that the records amount to now. @throws SessionError `store_unavailable` if one is unreadable */
  decode(texts: MfaTexts, readers?: MfaReaders): StoredMfa {
    const toleranceMs = this.#rules.clockToleranceSeconds * 1000;
    return decodeMfa(texts, { nowMs: this.#clock(), toleranceMs }, readers);
  }

  /**
   * @throws SessionError `session_revoked`, or `store_unavailable`
   * @throws TypeError if the proof names no method
   */
  async start(identity: Identity, proof: MfaProof): Promise<MfaSession> {
    const { method, acr } = checkProof(proof);
    const { signOuts, mfa } = await this.find(identity);
    await this.#revocation.judge(identity, signOuts);
    const verifiedAtMs = this.#clock();
    const expiresAtMs = verifiedAtMs + this.#rules.windowSeconds * 1000;
    const session: KnownMfa = { method, acr, verifiedAtMs, expiresAtMs };
    const { text, expiresAtMs: forgottenAtMs } = encodeMfaSession(session, mfa.epochs);
    const ttlSeconds = (forgottenAtMs - this.#clock()) / 1000;
    await this.#store.write(mfaKeysOf(identity).started, text, ttlSeconds);
    return mfaSessionOf(session);
  }

  /**
   * Ends this MFA session, and voids older evidence of the same sign-in.
   *
   * @returns the MFA session that was active, as far as the records of this client tell
   */
  async end(identity: Identity): Promise<KnownMfa | undefined> {
    const { started, carried, ownEnd, signInEnd } = mfaKeysOf(identity);
    const read = await this.#store.read([ownEnd, signInEnd ?? ownEnd, started, carried ?? started]);
    const [foundOwn, foundSignIn, ...slots] = read;
    const untilMs = this.#untilMs();
    const ended = activeIn(slots, foundOwn, this.#clock());
    if (signInEnd !== undefined) {
      await this.#store.raise(signInEnd, nextMfaEnd(foundSignIn, untilMs), this.#endTtlSeconds());
    }
    if (carried === undefined) {
      await this.#store.raise(ownEnd, nextMfaEnd(foundOwn, untilMs), this.#endTtlSeconds());
      return ended;
    }
    // An MFA session that was carried over is voided by its time, which may be ahead of this clock.
    const carriedAtMs = verifiedAtMsOf(slots[1], this.#clock());
    const ownEndValue = nextMfaEnd(foundOwn, Math.max(untilMs, carriedAtMs));
    await this.#store.raise(ownEnd, ownEndValue, this.#tokenEndTtlSeconds(identity));
    await this.removeOwn(identity, slots);
    return ended;
  }

  /** Voids all MFA sessions of the user, and older evidence. */
  async endEverywhere(user: UserName): Promise<void> {
    const key = mfaEndKey(userDigestOf(user));
    const [found] = await this.#store.read([key]);
    await this.#store.raise(key, nextMfaEnd(found, this.#untilMs()), this.#endTtlSeconds());
  }

  /**
   * Removes an MFA session that belongs to one client, so that no carry-over which the store does late
   * can take it along to another token.
   *
   * @param slots the values that were read of `started` and `carried`
   */
  async removeOwn(
    identity: Identity,
    [ofStart, ofCarryOver]: readonly (string | undefined)[] = ['', ''],
  ): Promise<void> {
    if (identity.issuer.mfaScope === 'user') return;
    const { started, carried } = mfaKeysOf(identity);
    if (ofStart !== undefined) await this.#store.remove(started);
    if (carried !== undefined && ofCarryOver !== undefined) await this.#store.remove(carried);
  }

  /** Removes an MFA session that belongs to the session of this id alone. */
  async removeOfSession(user: UserName, sessionId: string): Promise<void> {
    const session = sessionDigestOf({ issuer: user.issuer, sessionId });
    await this.#store.remove(mfaKey(userDigestOf(user), session));
  }

  #planOf(identity: Identity): ReadPlan {
    const mfaKeys = mfaKeysOf(identity);
    const { userEnd, ownEnd, started, carried, evidenceEnds } = mfaKeys;
    const signOuts = this.#revocation.keysOf(identity);
    const slots = carried === undefined ? [started] : [started, carried];
    return {
      keys: [
        ...signOuts,
        userEnd,
        ownEnd,
        ...slots,
        ...(this.#rules.readsEvidence ? evidenceEnds : []),
      ],
      signOuts: signOuts.length,
      isBound: carried !== undefined,
      isOfClient: identity.issuer.mfaScope === 'client',
      readers: { started: new MfaReader(), carried: new MfaReader() },
    };
  }

  /** Evidence up to this time is voided by an end now. */
  #untilMs(): number {
    return this.#clock() + this.#rules.clockToleranceSeconds * 1000;
  }

  /** An end outlives all that it voids. */
  #endTtlSeconds(): number {
    const { windowSeconds, maxSessionSeconds, clockToleranceSeconds } = this.#rules;
    return (
      Math.max(windowSeconds + REMEMBERED_MS / 1000, maxSessionSeconds) + clockToleranceSeconds
    );
  }

  /** The same for the MFA session of one access token, which may be a previous one for a while. */
  #tokenEndTtlSeconds({ expiresAtSeconds }: Identity): number {
    const { windowSeconds, clockToleranceSeconds } = this.#rules;
    const leftSeconds = Math.max(0, expiresAtSeconds - this.#clock() / 1000);
    return leftSeconds + windowSeconds + REMEMBERED_MS / 1000 + clockToleranceSeconds;
  }
}

function checkProof(proof: unknown): MfaProof {
  if (!isRecord(proof) || !isNonEmptyString(proof.method)) {
    throw new TypeError(
      "mfa.start(proof): `method` must say how MFA was verified, for instance { method: 'totp' }.",
    );
  }
  if (proof.acr !== undefined && !isNonEmptyString(proof.acr)) {
    throw new TypeError('mfa.start(proof): `acr` must be a non-empty string where it is given.');
  }
  return { method: proof.method, acr: proof.acr };
}
