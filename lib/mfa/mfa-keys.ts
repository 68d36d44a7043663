/**
 * Which records the MFA session of a session consists of.
 */
import type { Identity } from '../authentication/token-verifier.js';
import {
  carriedMfaKey,
  evidenceEndKey,
  mfaEndKey,
  mfaKey,
  ownMfaEndKey,
} from '../records/record-keys.js';

export interface MfaKeys {
  /** The MFA session that `start()` wrote. */
  readonly started: string;
  /** The MFA session that was carried over; `undefined` if MFA belongs to more than one token. */
  readonly carried: string | undefined;
  /** The end of all MFA of the user. */
  readonly userEnd: string;
  /** The end of this MFA session. */
  readonly ownEnd: string;
  /** The end of evidence of this session's sign-in, if that is not `ownEnd`. */
  readonly signInEnd: string | undefined;
  /** The ends of evidence beside `ownEnd`. */
  readonly evidenceEnds: readonly string[];
}

/**
 * Whether the MFA session belongs to one access token, so that it has to be carried over to the next:
 * the scope is `client` and the tokens carry no session id.
 */
export function isBoundToToken({ issuer, sessionId }: Identity): boolean {
  return issuer.mfaScope === 'client' && sessionId === undefined;
}

/**
 * An MFA session belongs to the user, to the session, or to one access token. Evidence belongs to a
 * sign-in, which the session id or else `auth_time` tells from others; without either, evidence
 * is ended for the whole user, so each session of the user looks at that end too.
 */
export function mfaKeysOf(identity: Identity): MfaKeys {
  const { userDigest, sessionDigest, tokenDigest, startedAtSeconds } = identity;
  const isShared = identity.issuer.mfaScope === 'user';
  const owner = isShared ? undefined : (sessionDigest ?? tokenDigest);
  const isBound = isBoundToToken(identity);
  const unknownEnd = evidenceEndKey(userDigest, undefined);
  const signInEnd = isBound ? evidenceEndKey(userDigest, startedAtSeconds) : undefined;
  return {
    started: mfaKey(userDigest, owner),
    carried: isBound ? carriedMfaKey(userDigest, tokenDigest) : undefined,
    userEnd: mfaEndKey(userDigest),
    ownEnd: ownMfaEndKey(userDigest, owner),
    signInEnd,
    evidenceEnds: isShared ? [] : [...new Set([signInEnd ?? unknownEnd, unknownEnd])],
  };
}
