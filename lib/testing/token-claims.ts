/**
 * The default claims of the test issuer's tokens: pure rules.
 */
import { randomUUID } from 'node:crypto';
import type { IssuerSettings, Members } from './issuer-options.js';
import type { IssuerSession } from './refresh-tokens.js';

const ACCESS_TOKEN_SECONDS = 900;
const LOGOUT_TOKEN_SECONDS = 600;

/** As in CDP's published sample; for `'custom'` with `sid` and `auth_time`. */
export function accessTokenClaims(
  { authentication, issuer, audience, projectId, claims }: IssuerSettings,
  session: IssuerSession,
  nowSeconds: number,
): Members {
  return {
    iss: issuer,
    aud: audience,
    sub: session.userId,
    jti: randomUUID(),
    iat: nowSeconds,
    exp: nowSeconds + ACCESS_TOKEN_SECONDS,
    ...(authentication === 'custom'
      ? { sid: session.sessionId, auth_time: session.startedAtSeconds }
      : { project_id: projectId, auth_type: 'email' }),
    ...claims,
    ...session.claims,
  };
}

/** OpenID Connect Back-Channel Logout 1.0 section 2.4, without `sub` and `sid`. */
export function logoutTokenClaims(
  { issuer }: IssuerSettings,
  clientId: string,
  nowSeconds: number,
): Members {
  return {
    iss: issuer,
    aud: clientId,
    iat: nowSeconds,
    exp: nowSeconds + LOGOUT_TOKEN_SECONDS,
    jti: randomUUID(),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  };
}

/** The overrides over the defaults; `undefined` removes a member. */
export function merged(defaults: Members, overrides: Members): Members {
  return Object.fromEntries(
    Object.entries({ ...defaults, ...overrides }).filter(([, value]) => value !== undefined),
  );
}
