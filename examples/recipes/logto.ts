/**
 * Logto: `app.use(validateSession(logto({ endpoint: 'https://my-tenant.logto.app', audience: '<API identifier>' })))`
 *
 * Access tokens are JWTs if the client asks for the API by `resource`; they are of type `at+jwt`, and
 * signed by ES384 unless you have changed that. There is no session id.
 *
 * The evidence is `acr` with `auth_time`, which a refresh leaves as they are. The challenge of
 * `requireMfa({ acr: ['urn:logto:acr:mfa'] })` is RFC 9470's, which Logto's step-up takes: the client
 * goes to the provider with its `acr_values` and `max_age`, and Logto asks for the missing factor.
 */
import { acrEvidence, customAuthentication, type SessionOptions } from 'express-wallet-session';

export function logto(of: Record<'endpoint' | 'audience', string>): SessionOptions {
  const issuer = `${of.endpoint}/oidc`;
  return {
    authentication: customAuthentication({ issuer, audience: of.audience, typ: 'at+jwt' }),
    mfa: { evidence: acrEvidence({ acr: ['urn:logto:acr:mfa'] }) },
  };
}
