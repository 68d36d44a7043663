/**
 * Amazon Cognito: `app.use(cognito({ userPoolId: 'us-west-2_example', clientId: '<app client id>' }))`
 *
 * Its access tokens have no `aud`, so it is `client_id` that says whose they are, and `token_use`
 * that tells them from the ID tokens of the same keys. Both are checked right behind
 * `validateSession()`, and what this function gives is the two as one, so that neither is forgotten;
 * `sessions.authenticate()` alone would not do. (Where the client asks for a `resource`, its access
 * tokens do have that `aud`: then name it as the `audience`, and leave the check out.)
 *
 * No token says whether MFA was verified, not even in a pool that requires it: a remembered device
 * or a federated sign-in may have stood in. Verify a factor yourself, and call `session.mfa.start()`.
 */
import * as wallet from 'express-wallet-session';

export function cognito(
  { userPoolId, clientId }: Record<'userPoolId' | 'clientId', string>,
  options?: wallet.SessionOptions,
): wallet.Middleware[] {
  const issuer = `https://cognito-idp.${userPoolId.split('_')[0]}.amazonaws.com/${userPoolId}`;
  const jwksUri = `${issuer}/.well-known/jwks.json`;
  const keys = { issuer, audience: null, jwksUri, sessionIdClaim: 'origin_jti' };
  const authentication = wallet.customAuthentication(keys);
  const requireClient: wallet.Middleware = (req, res, next) => {
    const { token_use, client_id } = wallet.getSession(req).claims;
    if (token_use === 'access' && client_id === clientId) next();
    else wallet.sendProblem(new wallet.SessionError('token_invalid'), req, res);
  };
  return [wallet.validateSession({ ...options, authentication }), requireClient];
}
