/**
 * Auth0: `app.use(validateSession(auth0({ domain: 'my-domain.auth0.com', audience: '<API identifier>' })))`
 *
 * Its access tokens carry neither `auth_time`, `amr` nor `sid`, and an Action may not add claims of
 * these names. Without `auth_time` a session has no known end (`maxSessionSeconds` counts for the
 * token alone), and signing out everywhere has to end the refresh tokens at Auth0 as well. A
 * post-login Action adds the session, and the time of MFA, which no refresh moves, under names of
 * your own; without it there is no session id and no evidence of MFA:
 *
 *   exports.onExecutePostLogin = async (event, api) => {
 *     const mfa = event.authentication?.methods.find(({ name }) => name === 'mfa');
 *     const sid = event.session?.id ?? event.refresh_token?.session_id;
 *     if (mfa) api.accessToken.setCustomClaim('https://wallet.example/mfa_at', mfa.timestamp);
 *     if (sid) api.accessToken.setCustomClaim('https://wallet.example/sid', sid);
 *   };
 *
 * Its API setting "Token sender-constraining" binds tokens to a key (DPoP); then add `dpop: 'required'`.
 */
import { customAuthentication, type SessionOptions } from 'express-wallet-session';

export function auth0({ domain, audience }: Record<'domain' | 'audience', string>): SessionOptions {
  const issuer = `https://${domain}/`;
  const sessionIdClaim = 'https://wallet.example/sid';
  return {
    authentication: customAuthentication({ issuer, audience, sessionIdClaim }),
    mfa: {
      evidence({ claims }) {
        const at = claims['https://wallet.example/mfa_at'];
        return typeof at === 'string' ? { method: 'mfa', verifiedAt: new Date(at) } : undefined;
      },
    },
  };
}
