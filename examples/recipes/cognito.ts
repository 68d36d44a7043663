/**
 * Amazon Cognito: `app.use(validateSession(cognito({ userPoolId: 'us-west-2_example', clientId: '<app client id>' })))`
 *
 * Its access tokens have no `aud`: `client_id` takes its place, and `token_use` tells them from the
 * ID tokens of the same keys. (If the client asks for a `resource`, its access tokens do have that
 * `aud`: then name it as the `audience`, and leave `audienceClaim` out.)
 *
 * No token says whether MFA was verified, not even in a pool that requires it: a remembered device
 * or a federated sign-in may have stood in. Verify a factor yourself, and call `session.mfa.start()`.
 */
import { customAuthentication, type SessionOptions } from 'express-wallet-session';

export function cognito(pool: Record<'userPoolId' | 'clientId', string>): SessionOptions {
  const region = pool.userPoolId.split('_')[0];
  return {
    authentication: customAuthentication({
      issuer: `https://cognito-idp.${region}.amazonaws.com/${pool.userPoolId}`,
      audience: pool.clientId,
      audienceClaim: 'client_id',
      sessionIdClaim: 'origin_jti',
      checkClaims: ({ token_use }) => token_use === 'access',
    }),
  };
}
