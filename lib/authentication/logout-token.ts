/**
 * The rules that the claims of a logout token have to satisfy: pure functions. The signature is
 * verified in `token-verifier.ts`.
 *
 * @see OpenID Connect Back-Channel Logout 1.0, sections 2.4 and 2.6
 */
import { tokenInvalid } from '../errors.js';
import { isRecord } from '../type-guards.js';
import {
  checkAlgorithm,
  checkAudience,
  checkPast,
  identifier,
  instant,
  kindOf,
  required,
  type LifetimeRules,
} from './claims.js';
import type { ParsedToken } from './token-form.js';
import type { TokenIssuer } from './token-issuer.js';

/** A logout at the provider: of one session, or of all sessions of a user. */
export type LogoutFacts = { readonly issuer: TokenIssuer } & (
  | { readonly sessionId: string; readonly userId: string | undefined }
  | {
      readonly sessionId: undefined;
      readonly userId: string;
      /** The sessions that started up to this second end. */
      readonly lastSecond: number;
    }
);

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const LOGOUT_TOKEN_TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'logout+jwt'];
const MAX_AGE_SECONDS = 300;

/**
 * Checks a logout token for one of these clients, all but its signature.
 *
 * @throws SessionError `token_invalid`
 */
export function checkLogoutToken(
  token: ParsedToken,
  issuer: TokenIssuer,
  audience: readonly string[],
  nowSeconds: number,
  rules: Pick<LifetimeRules, 'clockToleranceSeconds'>,
): LogoutFacts {
  const { header, claims } = token;
  checkAlgorithm(token, issuer);
  if (!LOGOUT_TOKEN_TYPES.includes(header.typ)) {
    throw tokenInvalid(
      `\`typ\` of a logout token is expected to be absent, JWT or logout+jwt, not ${kindOf(header.typ)}`,
    );
  }
  if (!isRecord(claims.events) || !isRecord(claims.events[LOGOUT_EVENT])) {
    throw tokenInvalid('`events` does not make it a logout token');
  }
  // Section 2.4: it may be an ID token that was made for a sign-in.
  if (Object.hasOwn(claims, 'nonce')) throw tokenInvalid('`nonce` is prohibited in a logout token');
  checkAudience(claims, 'aud', audience, issuer.issuer);
  // The issuer and the keys of CDP are the same for every project.
  const { project_id: projectId = issuer.projectId } = claims;
  if (projectId !== issuer.projectId && issuer.projectId !== undefined) {
    throw tokenInvalid(
      `\`project_id\` is expected to be ${issuer.projectId}, not ${kindOf(projectId)}`,
    );
  }
  required(identifier(claims, 'jti'), 'jti');

  const issuedAtSeconds = required(instant(claims, 'iat'), 'iat');
  const expiresAtSeconds = instant(claims, 'exp') ?? Infinity;
  checkPast('iat', issuedAtSeconds, nowSeconds, rules);
  checkPast('nbf', instant(claims, 'nbf'), nowSeconds, rules);
  const age = Math.floor(nowSeconds) - issuedAtSeconds;
  if (age > MAX_AGE_SECONDS) {
    throw tokenInvalid(
      `\`iat\` is ${Math.ceil(age)} s old by this clock; ${MAX_AGE_SECONDS} s are allowed`,
    );
  }
  const passed = nowSeconds - expiresAtSeconds;
  if (passed >= rules.clockToleranceSeconds) {
    throw tokenInvalid(`\`exp\` ended ${Math.ceil(passed)} s ago by this clock`);
  }

  identifier(claims, 'sub');
  const providerSessionId = identifier(claims, 'sid');
  const userId = identifier(claims, issuer.userIdClaim);
  // If the tokens carry no session id, the provider's cannot be found: all sessions of the user end.
  const sessionId = issuer.sessionIdClaim === null ? undefined : providerSessionId;
  if (sessionId !== undefined) return { issuer, sessionId, userId };
  if (userId === undefined) {
    const name = `\`${issuer.userIdClaim}\``;
    throw tokenInvalid(
      providerSessionId === undefined
        ? `neither \`sid\` nor ${name} is there, so no session is named`
        : `${name} is absent, and access tokens without a session id cannot be found by \`sid\``,
    );
  }
  return { issuer, sessionId, userId, lastSecond: Math.floor(issuedAtSeconds) };
}
