/**
 * The sign-in that an access token belongs to, and its end, read from its claims. The signature is not verified:
 * the client only compares its own tokens with each other, and the server verifies each of them.
 */

export interface TokenIdentity {
  /** `iss`, `sub`, `sid` and `auth_time` in one string; two tokens of one sign-in have it equal. */
  readonly key: string;
  /** False for a token without `sub` and `sid`, an opaque one included: two users may share its key. */
  readonly isConclusive: boolean;
}

/** @see {@link https://www.rfc-editor.org/rfc/rfc7519#section-4.1 | RFC 7519, section 4.1} */
export function identityOf(token: string): TokenIdentity {
  const { iss, sub, sid, auth_time: authTime } = claimsOf(token);
  return {
    key: JSON.stringify([iss, sub, sid, authTime]),
    isConclusive: [sub, sid].some((claim) => typeof claim === 'string' && claim !== ''),
  };
}

/** SDKs renew a token that ends within this time; 60 seconds in `@coinbase/cdp-core`. */
const RENEWAL_SECONDS = 60;

/**
 * From when on, in milliseconds since the epoch, `getAccessToken` may renew a token that has just
 * come; `Infinity` if the token has no `exp`, or an `exp` of another clock than this one.
 */
export function renewalTime(token: string | null): number {
  const { exp } = token === null ? {} : claimsOf(token);
  const milliseconds = typeof exp === 'number' ? (exp - RENEWAL_SECONDS) * 1000 : 0;
  return milliseconds > Date.now() ? milliseconds : Infinity;
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const payload = token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? '';
    // Bytes beyond ASCII stay undecoded, which is enough to compare them.
    const claims: unknown = JSON.parse(atob(payload));
    if (typeof claims === 'object' && claims !== null) return claims as Record<string, unknown>;
  } catch {
    // Not a JWT, or an encrypted one.
  }
  return {};
}
