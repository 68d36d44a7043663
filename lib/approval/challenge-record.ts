/**
 * Challenges and approvals as they are stored: encoded and decoded, without a store.
 */
import { isNonEmptyString, isRecord } from '../type-guards.js';
import type { JsonValue } from '../protocol.js';
import { decodeRecord, encodeRecord, isTime } from '../records/record.js';
import type { RequestTarget } from './digest.js';

/** A challenge in the store; an approval, once `approved` is set. */
export interface ChallengeRecord {
  readonly idHash: string;
  readonly digest: string;
  /** Undefined for an operation that is no HTTP request. */
  readonly request: RequestTarget | undefined;
  readonly description: JsonValue;
  readonly methods: readonly string[] | undefined;
  readonly acr: readonly string[] | undefined;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** The ends that had been recorded when the challenge was made. */
  readonly ends: RecordedEnds;
  readonly approved: VerifiedFactor | undefined;
}

/** The ends of MFA and of sessions of a user, as the store has them. */
export interface RecordedEnds {
  /** The latest end of all MFA of the user: a text that orders itself. */
  readonly mfaEnd: string | undefined;
  /** All sessions of the user that started in this second or earlier are signed out. */
  readonly signedOutUntil: number | undefined;
}

/** The verification that approved a challenge. */
export interface VerifiedFactor {
  readonly method: string;
  readonly acr: string | undefined;
  readonly atMs: number;
}

export function encodeChallenge(challenge: ChallengeRecord): string {
  const { createdAtMs, expiresAtMs, ...fields } = challenge;
  return encodeRecord({ ...fields, createdAt: createdAtMs, expiresAt: expiresAtMs });
}

/** Records name their own expiry; the store keeps them longer, for processes with a slow clock. */
const KEPT_MS = 60_000;

/** For how long the store keeps a challenge or approval. */
export function secondsToKeep({ expiresAtMs }: ChallengeRecord, nowMs: number): number {
  return (expiresAtMs - nowMs + KEPT_MS) / 1000;
}

/** The challenge or approval; undefined for any other text. */
export function decodeChallenge(text: string | undefined): ChallengeRecord | undefined {
  const record = text === undefined ? undefined : decodeRecord(text);
  if (record === undefined) return undefined;
  const { idHash, digest, description, createdAt, expiresAt } = record;
  if (typeof idHash !== 'string' || typeof digest !== 'string' || !isTime(createdAt)) {
    return undefined;
  }
  const request = isRequest(record.request) ? record.request : undefined;
  const [methods, acr] = [stringsOf(record.methods), stringsOf(record.acr)];
  const [ends, approved] = [endsOf(record.ends), factorOf(record.approved)];
  // A demand or an end that cannot be read must not count as absent.
  const unreadable =
    description === undefined ||
    (record.request !== undefined && request === undefined) ||
    (record.methods !== undefined && methods === undefined) ||
    (record.acr !== undefined && acr === undefined) ||
    (record.approved !== undefined && approved === undefined) ||
    ends === undefined;
  if (unreadable) return undefined;
  return {
    idHash,
    digest,
    request,
    description: description as JsonValue,
    methods,
    acr,
    createdAtMs: createdAt,
    expiresAtMs: expiresAt,
    ends,
    approved,
  };
}

function isRequest(value: unknown): value is RequestTarget {
  return isRecord(value) && typeof value.method === 'string' && typeof value.url === 'string';
}

function stringsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined;
}

function endsOf(value: unknown): RecordedEnds | undefined {
  if (!isRecord(value)) return undefined;
  const { mfaEnd, signedOutUntil } = value;
  if (mfaEnd !== undefined && typeof mfaEnd !== 'string') return undefined;
  if (signedOutUntil !== undefined && typeof signedOutUntil !== 'number') return undefined;
  return { mfaEnd, signedOutUntil };
}

function factorOf(value: unknown): VerifiedFactor | undefined {
  if (!isRecord(value)) return undefined;
  const { method, acr, atMs } = value;
  if (!isNonEmptyString(method) || !isTime(atMs)) return undefined;
  return acr === undefined || isNonEmptyString(acr) ? { method, acr, atMs } : undefined;
}
