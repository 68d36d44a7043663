/**
 * What each record is called. Ids are hashed, so that a listing of keys tells nothing.
 *
 * All records of a user share the hash tag `{…}` of that user, so a Redis Cluster keeps them in one
 * slot. A session's revocation has a tag of its own: who revokes a session need not know its user.
 */
import { hash } from 'node:crypto';

export interface UserName {
  readonly issuer: string;
  readonly userId: string;
}

export interface SessionName {
  readonly issuer: string;
  readonly sessionId: string;
}

/**
 * The keys that each request asks for, made once for each verified token. Other keys are made of
 * their parts, which are cut out where they are needed: kept beside them, they would take more room
 * than the token's claims.
 */
export interface RecordKeys {
  /** Everything of this user that started up to a time was signed out. */
  readonly userSignOutKey: string;
  /** This session was signed out, or, where it has no id, this one access token. */
  readonly ownSignOutKey: string;
  /** What an MFA session of one client belongs to where the session has no id: this very token. */
  readonly tokenDigest: string | undefined;
}

export function keysOfSession(user: UserName, sessionId: string): RecordKeys {
  const ownSignOutKey = sessionSignOutKey({ issuer: user.issuer, sessionId });
  return { userSignOutKey: userSignOutKey(user), ownSignOutKey, tokenDigest: undefined };
}

/** @param tokenHash tells tokens apart even where an issuer repeats a `jti` */
export function keysOfToken(user: UserName, tokenId: string, tokenHash: string): RecordKeys {
  const ofUser = userSignOutKey(user);
  return {
    userSignOutKey: ofUser,
    ownSignOutKey: key(tagOf(ofUser), ':token:', digest(tokenId), SIGNED_OUT),
    tokenDigest: digest('token', tokenHash),
  };
}

export function userSignOutKey({ issuer, userId }: UserName): string {
  return key('{', digest('user', issuer, userId), '}', SIGNED_OUT);
}

export function sessionSignOutKey({ issuer, sessionId }: SessionName): string {
  return key('{', digest('session', issuer, sessionId), '}', SIGNED_OUT);
}

/** The MFA session that all clients of a user share. */
export function userMfaKey({ userSignOutKey }: RecordKeys): string {
  return key(tagOf(userSignOutKey), ':mfa');
}

/** The MFA session of one client. */
export function clientMfaKey({ userSignOutKey, ownSignOutKey, tokenDigest }: RecordKeys): string {
  return key(tagOf(userSignOutKey), ':mfa:', tokenDigest ?? tagOf(ownSignOutKey).slice(1, -1));
}

/** All MFA sessions of this user up to a time are void. */
export function mfaEndKey({ userSignOutKey }: Pick<RecordKeys, 'userSignOutKey'>): string {
  return key(tagOf(userSignOutKey), ':mfa-ended');
}

/** Where the record of an expired MFA session goes when another takes its place. */
export function replacedMfaKey(mfaKey: string, text: string): string {
  return key(mfaKey, ':replaced:', digest(text));
}

const SIGNED_OUT = ':signed-out';

/** The hash tag of a user or of a session. */
function tagOf(signOutKey: string): string {
  return signOutKey.slice(0, -SIGNED_OUT.length);
}

/** In one piece: `+` would keep the parts beside the whole, for as long as the token is remembered. */
function key(...parts: readonly string[]): string {
  return parts.join('');
}

/** JSON keeps the parts apart: no issuer and user can be written as another issuer and user. */
function digest(...parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}
