/**
 * Zitadel: `app.use(validateSession(zitadel({ domain: 'my-instance.zitadel.cloud', projectId: '<project id>' })))`
 *
 * Access tokens are opaque unless the application's "Auth Token Type" is JWT. Their `aud` has the
 * project if the client asks for the scope `urn:zitadel:iam:org:project:id:<project id>:aud`. ID tokens
 * have the same `aud` and no `jti`, which every access token has.
 *
 * `auth_time`, `amr` and the session are in ID tokens alone. So there is no session id, no end of the
 * session and no evidence: the app verifies a factor of its own and calls `session.mfa.start()`, and
 * signing out everywhere has to end the sessions at Zitadel as well.
 */
import { customAuthentication, type SessionOptions } from 'express-wallet-session';

export function zitadel(of: Record<'domain' | 'projectId', string>): SessionOptions {
  return {
    authentication: customAuthentication({
      issuer: `https://${of.domain}`,
      audience: of.projectId,
      checkClaims: ({ jti }) => jti !== undefined,
    }),
  };
}
