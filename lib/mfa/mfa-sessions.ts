/**
 * MFA sessions in the store: started, found, ended, and carried over from one access token to the
 * next. Whether one satisfies a route is decided in `mfa-policy.ts`.
 */
import { randomUUID } from 'node:crypto';
import type { Identity } from '../authentication/token-verifier.js';
import type { Clock } from '../clock.js';
import { andThen, type MaybePromise } from '../maybe-promise.js';
import { RecordReader } from '../records/record.js';
import {
  clientMfaKey,
  mfaEndKey,
  replacedMfaKey,
  keysOfSession,
  userMfaKey,
  userSignOutKey,
  type UserName,
} from '../records/record-keys.js';
import type { GuardedStore } from '../store/guarded-store.js';
import { isNonEmptyString, isRecord } from '../type-guards.js';
import { isAlive } from './mfa-policy.js';
import {
  decodeMfa,
  decodeMfaEnd,
  encodeMfaEnd,
  encodeMfaEnded,
  encodeMfaSession,
  type StoredMfa,
  type StoredText,
} from './mfa-record.js';
import { mfaSessionOf, type KnownMfa, type MfaSession } from './mfa-session.js';

/** What the app says of the factor that it has verified. */
export interface MfaProof {
  /** How it was verified, for instance `totp`, `sms` or `hwk`; what `requireMfa({ methods })` names. */
  readonly method: string;
  /** The authentication context class reached; what `requireMfa({ acr })` names. */
  readonly acr?: string | undefined;
}

export interface MfaSessionRules {
  readonly windowSeconds: number;
  readonly maxSessionSeconds: number;
}

/** Where the MFA session of a session is, and what was read there. */
interface Place {
  readonly keys: readonly [own: string, ofUser: string];
  readonly reader: RecordReader;
}

export class MfaSessions {
  readonly #store: GuardedStore;
  readonly #clock: Clock;
  readonly #rules: MfaSessionRules;
  /** For each remembered token that has met a protected operation. */
  readonly #places = new WeakMap<Identity, Place>();

  constructor(store: GuardedStore, clock: Clock, rules: MfaSessionRules) {
    this.#store = store;
    this.#clock = clock;
    this.#rules = rules;
  }

  find(identity: Identity): MaybePromise<StoredMfa> {
    const { keys, reader } = this.#placeOf(identity);
    // A copy: these keys are asked for again, and a store may do with an array what it likes.
    return andThen(this.#store.read([...keys]), ([own, ofUser]) =>
      decodeMfa(own, ofUser, this.#clock(), reader),
    );
  }

  async start(identity: Identity, proof: MfaProof): Promise<MfaSession> {
    const { method, acr } = checkProof(proof);
    const { epoch, endedAt } = await this.find(identity);
    const verifiedAtMs = this.#clock();
    const expiresAtMs = verifiedAtMs + this.#rules.windowSeconds * 1000;
    const session: KnownMfa = { method, acr, verifiedAtMs, expiresAtMs };
    const stored = encodeMfaSession(session, epoch, endedAt);
    // What says that older evidence is void must not be lost for want of room.
    await this.#write(keyOf(identity), stored, endedAt > -Infinity);
    return mfaSessionOf(session);
  }

  async end(identity: Identity): Promise<void> {
    const ended = encodeMfaEnded(this.#clock(), this.#rules.windowSeconds);
    await this.#write(keyOf(identity), ended, true);
  }

  /** Voids all MFA sessions of the user, and older evidence. */
  async endEverywhere(user: UserName): Promise<void> {
    await this.#endAll(user, { epoch: randomUUID(), endedAt: this.#clock() });
  }

  /** Voids the MFA sessions and evidence up to a time that may be past; again does nothing more. */
  async endUntil(user: UserName, lastMs: number): Promise<void> {
    const [text] = await this.#store.read([endKeyOf(user)]);
    const end = decodeMfaEnd(text, this.#clock());
    if (end !== undefined && end.endedAt >= lastMs) return;
    await this.#endAll(user, { epoch: randomUUID(), endedAt: lastMs, startedUntil: lastMs });
  }

  /** Removes an MFA session that belongs to this session alone. */
  async removeOwn(identity: Identity): Promise<void> {
    if (identity.issuer.mfaScope === 'client') await this.#store.remove(keyOf(identity));
  }

  /** Removes an MFA session that belongs to the session of this name alone. */
  async removeOfSession(user: UserName, sessionId: string): Promise<void> {
    await this.#store.remove(clientMfaKey(keysOfSession(user, sessionId)));
  }

  /**
   * Moves the MFA session of a client's previous access token to its new one, once. Its expiry
   * stays. True where an MFA session that still lasts was moved.
   */
  async carryOver(previous: Identity, identity: Identity): Promise<boolean> {
    const [from, to] = [keyOf(previous), keyOf(identity)];
    const [fromText, toText, endText] = await this.#store.read([from, to, mfaEndKey(identity)]);
    if (from === to || fromText === undefined) return false;
    const now = this.#clock();
    const { session } = decodeMfa(fromText, endText, now);
    const lasts = session !== undefined && isAlive(session, now);
    if (toText !== undefined) {
      if (!lasts || isInTheWay(toText, endText, session, now)) return false;
      // Of many requests at once only the first moves it: for the others that place is taken, and
      // so they leave alone what the first one puts here.
      await this.#store.move(to, replacedMfaKey(to, toText));
    }
    return (await this.#store.move(from, to)) && lasts;
  }

  #placeOf(identity: Identity): Place {
    const known = this.#places.get(identity);
    if (known !== undefined) return known;
    const keys = [keyOf(identity), mfaEndKey(identity)] as const;
    const place = { keys, reader: new RecordReader() };
    this.#places.set(identity, place);
    return place;
  }

  async #endAll(user: UserName, end: Parameters<typeof encodeMfaEnd>[0]): Promise<void> {
    const { windowSeconds, maxSessionSeconds } = this.#rules;
    const expiresAt = this.#clock() + Math.max(windowSeconds, maxSessionSeconds) * 1000;
    await this.#write(endKeyOf(user), encodeMfaEnd(end, expiresAt), true);
  }

  async #write(key: string, { text, expiresAt }: StoredText, keep: boolean): Promise<void> {
    await this.#store.write(key, text, (expiresAt - this.#clock()) / 1000, { keep });
  }
}

/** Whether what a token has of its own counts for more than an MFA session that is brought along. */
function isInTheWay(
  text: string,
  endText: string | undefined,
  brought: KnownMfa,
  now: number,
): boolean {
  const { session } = decodeMfa(text, endText, now);
  if (session !== undefined) return isAlive(session, now);
  return decodeMfa(text, undefined, now).endedAt >= brought.verifiedAtMs;
}

/** Under which key the MFA session of this session is: the user's, the client's, or the token's. */
function keyOf(identity: Identity): string {
  return identity.issuer.mfaScope === 'user' ? userMfaKey(identity) : clientMfaKey(identity);
}

function endKeyOf(user: UserName): string {
  return mfaEndKey({ userSignOutKey: userSignOutKey(user) });
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
