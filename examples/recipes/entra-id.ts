/**
 * Microsoft Entra ID: `app.use(validateSession(entraId({ tenants: ['<tenant id>'], clientId: '<application id of the API>' })))`
 *
 * Each tenant is an issuer, once for tokens of v2.0 and once for v1.0 (`requestedAccessTokenVersion`
 * in the manifest of the API; v1.0 is the default, whose `aud` is the application ID URI). A token of
 * a tenant that is not listed is refused, which is what "multitenant" leaves to the API.
 *
 * `sub` differs from app to app; the user id is `oid`, which is unique within its tenant, so keep it
 * together with `session.issuer`. Only tokens on behalf of a user have `scp`: ID tokens and tokens of
 * services are refused by it.
 *
 * The evidence is `amr` with `auth_time`: tokens of v1.0 have the first, and the second is an optional
 * claim to switch on. Tokens of v2.0 have no `amr`, so there the app verifies a factor of its own and
 * calls `session.mfa.start()`. A user in many groups has tokens of more than 8 KiB, which are refused:
 * have groups assigned to the application alone.
 */
import { amrEvidence, customAuthentication, type SessionOptions } from 'express-wallet-session';

const LOGIN = 'https://login.microsoftonline.com';

export function entraId(app: { tenants: string[]; clientId: string }): SessionOptions {
  const issuerOf = (issuer: string, keys: string) =>
    customAuthentication({
      issuer,
      jwksUri: `${LOGIN}/${keys}`,
      audience: [app.clientId, `api://${app.clientId}`],
      userIdClaim: 'oid',
      checkClaims: ({ scp }) => scp !== undefined,
    });
  return {
    authentication: app.tenants.flatMap((tenant) => [
      issuerOf(`https://sts.windows.net/${tenant}/`, `${tenant}/discovery/keys`),
      issuerOf(`${LOGIN}/${tenant}/v2.0`, `${tenant}/discovery/v2.0/keys`),
    ]),
    mfa: { evidence: amrEvidence() },
  };
}
