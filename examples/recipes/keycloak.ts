/**
 * Keycloak: `app.use(validateSession(keycloak({ realm: 'https://id.example/realms/my-realm', audience: 'my-api' })))`
 *
 * By default `aud` is `account`, the same for every client of the realm: give your API a client of its
 * own and add it by a mapper of type "Audience". `sid` is the session's, and Keycloak's back-channel
 * logout names it. With DPoP (26.4 and later) its tokens are bound to a key, and need a proof.
 *
 * The evidence is `acr`, by the realm's mapping of ACR to levels of authentication ("gold" here
 * stands for a level that takes a second factor), with `auth_time`. Keycloak leaves the level of a
 * session as it is until the "Max age" of its condition in the browser flow is over: set that to no
 * more than `windowSeconds`. `requireMfa({ acr: ['gold'] })` makes clients ask for it.
 */
import { acrEvidence, customAuthentication, type SessionOptions } from 'express-wallet-session';

export function keycloak(of: Record<'realm' | 'audience', string>): SessionOptions {
  return {
    authentication: customAuthentication({ issuer: of.realm, audience: of.audience }),
    mfa: { evidence: acrEvidence({ acr: ['gold'] }) },
  };
}
