/**
 * Which challenges may be approved, and which approvals admit a request: pure rules.
 */
import { SessionError } from '../errors.js';
import { matches } from '../mfa/mfa-policy.js';
import { isVerifiedFactor, type VerifiedFactor } from '../mfa/mfa-session.js';
import { ConfigurationError } from '../option-reader.js';
import type { JsonValue } from '../protocol.js';
import { isEndedSince } from '../records/raised.js';
import type { ChallengeId } from './challenge-id.js';
import type { ChallengeRecord, RecordedEnds } from './challenge-record.js';
import { sortedJson, webAuthnChallenge } from './digest.js';
import type { MfaApproval, MfaChallenge } from './mfa-approval.js';

/** Of a description as sorted JSON, in UTF-16 units. */
const MAX_DESCRIPTION_LENGTH = 1_024;

/** An approval can be used for at least this long, however late it was given. */
const MIN_APPROVAL_MS = 60_000;

/** The present time, and the ends that have been recorded for the user. */
export interface Present {
  readonly nowMs: number;
  readonly ends: RecordedEnds;
}

/** Whether a record is of this id, has not expired, and was not voided by an end or a sign-out. */
export function isInForce(
  record: ChallengeRecord,
  { idHash }: ChallengeId,
  { nowMs, ends }: Present,
): boolean {
  return record.idHash === idHash && nowMs < record.expiresAtMs && !isVoid(record, ends);
}

/** Whether a slot may be given to a new challenge without loss. */
export function isFree(record: ChallengeRecord | undefined, { nowMs, ends }: Present): boolean {
  return record === undefined || nowMs >= record.expiresAtMs || isVoid(record, ends);
}

/**
 * Whether something ended since the challenge was made. Each end orders itself after the end that
 * it found, so no clock decides. A sign-out that was known already has been checked against the
 * session, which began after it.
 */
function isVoid({ createdAtMs, ends: known }: ChallengeRecord, ends: RecordedEnds): boolean {
  if (isEndedSince(known.mfaEnd, ends.mfaEnd)) return true;
  return (
    ends.signedOutUntil !== undefined &&
    ends.signedOutUntil !== known.signedOutUntil &&
    Math.floor(createdAtMs / 1000) <= ends.signedOutUntil
  );
}

/**
 * The factor that a verifier reports; undefined if the verification failed.
 *
 * @throws TypeError for anything else than `{ method, acr? }`, `false` or `undefined`, and for a
 * factor that the challenge does not accept
 */
export function readProof(proof: unknown, challenge: ChallengeRecord): VerifiedFactor | undefined {
  if (proof === false || proof === undefined) return undefined;
  if (!isVerifiedFactor(proof)) {
    throw new TypeError(
      "mfa.approve(id, verify): `verify` must return { method, acr? } after the factor was verified, for instance { method: 'totp' }, and false or undefined if it was not.",
    );
  }
  const factor = { method: proof.method, acr: proof.acr };
  if (matches(factor, challenge)) return factor;
  throw new TypeError(
    'mfa.approve(id, verify): the `method` or `acr` that `verify` returned is not among `challenge.methods` and `challenge.acr`, which the route demands.',
  );
}

/**
 * A description as the user is shown it: without members that are undefined, in sorted order.
 *
 * @param source names the value in an error
 * @throws ConfigurationError if it is no JSON, or too long
 */
export function parseDescription(given: unknown, source: string): JsonValue {
  const text = sortedJson(given, source);
  if (text.length > MAX_DESCRIPTION_LENGTH) {
    throw new ConfigurationError([
      `${source} has ${text.length} UTF-16 units as JSON; at most ${MAX_DESCRIPTION_LENGTH} can be shown. Leave out or shorten members.`,
    ]);
  }
  return JSON.parse(text) as JsonValue;
}

/** The challenge as approved, with the expiry of the approval. */
export function approve(
  challenge: ChallengeRecord,
  factor: VerifiedFactor,
  nowMs: number,
): ChallengeRecord {
  return {
    ...challenge,
    expiresAtMs: Math.max(challenge.expiresAtMs, nowMs + MIN_APPROVAL_MS),
    approved: { ...factor, atMs: nowMs },
  };
}

/** The challenge as the app sees it. */
export function challengeOf(
  record: ChallengeRecord,
  { id }: ChallengeId,
  user: { readonly issuer: string; readonly userId: string },
): MfaChallenge {
  const { request, digest, description, methods, acr } = record;
  const subject = { ...user, challengeId: id, digest };
  const expectedChallenge = webAuthnChallenge({
    ...subject,
    description: sortedJson(description, 'the description'),
  });
  return Object.freeze({
    id,
    request: request && Object.freeze({ ...request }),
    digest,
    // A copy, so that a verifier which alters it does not alter the record of the approval.
    description: structuredClone(description),
    ...(methods !== undefined && { methods: [...methods] }),
    ...(acr !== undefined && { acr: [...acr] }),
    createdAt: new Date(record.createdAtMs),
    expiresAt: new Date(record.expiresAtMs),
    webAuthn: Object.freeze({
      get challenge() {
        return Uint8Array.from(Buffer.from(expectedChallenge, 'base64url'));
      },
      expectedChallenge,
    }),
  });
}

/** The approval as the app sees it; undefined for a challenge that is not approved. */
export function approvalOf(record: ChallengeRecord, { id }: ChallengeId): MfaApproval | undefined {
  const { digest, description, approved, expiresAtMs } = record;
  if (approved === undefined) return undefined;
  return Object.freeze({
    challengeId: id,
    digest,
    description,
    method: approved.method,
    ...(approved.acr !== undefined && { acr: approved.acr }),
    approvedAt: new Date(approved.atMs),
    expiresAt: new Date(expiresAtMs),
  });
}

/** The refusal that asks for the approval of a challenge. */
export function approvalRequired(
  record: ChallengeRecord,
  { id }: ChallengeId,
  nowMs: number,
  cause?: unknown,
): SessionError {
  const { description, methods, acr, expiresAtMs } = record;
  const expiresInSeconds = Math.max(0, Math.floor((expiresAtMs - nowMs) / 1000));
  return new SessionError('mfa_required', {
    approval: { challengeId: id, description, expiresInSeconds, methods, acr },
    cause,
  });
}
