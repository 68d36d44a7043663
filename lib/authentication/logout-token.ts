/**
 * What the claims of a logout token have to say (OpenID Connect Back-Channel Logout 1.0, sections
 * 2.4 and 2.6): pure rules. Who signed it is verified in `token-verifier.ts`.
 */
import { tokenInvalid } from '../errors.js';
import { isRecord } from '../type-guards.js';
import { checkAudience, identifier, instant, required, type LifetimeRules } from './claims.js';
import type { ParsedToken } from './token-form.js';
import type { TokenIssuer } from './token-issuer.js';

/** Who was signed out at the provider: one session, or else everything of a user. */
export type LogoutFacts = { readonly issuer: TokenIssuer } & (
  | { readonly sessionId: string; readonly userId: string | undefined }
  | {
      readonly sessionId: undefined;
      readonly userId: string;
      /** Whatever of the user started up to this second ends. */
      readonly lastSecond: number;
    }
);

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const LOGOUT_TOKEN_TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'logout+jwt'];
const MAX_AGE_SECONDS = 300;

/**
 * Checks whatever makes a token a logout token for one of these clients, but the signature.
 *
 * @throws SessionError `token_invalid`
 */
export function checkLogoutToken(
  { header, claims }: ParsedToken,
  issuer: TokenIssuer,
  audience: readonly string[],
  nowSeconds: number,
  { clockToleranceSeconds }: Pick<LifetimeRules, 'clockToleranceSeconds'>,
): LogoutFacts {
  if (!issuer.algorithms.has(header.alg)) throw tokenInvalid('`alg` is not allowed');
  if (!LOGOUT_TOKEN_TYPES.includes(header.typ)) {
    throw tokenInvalid('`typ` is not that of a logout token');
  }
  if (!isRecord(claims.events) || !isRecord(claims.events[LOGOUT_EVENT])) {
    throw tokenInvalid('`events` does not make it a logout token');
  }
  // Section 2.4: what has one may have been made for another purpose.
  if (Object.hasOwn(claims, 'nonce')) throw tokenInvalid('`nonce` is prohibited in a logout token');
  checkAudience(claims.aud, audience);
  // The issuer and the keys of CDP are the same for every project.
  const { project_id: projectId = issuer.projectId } = claims;
  if (projectId !== issuer.projectId && issuer.projectId !== undefined) {
    throw tokenInvalid('`project_id` is another project');
  }
  required(identifier(claims, 'jti'), 'jti');

  const issuedAtSeconds = required(instant(claims, 'iat'), 'iat');
  const notBefore = instant(claims, 'nbf') ?? issuedAtSeconds;
  const expiresAtSeconds = instant(claims, 'exp') ?? Infinity;
  if (Math.max(issuedAtSeconds, notBefore) > nowSeconds + clockToleranceSeconds) {
    throw tokenInvalid('a time lies in the future');
  }
  if (Math.floor(nowSeconds) - issuedAtSeconds > MAX_AGE_SECONDS) {
    throw tokenInvalid('`iat` is older than 5 minutes');
  }
  if (nowSeconds >= expiresAtSeconds + clockToleranceSeconds)
    throw tokenInvalid('`exp` has passed');

  identifier(claims, 'sub');
  const sessionId = identifier(claims, 'sid');
  const userId = identifier(claims, issuer.userIdClaim);
  if (sessionId !== undefined) return { issuer, sessionId, userId };
  if (userId === undefined) {
    throw tokenInvalid(`neither \`sid\` nor \`${issuer.userIdClaim}\`: nobody is named`);
  }
  return { issuer, sessionId, userId, lastSecond: Math.floor(issuedAtSeconds) };
}
