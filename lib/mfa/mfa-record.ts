/**
 * The records of MFA in the store, and the MFA session that they amount to: pure rules.
 *
 * An MFA session carries, as its epochs, the ends of MFA that `start()` found; any later end voids
 * it. Times alone would not do: clocks differ, and two things may happen in one millisecond.
 */
import { decodeRecord, encodeRecord, isTime } from '../records/record.js';
import type { StoredRecord } from '../records/record.js';
import { decodeUserSignOut, endedUntilMs, isEndedSince } from '../records/raised.js';
import { isNonEmptyString } from '../type-guards.js';
import { isActive } from './mfa-policy.js';
import type { KnownMfa, MfaEvidence } from './mfa-session.js';

/** The ends and the sign-out of the user that were in the store when an MFA session was started. */
export interface MfaEpochs {
  readonly user: string | undefined;
  readonly own: string | undefined;
  readonly userSignOut: string | undefined;
}

/** The text under each of the keys; see `MfaKeys`. */
export interface MfaTexts {
  /** Whether the MFA session belongs to a session that is signed out, and is gone with it. */
  readonly isGone: boolean;
  readonly userSignOut: string | undefined;
  readonly userEnd: string | undefined;
  readonly ownEnd: string | undefined;
  readonly started: string | undefined;
  readonly carried: string | undefined;
  readonly evidenceEnds: readonly (string | undefined)[];
}

/** The MFA of one session according to the store. */
export interface StoredMfa {
  /** The MFA session that counts. Expired ones too, for a while, so that an answer can say so. */
  readonly session: KnownMfa | undefined;
  /** Which of the two records it is. */
  readonly slot: 'started' | 'carried';
  /** For an MFA session that starts now. */
  readonly epochs: MfaEpochs;
  /** What the store holds, which says up to when evidence is void. */
  readonly texts: MfaTexts;
}

/** The readers of either record. */
export interface MfaReaders {
  readonly started: MfaReader;
  readonly carried: MfaReader;
}

/** The limits of stored times. */
export interface MfaTimes {
  readonly nowMs: number;
  readonly toleranceMs: number;
}

/**
 * For how long after its expiry an MFA session can still be told from one that never was: an hour is
 * promised, to its last millisecond.
 */
export const REMEMBERED_MS = 3_660_000;

/** A record as text, and when the store may forget it. */
export interface StoredText {
  readonly text: string;
  readonly expiresAtMs: number;
}

export function encodeMfaSession(
  { method, acr, verifiedAtMs, expiresAtMs }: KnownMfa,
  epochs: MfaEpochs,
): StoredText {
  const forgottenAtMs = expiresAtMs + REMEMBERED_MS;
  const text = encodeRecord({
    method,
    acr,
    verifiedAt: verifiedAtMs,
    sessionEndsAt: expiresAtMs,
    userEpoch: epochs.user,
    ownEpoch: epochs.own,
    signOutEpoch: epochs.userSignOut,
    expiresAt: forgottenAtMs,
  });
  return { text, expiresAtMs: forgottenAtMs };
}

/** @throws SessionError `store_unavailable` if the sign-out of the user is unreadable */
export function decodeMfa(texts: MfaTexts, times: MfaTimes, readers?: MfaReaders): StoredMfa {
  const { userSignOut, userEnd, ownEnd } = texts;
  const epochs = { user: userEnd, own: ownEnd, userSignOut };
  if (texts.isGone) {
    return { session: undefined, slot: 'started', epochs, texts };
  }
  const started = decode(texts.started, times.nowMs, readers?.started);
  const carried = decode(texts.carried, times.nowMs, readers?.carried);
  const signedOutUntilMs = signedOutUntilMsOf(userSignOut);
  const isCounted = (record: DecodedMfa): boolean =>
    !isEndedSince(record.epochs.user, userEnd) &&
    (record.mfa.verifiedAtMs > signedOutUntilMs || record.epochs.userSignOut === userSignOut) &&
    record.mfa.verifiedAtMs <= times.nowMs + times.toleranceMs;
  const ofStart =
    started !== undefined && isCounted(started) && !isEndedSince(started.epochs.own, ownEnd)
      ? started.mfa
      : undefined;
  const ofCarryOver =
    carried !== undefined && isCounted(carried) && !isEndedAt(carried.mfa, ownEnd)
      ? carried.mfa
      : undefined;
  const session = latest(ofStart, ofCarryOver, times.nowMs);
  return {
    session,
    slot: session !== undefined && session === ofCarryOver ? 'carried' : 'started',
    epochs,
    texts,
  };
}

/** The end of the last second of a user's sign-out. */
function signedOutUntilMsOf(userSignOut: string | undefined): number {
  return decodeUserSignOut(userSignOut) * 1000 + 999;
}

/** Evidence up to this time is void: `-Infinity` without any end. */
function evidenceEndedUntilMs(texts: MfaTexts): number {
  if (texts.isGone) return Infinity;
  return Math.max(
    signedOutUntilMsOf(texts.userSignOut),
    ...[texts.userEnd, texts.ownEnd, ...texts.evidenceEnds].map(endedUntilMs),
  );
}

/**
 * Whether an end of the MFA of an access token voids an MFA session that was verified with an earlier
 * token. Such a session has no epoch of this token, so times decide.
 */
export function isEndedAt({ verifiedAtMs }: KnownMfa, ownEnd: string | undefined): boolean {
  return verifiedAtMs <= endedUntilMs(ownEnd);
}

/** When the MFA session in a record was verified, whether it counts or not. */
export function verifiedAtMsOf(text: string | undefined, nowMs: number): number {
  return decode(text, nowMs)?.mfa.verifiedAtMs ?? -Infinity;
}

/** The active MFA session in either record, unless its own end voids it. */
export function activeIn(
  texts: readonly (string | undefined)[],
  ownEnd: string | undefined,
  nowMs: number,
): KnownMfa | undefined {
  return texts
    .map((text) => decode(text, nowMs))
    .filter((record) => record !== undefined)
    .find(({ mfa, epochs }) => isActive(mfa, nowMs) && !isEndedSince(epochs.own, ownEnd))?.mfa;
}

/** Evidence as an MFA session, unless it was voided since. */
export function fromEvidence(
  { method, acr, verifiedAt }: MfaEvidence,
  stored: StoredMfa,
  windowSeconds: number,
): KnownMfa | undefined {
  const verifiedAtMs = verifiedAt.getTime();
  return verifiedAtMs <= evidenceEndedUntilMs(stored.texts)
    ? undefined
    : { method, acr, verifiedAtMs, expiresAtMs: verifiedAtMs + windowSeconds * 1000 };
}

interface DecodedMfa {
  readonly mfa: KnownMfa;
  readonly epochs: MfaEpochs;
  readonly forgottenAtMs: number;
}

/** A start replaces what was carried over before it, and the other way round. */
function latest(
  started: KnownMfa | undefined,
  carried: KnownMfa | undefined,
  nowMs: number,
): KnownMfa | undefined {
  if (started === undefined || carried === undefined) return started ?? carried;
  if (isActive(started, nowMs) !== isActive(carried, nowMs)) {
    return isActive(started, nowMs) ? started : carried;
  }
  return started.verifiedAtMs >= carried.verifiedAtMs ? started : carried;
}

/** Decodes the record of one key, and remembers the last result. */
export class MfaReader {
  #text: string | undefined;
  #decoded: DecodedMfa | undefined;

  decode(text: string): DecodedMfa | undefined {
    if (text !== this.#text) {
      this.#text = text;
      const record = decodeRecord(text);
      this.#decoded = record && mfaOf(record);
    }
    return this.#decoded;
  }
}

function decode(
  text: string | undefined,
  nowMs: number,
  reader = new MfaReader(),
): DecodedMfa | undefined {
  if (text === undefined) return undefined;
  const decoded = reader.decode(text);
  return decoded !== undefined && decoded.forgottenAtMs > nowMs ? decoded : undefined;
}

function mfaOf(record: StoredRecord): DecodedMfa | undefined {
  const { method, acr, verifiedAt, sessionEndsAt } = record;
  if (!isNonEmptyString(method) || !isTime(verifiedAt) || !isTime(sessionEndsAt)) return undefined;
  if (acr !== undefined && !isNonEmptyString(acr)) return undefined;
  return {
    mfa: { method, acr, verifiedAtMs: verifiedAt, expiresAtMs: sessionEndsAt },
    epochs: {
      user: epochOf(record.userEpoch),
      own: epochOf(record.ownEpoch),
      userSignOut: epochOf(record.signOutEpoch),
    },
    forgottenAtMs: record.expiresAt,
  };
}

function epochOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
