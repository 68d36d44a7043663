/**
 * The two records that MFA leaves in the store, and what they say together: pure rules.
 *
 * Beside each MFA session's own record there may be one for the whole user that says "all MFA
 * sessions up to here are void". It has a mark of its own (`epoch`), which every MFA session
 * started since carries, because a clock cannot tell two things of one millisecond apart.
 */
import { decodeRecord, encodeRecord, isTime } from '../records/record.js';
import type { RecordReader, StoredRecord } from '../records/record.js';
import { isNonEmptyString } from '../type-guards.js';
import type { KnownMfa, MfaEvidence } from './mfa-session.js';

/** All MFA sessions of a user were ended. */
export interface MfaEnd {
  readonly epoch: string;
  /** Evidence up to this time is void. */
  readonly endedAt: number;
  /** Where it is given, MFA sessions of another epoch are void up to this time only. */
  readonly startedUntil?: number;
}

/** What the store knows of one MFA session. */
export interface StoredMfa {
  /** Expired ones too, for a while, so that the answer can say so. */
  readonly session: KnownMfa | undefined;
  readonly epoch: string | undefined;
  /** Evidence up to this time is void; `-Infinity` where nothing was ended. */
  readonly endedAt: number;
}

/**
 * For how long after its end an MFA session can still be told from one that never was: an hour is
 * promised, to its last millisecond.
 */
const REMEMBERED_MS = 3_660_000;

/**
 * Writes an MFA session. It remembers that an earlier one was ended, because evidence from before
 * that stays void.
 */
export function encodeMfaSession(
  { method, acr, verifiedAtMs, expiresAtMs }: KnownMfa,
  epoch: string | undefined,
  endedAt: number,
): StoredText {
  return textOf({
    method,
    acr,
    verifiedAt: verifiedAtMs,
    sessionEndsAt: expiresAtMs,
    epoch,
    endedAt: endedAt === -Infinity ? undefined : endedAt,
    expiresAt: expiresAtMs + REMEMBERED_MS,
  });
}

/** Writes that an MFA session was ended. */
export function encodeMfaEnded(endedAt: number, windowSeconds: number): StoredText {
  return textOf({ endedAt, expiresAt: endedAt + windowSeconds * 1000 + REMEMBERED_MS });
}

/** Writes that all MFA sessions of a user were ended; it outlives whatever it voids. */
export function encodeMfaEnd(end: MfaEnd, expiresAt: number): StoredText {
  return textOf({ ...end, expiresAt });
}

export interface StoredText {
  readonly text: string;
  readonly expiresAt: number;
}

/**
 * What the two records say; one that cannot be read says that all before now is void.
 *
 * @param reader of the first one, where there is one that has read it before
 */
export function decodeMfa(
  own: string | undefined,
  ofUser: string | undefined,
  nowMs: number,
  reader?: RecordReader,
): StoredMfa {
  const end = decodeMfaEnd(ofUser, nowMs);
  const record = decode(own, nowMs, reader);
  const endedAt = Math.max(timeOf(record, 'endedAt'), end?.endedAt ?? -Infinity);
  return { session: sessionOf(record, end), epoch: end?.epoch, endedAt };
}

export function decodeMfaEnd(text: string | undefined, nowMs: number): MfaEnd | undefined {
  const record = decode(text, nowMs);
  if (record === undefined) return undefined;
  const { epoch, startedUntil } = record;
  return {
    // Without a readable mark only what was started since carries it, and all else is void.
    epoch: typeof epoch === 'string' ? epoch : '',
    endedAt: isTime(record.endedAt) ? record.endedAt : nowMs,
    ...(isTime(startedUntil) && { startedUntil }),
  };
}

/** Evidence as an MFA session, unless it was voided since. */
export function fromEvidence(
  { method, acr, verifiedAt }: MfaEvidence,
  stored: StoredMfa,
  windowSeconds: number,
): KnownMfa | undefined {
  const verifiedAtMs = verifiedAt.getTime();
  return verifiedAtMs <= stored.endedAt
    ? undefined
    : { method, acr, verifiedAtMs, expiresAtMs: verifiedAtMs + windowSeconds * 1000 };
}

function sessionOf(
  record: StoredRecord | undefined,
  end: MfaEnd | undefined,
): KnownMfa | undefined {
  if (record === undefined) return undefined;
  const { method, acr, verifiedAt, sessionEndsAt, epoch } = record;
  if (!isNonEmptyString(method) || !isTime(verifiedAt) || !isTime(sessionEndsAt)) return undefined;
  if (acr !== undefined && !isNonEmptyString(acr)) return undefined;
  if (end !== undefined && epoch !== end.epoch && verifiedAt <= (end.startedUntil ?? Infinity)) {
    return undefined;
  }
  return { method, acr, verifiedAtMs: verifiedAt, expiresAtMs: sessionEndsAt };
}

function decode(
  text: string | undefined,
  nowMs: number,
  reader?: RecordReader,
): StoredRecord | undefined {
  if (text === undefined) return undefined;
  const decoded = reader === undefined ? decodeRecord(text) : reader.decode(text);
  const record = decoded ?? { endedAt: nowMs, expiresAt: Infinity };
  return record.expiresAt > nowMs ? record : undefined;
}

function timeOf(record: StoredRecord | undefined, name: string): number {
  const time = record?.[name];
  return isTime(time) ? time : -Infinity;
}

function textOf(record: StoredRecord): StoredText {
  return { text: encodeRecord(record), expiresAt: record.expiresAt };
}
