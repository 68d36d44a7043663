/**
 * Okta: `app.use(validateSession(okta({ issuer: 'https://my-domain.okta.com/oauth2/default', audience: 'api://default' })))`
 *
 * Of a custom authorization server: access tokens of the org's own are not meant to be verified by
 * anybody but Okta. `sub` is the login name, which an administrator can change and give to somebody
 * else, so the user id is `uid`; it also tells users from services, whose tokens have none. There is
 * no session id.
 *
 * The evidence is `acr`, which a token has after a sign-in that asked for it by `acr_values`, with
 * `auth_time`; a token without either has none. `requireMfa({ acr: ['urn:okta:loa:2fa:any'] })` makes
 * clients ask for it. With DPoP, which an app can require, its tokens need a proof.
 */
import { acrEvidence, customAuthentication, type SessionOptions } from 'express-wallet-session';

export function okta({ issuer, audience }: Record<'issuer' | 'audience', string>): SessionOptions {
  return {
    authentication: customAuthentication({ issuer, audience, userIdClaim: 'uid' }),
    mfa: { evidence: acrEvidence({ acr: ['urn:okta:loa:2fa:any', 'phr', 'phrh'] }) },
  };
}
