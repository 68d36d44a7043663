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

/** Everything of this user that started up to a time was signed out. */
export function userSignOutKey(user: UserName): string {
  return `${tagOf(user)}:signed-out`;
}

/** This one access token was signed out. */
export function tokenSignOutKey(user: UserName, tokenId: string): string {
  return `${tagOf(user)}:token:${digest(tokenId)}:signed-out`;
}

/** This session was signed out. */
export function sessionSignOutKey({ issuer, sessionId }: SessionName): string {
  return `{${digest('session', issuer, sessionId)}}:signed-out`;
}

/** The MFA session that all clients of a user share. */
export function userMfaKey(user: UserName): string {
  return `${tagOf(user)}:mfa`;
}

/** The MFA session of one client, which is known by its session id or else by its access token. */
export function clientMfaKey(
  user: UserName,
  client: { sessionId: string } | { tokenHash: string },
): string {
  const [kind, id] =
    'sessionId' in client ? ['session', client.sessionId] : ['token', client.tokenHash];
  return `${tagOf(user)}:mfa:${digest(kind, id)}`;
}

/** Where the record of an expired MFA session goes when another takes its place. */
export function replacedMfaKey(key: string, text: string): string {
  return `${key}:replaced:${digest(text)}`;
}

/** All MFA sessions of this user up to a time are void. */
export function mfaEndKey(user: UserName): string {
  return `${tagOf(user)}:mfa-ended`;
}

function tagOf({ issuer, userId }: UserName): string {
  return `{${digest('user', issuer, userId)}}`;
}

/** JSON keeps the parts apart: no issuer and user can be written as another issuer and user. */
function digest(...parts: readonly string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url');
}
