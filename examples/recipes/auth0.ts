/**
 * Auth0: `app.use(validateSession(auth0({ domain: 'my-domain.auth0.com', audience: '<API identifier>' })))`
 *
 * Its access tokens carry neither `auth_time`, `amr` nor `sid`, and an Action may not add claims of
 * these names. A post-login Action adds when MFA was completed (which no refresh moves) and the
 * session under names of your own; without it there is no evidence and no session id:
 *
 *   exports.onExecutePostLogin = async (event, api) => {
 *     const mfa = event.authentication?.methods.find(({ name }) => name === 'mfa');
 *     const sid = event.session?.id ?? event.refresh_token?.session_id;
 *     if (mfa) api.accessToken.setCustomClaim('https://wallet.example/mfa_at', mfa.timestamp);
 *     if (sid) api.accessToken.setCustomClaim('https://wallet.example/sid', sid);
 *   };
 *
 * Without `auth_time`, signing out everywhere has to end the refresh tokens at Auth0 as well.
 */
import { customAuthentication, type SessionOptions } from 'express-wallet-session';

export function auth0({ domain, audience }: Record<'domain' | 'audience', string>): SessionOptions {
  const issuer = `https://${domain}/`;
  const jwksUri = `${issuer}.well-known/jwks.json`;
  const sessionIdClaim = 'https://wallet.example/sid';
  return {
    authentication: customAuthentication({ issuer, audience, jwksUri, sessionIdClaim }),
    mfa: {
      evidence({ claims }) {
        const at = claims['https://wallet.example/mfa_at'];
        return typeof at === 'string' ? { method: 'mfa', verifiedAt: new Date(at) } : undefined;
      },
    },
  };
}
