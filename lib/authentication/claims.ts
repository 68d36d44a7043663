/**
 * What the claims of an access token have to say: pure rules that know neither keys nor requests.
 */
import type { JWTPayload } from 'jose';
import { isInstant } from '../clock.js';
import { SessionError, tokenInvalid } from '../errors.js';
import { isNonEmptyString } from '../type-guards.js';
import type { ParsedToken } from './token-form.js';
import type { TokenIssuer } from './token-issuer.js';

/** What an access token says of itself, once its form and its types are known to be right. */
export interface TokenFacts {
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
  /** `auth_time`: when the session started. */
  readonly startedAtSeconds: number | undefined;
  readonly sessionId: string | undefined;
  readonly jti: string | undefined;
}

/** The times that a token is held against. */
export interface LifetimeRules {
  readonly maxSessionSeconds: number;
  readonly clockToleranceSeconds: number;
}

/** RFC 9068 section 4 for the last one. Other kinds of token name other types. */
const ACCESS_TOKEN_TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'at+jwt'];

/**
 * Checks whatever makes a token an access token of this issuer but the signature and its end.
 *
 * @throws SessionError `token_invalid`
 */
export function checkClaims(
  token: ParsedToken,
  issuer: TokenIssuer,
  nowSeconds: number,
  rules: LifetimeRules,
): TokenFacts {
  const { header, claims } = token;
  if (!issuer.algorithms.has(header.alg)) throw tokenInvalid('`alg` is not allowed');
  const typeFits =
    issuer.typ === undefined ? ACCESS_TOKEN_TYPES.includes(header.typ) : header.typ === issuer.typ;
  if (!typeFits) throw tokenInvalid('`typ` is not that of an access token');
  // OpenID Connect Back-Channel Logout section 2.4: a logout token, whatever its `typ`.
  if (Object.hasOwn(claims, 'events')) throw tokenInvalid('`events` makes it a logout token');
  checkAudience(claims.aud, issuer.audience);
  if (issuer.projectId !== undefined && claims.project_id !== issuer.projectId) {
    throw tokenInvalid('`project_id` is another project');
  }

  const notBefore = instant(claims, 'nbf');
  const issuedAtSeconds = required(instant(claims, 'iat'), 'iat');
  const expiresAtSeconds = required(instant(claims, 'exp'), 'exp');
  const startedAtSeconds = instant(claims, 'auth_time');
  const soonest = nowSeconds + rules.clockToleranceSeconds;
  for (const time of [notBefore, issuedAtSeconds, startedAtSeconds]) {
    if (time !== undefined && time > soonest) throw tokenInvalid('a time lies in the future');
  }
  identifier(claims, 'sub');
  return {
    issuedAtSeconds,
    expiresAtSeconds,
    startedAtSeconds,
    sessionId: identifier(claims, issuer.sessionIdClaim),
    jti: identifier(claims, 'jti'),
  };
}

/** @throws SessionError `token_invalid` where the claim is absent */
export function userIdOf(token: ParsedToken, issuer: TokenIssuer): string {
  return required(identifier(token.claims, issuer.userIdClaim), issuer.userIdClaim);
}

/**
 * Whether the token and its session still last. The session comes first: where it is over,
 * refreshing the token would not help.
 *
 * @param expiryGraceSeconds by how much `exp` may have passed, in place of the tolerance
 * @throws SessionError `session_expired` or `token_expired`
 */
export function checkLifetime(
  facts: Pick<TokenFacts, 'issuedAtSeconds' | 'expiresAtSeconds' | 'startedAtSeconds'>,
  nowSeconds: number,
  rules: LifetimeRules,
  expiryGraceSeconds?: number,
): void {
  const start = facts.startedAtSeconds ?? facts.issuedAtSeconds;
  if (nowSeconds >= start + rules.maxSessionSeconds) throw new SessionError('session_expired');
  const passed = nowSeconds - facts.expiresAtSeconds;
  const isExpired =
    expiryGraceSeconds === undefined
      ? passed >= rules.clockToleranceSeconds
      : passed > expiryGraceSeconds;
  if (isExpired) throw new SessionError('token_expired');
}

/**
 * A copy of the claims of a verified token, deeply frozen. What an earlier token said as well is kept
 * once for both, because most of what a remembered token takes is its claims, and many of these are
 * the same in all tokens of an issuer.
 */
export function internClaims(
  claims: ParsedToken['claims'],
  earlier: Readonly<JWTPayload>,
): Readonly<JWTPayload> {
  const interned: Record<string, unknown> = { ...claims };
  for (const name of Object.keys(interned)) {
    if (typeof interned[name] === 'string' && interned[name] === earlier[name]) {
      interned[name] = earlier[name];
    }
  }
  return deepFrozen(interned);
}

function deepFrozen<T extends object>(value: T): T {
  for (const inside of Object.values(value)) {
    if (typeof inside === 'object' && inside !== null) deepFrozen(inside as object);
  }
  return Object.freeze(value);
}

export function checkAudience(audience: unknown, accepted: readonly string[] | null): void {
  const given: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  if (audience === undefined && accepted === null) return;
  if (given.length === 0 || !given.every(isNonEmptyString)) {
    throw tokenInvalid('`aud` is neither a non-empty string nor an array of these');
  }
  if (accepted !== null && !given.some((one) => accepted.includes(one))) {
    throw tokenInvalid('`aud` is another audience');
  }
}

export function instant(claims: ParsedToken['claims'], name: string): number | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || isInstant(value)) return value;
  throw tokenInvalid(`\`${name}\` is not a time`);
}

/** Empty is as wrong as another type: everybody's empty session id would be the same session. */
export function identifier(claims: ParsedToken['claims'], name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || isNonEmptyString(value)) return value;
  throw tokenInvalid(`\`${name}\` is not a non-empty string`);
}

export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw tokenInvalid(`no \`${name}\``);
  return value;
}
