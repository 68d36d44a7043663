/**
 * Firebase Authentication: `app.use(validateSession(firebase({ projectId: 'my-project' })))`
 *
 * A backend is sent the ID token (`user.getIdToken()`); there is no other. It says by which second
 * factor the user signed in (`phone`, `totp`), and `auth_time` says when: a refresh changes neither,
 * so a fresh proof takes `reauthenticateWithCredential()`.
 *
 * There is no session id: `signOut()` ends one ID token, and `signOutEverywhere()` all sessions up
 * to then. Where you call `revokeRefreshTokens(uid)`, call `sessions.signOutUser({ userId: uid })`.
 */
import { customAuthentication, type SessionOptions } from 'express-wallet-session';

const KEYS = 'https://www.googleapis.com/service_accounts/v1/jwk';

export function firebase({ projectId }: { projectId: string }): SessionOptions {
  return {
    authentication: customAuthentication({
      issuer: `https://securetoken.google.com/${projectId}`,
      audience: projectId,
      jwksUri: `${KEYS}/securetoken@system.gserviceaccount.com`,
      algorithms: ['RS256'],
    }),
    mfa: {
      evidence({ claims, startedAt }) {
        const method = (claims.firebase as Record<string, string>).sign_in_second_factor;
        return method && startedAt ? { method, verifiedAt: startedAt } : undefined;
      },
    },
  };
}
