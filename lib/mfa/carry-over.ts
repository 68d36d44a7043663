/**
 * Which MFA sessions move when an access token is refreshed, and from which token: pure rules.
 */
import type { Identity } from '../authentication/token-verifier.js';

/** Whether the MFA session belongs to this very token, so that it has to move to the next one. */
export function isBoundToToken({ issuer, sessionId }: Identity): boolean {
  return issuer.mfaScope === 'client' && sessionId === undefined;
}

/** Whether one token may be the one that another was refreshed from. */
export function isPrevious(previous: Identity, identity: Identity): boolean {
  return (
    previous.issuer === identity.issuer &&
    previous.userId === identity.userId &&
    previous.sessionId === undefined &&
    previous.issuedAtSeconds <= identity.issuedAtSeconds &&
    previous.tokenDigest !== identity.tokenDigest
  );
}
