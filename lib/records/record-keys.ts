/**
 * The keys of all records. Ids are hashed, so a listing of keys reveals none.
 *
 * All records of a user share the hash tag `{…}` of that user, so a Redis Cluster keeps them in one
 * slot. The sign-out of a session has a tag of its own, because a session can be signed out without
 * its user being known.
 */
import { hash } from 'node:crypto';

/** A user, as one issuer names it. */
export interface UserName {
  readonly issuer: string;
  readonly userId: string;
}

/** A session, as one issuer names it. */
export interface SessionName {
  readonly issuer: string;
  readonly sessionId: string;
}

/**
 * The hashes that keys consist of, kept for each remembered token. The keys themselves are made when
 * they are needed, because they would take twice the room.
 */
export interface RecordDigests {
  readonly userDigest: string;
  /** `undefined` if the tokens carry no session id. */
  readonly sessionDigest: string | undefined;
  readonly tokenDigest: string;
}

/** 144 of the 256 bits of SHA-256: two halves of 12 characters of base64url. */
const HALF = 12;

/** @param signingInput tells tokens apart even if an issuer repeats a `jti` */
export function digestsOf(
  user: UserName,
  sessionId: string | undefined,
  signingInput: string,
): RecordDigests {
  return {
    userDigest: userDigestOf(user),
    sessionDigest:
      sessionId === undefined ? undefined : sessionDigestOf({ issuer: user.issuer, sessionId }),
    tokenDigest: digest('token', signingInput),
  };
}

export function userDigestOf({ issuer, userId }: UserName): string {
  return digest('user', issuer, userId);
}

export function sessionDigestOf({ issuer, sessionId }: SessionName): string {
  return digest('session', issuer, sessionId);
}

/** Raised: all sessions of the user that started up to a time are signed out. */
export function userSignOutKey(userDigest: string): string {
  return `{${userDigest}}:revoked`;
}

/** Raised: one session is signed out. */
export function sessionSignOutKey(sessionDigest: string): string {
  return `{${sessionDigest}}:revoked`;
}

/** Raised: one access token is signed out. */
export function tokenSignOutKey(userDigest: string, tokenDigest: string): string {
  return `{${userDigest}}:revoked:${tokenDigest}`;
}

/**
 * The MFA session that was started.
 *
 * @param ownerDigest the session or access token that it belongs to; `undefined`: the user
 */
export function mfaKey(userDigest: string, ownerDigest: string | undefined): string {
  return ownerDigest === undefined ? `{${userDigest}}:mfa` : `{${userDigest}}:mfa:${ownerDigest}`;
}

/** The MFA session that was carried over to an access token. */
export function carriedMfaKey(userDigest: string, tokenDigest: string): string {
  return `{${userDigest}}:mfa-carried:${tokenDigest}`;
}

/** The carried MFA session that made room for another one. */
export function replacedMfaKey(carriedKey: string, text: string): string {
  return `${carriedKey}:replaced:${digest('replaced', text)}`;
}

/** Raised: all MFA sessions of the user are void. */
export function mfaEndKey(userDigest: string): string {
  return `{${userDigest}}:mfa-ended`;
}

/**
 * Raised: one MFA session is void.
 *
 * @param ownerDigest the session or access token that it belongs to; `undefined`: the user
 */
export function ownMfaEndKey(userDigest: string, ownerDigest: string | undefined): string {
  return `{${userDigest}}:mfa-ended:${ownerDigest ?? 'shared'}`;
}

/**
 * The prefix of challenges and approvals.
 *
 * @param sessionDigest the session that they belong to; `undefined`: the user
 */
export function challengeRoomKey(userDigest: string, sessionDigest: string | undefined): string {
  return sessionDigest === undefined
    ? `{${userDigest}}:approval`
    : `{${userDigest}}:approval:${sessionDigest}`;
}

/**
 * Raised: evidence of one sign-in is void.
 *
 * @param startedAtSeconds the time of the sign-in; `undefined`: unknown, so it may be any of the user
 */
export function evidenceEndKey(userDigest: string, startedAtSeconds: number | undefined): string {
  return startedAtSeconds === undefined
    ? `{${userDigest}}:evidence-ended`
    : `{${userDigest}}:evidence-ended:${digest('sign-in', userDigest, String(startedAtSeconds))}`;
}

/** Added: a DPoP proof was used. */
export function spentProofKey(userDigest: string, keyThumbprint: string, jti: string): string {
  return `{${userDigest}}:dpop:${digest('dpop', keyThumbprint, jti)}`;
}

/** JSON keeps the parts apart: no issuer and user can be written as another issuer and user. */
function digest(...parts: readonly string[]): string {
  const text = hash('sha256', JSON.stringify(parts), 'base64url');
  // V8 copies slices of up to 12 characters; a longer one would keep all of the text with it.
  return [text.slice(0, HALF), text.slice(HALF, 2 * HALF)].join('');
}
