/**
 * The rules that the claims of an access token have to satisfy: pure functions without keys or
 * requests. Each reason names the expected value and only the kind of the one that came.
 */
import type { JWTPayload } from 'jose';
import { isInstant } from '../clock.js';
import { SessionError, tokenInvalid } from '../errors.js';
import { isPromiseLike } from '../maybe-promise.js';
import { describe } from '../option-reader.js';
import { noteOn } from '../refusal-note.js';
import { isNonEmptyString, isRecord } from '../type-guards.js';
import type { ParsedToken } from './token-form.js';
import type { TokenIssuer } from './token-issuer.js';

/** The claims of an access token whose form and types were checked. */
export interface TokenFacts {
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
  /** The start of the session: `auth_time`. */
  readonly startedAtSeconds: number | undefined;
  readonly sessionId: string | undefined;
  readonly jti: string | undefined;
  /** The key that the token is bound to, `cnf.jkt` (RFC 9449 section 6.1). */
  readonly keyThumbprint: string | undefined;
}

/** The limits on the times of a token. */
export interface LifetimeRules {
  readonly maxSessionSeconds: number;
  readonly clockToleranceSeconds: number;
}

/** RFC 9068 section 4 for the last one. Other kinds of token name other types. */
const ACCESS_TOKEN_TYPES: readonly (string | undefined)[] = [undefined, 'jwt', 'at+jwt'];

/**
 * Checks an access token of this issuer, all but its signature and its end.
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
  checkAlgorithm(token, issuer);
  const isType =
    issuer.typ === undefined ? ACCESS_TOKEN_TYPES.includes(header.typ) : header.typ === issuer.typ;
  if (!isType) {
    const expected = issuer.typ ?? 'absent, JWT or at+jwt';
    throw tokenInvalid(`\`typ\` is expected to be ${expected}, not ${kindOf(header.typ)}`);
  }
  // OpenID Connect Back-Channel Logout section 2.4: a logout token, whatever its `typ`.
  if (Object.hasOwn(claims, 'events')) throw tokenInvalid('`events` makes it a logout token');
  checkAudience(claims, issuer.audienceClaim, issuer.audience, issuer.issuer);
  if (issuer.projectId !== undefined && claims.project_id !== issuer.projectId) {
    throw tokenInvalid(
      `\`project_id\` is expected to be ${issuer.projectId}, not ${kindOf(claims.project_id)}`,
    );
  }

  const notBefore = instant(claims, 'nbf');
  const issuedAtSeconds = required(instant(claims, 'iat'), 'iat');
  const expiresAtSeconds = required(instant(claims, 'exp'), 'exp');
  const authTime = instant(claims, 'auth_time');
  // Keycloak writes 0 for an impersonation, in which the user did not authenticate.
  const startedAtSeconds = authTime === 0 ? undefined : authTime;
  checkPast('nbf', notBefore, nowSeconds, rules);
  checkPast('iat', issuedAtSeconds, nowSeconds, rules);
  checkPast('auth_time', startedAtSeconds, nowSeconds, rules);
  identifier(claims, 'sub');
  return {
    issuedAtSeconds,
    expiresAtSeconds,
    startedAtSeconds,
    sessionId:
      issuer.sessionIdClaim === null ? undefined : identifier(claims, issuer.sessionIdClaim),
    jti: identifier(claims, 'jti'),
    keyThumbprint: issuer.dpop === 'ignore' ? undefined : keyThumbprintOf(claims),
  };
}

/** @throws SessionError `token_invalid` if the claim is absent */
export function userIdOf(token: ParsedToken, issuer: TokenIssuer): string {
  return required(identifier(token.claims, issuer.userIdClaim), issuer.userIdClaim);
}

/**
 * Asks the app's own rule about a verified token. A promise is not `true` either: the rule is
 * synchronous, and a rejection without a listener would end the process.
 *
 * @throws SessionError `token_invalid` unless the rule returns `true`
 */
export function askCheckClaims(
  claims: Readonly<JWTPayload>,
  checkClaims: TokenIssuer['checkClaims'],
): void {
  if (checkClaims === undefined) return;
  let answer: unknown;
  try {
    answer = checkClaims(claims);
  } catch (error) {
    throw ruleFailed(error);
  }
  if (answer === true) return;
  if (isPromiseLike(answer)) answer.then(undefined, () => undefined);
  throw tokenInvalid(
    answer === false
      ? '`checkClaims` returned false'
      : `\`checkClaims\` is expected to return true or false, not ${describe(answer)}`,
  );
}

/** The app's error is the cause; the log only says that there was one, since it may quote claims. */
function ruleFailed(error: unknown): SessionError {
  const message = '`checkClaims` threw an error';
  if (error === undefined) return tokenInvalid(message);
  const refusal = new SessionError('token_invalid', { cause: error });
  return noteOn(refusal, { cause: { name: 'Error', message } });
}

/** @throws SessionError `token_invalid` */
export function checkAlgorithm({ header }: ParsedToken, { algorithms }: TokenIssuer): void {
  if (algorithms.has(header.alg)) return;
  throw tokenInvalid(`\`alg\` is expected to be one of ${[...algorithms].join(', ')}`);
}

/**
 * Checks that a token and its session have not ended. The session comes first, because a refresh of
 * the token would not help once it is over.
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
  const over = nowSeconds - start - rules.maxSessionSeconds;
  if (over >= 0)
    throw new SessionError('session_expired', { cause: passedBy('the session', over) });
  const passed = nowSeconds - facts.expiresAtSeconds;
  const isExpired =
    expiryGraceSeconds === undefined
      ? passed >= rules.clockToleranceSeconds
      : passed > expiryGraceSeconds;
  if (isExpired) throw new SessionError('token_expired', { cause: passedBy('`exp`', passed) });
}

function passedBy(what: string, seconds: number): Error {
  return new Error(`${what} ended ${Math.ceil(seconds)} s ago by this clock`);
}

/**
 * Interns the claims of a verified token: freezes them deeply, and makes them share their strings
 * with an earlier token. Claims take most of the memory of a remembered token, and many of them are
 * the same in all tokens of an issuer. It alters its argument, because a copy takes longer.
 */
export function internClaims(
  claims: Record<string, unknown>,
  earlier: Readonly<JWTPayload>,
): Readonly<JWTPayload> {
  for (const name of Object.keys(claims)) {
    const known = earlier[name];
    if (typeof known === 'string' && claims[name] === known) claims[name] = known;
  }
  return deepFrozen(claims);
}

function deepFrozen<T extends object>(value: T): T {
  for (const inside of Object.values(value)) {
    if (typeof inside === 'object' && inside !== null) deepFrozen(inside as object);
  }
  return Object.freeze(value);
}

/**
 * Checks the audience of a token.
 *
 * @param accepted one of these must be there; `null` accepts any audience, and none
 * @throws SessionError `token_invalid`
 */
export function checkAudience(
  claims: ParsedToken['claims'],
  name: string,
  accepted: readonly string[] | null,
  issuer: string,
): void {
  const audience = Object.hasOwn(claims, name) ? claims[name] : undefined;
  const given: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  if (accepted === null && given.every((one) => typeof one === 'string')) return;
  if (accepted === null && audience === undefined) return;
  if (given.length === 0 || !given.every(isNonEmptyString)) {
    throw tokenInvalid(
      `\`${name}\` is expected to be a non-empty string or an array of these, not ${kindOf(audience)}`,
    );
  }
  if (accepted === null || given.some((one) => accepted.includes(one))) return;
  const hint = given
    .map((one) => (one === issuer ? ': it is the issuer' : hintOf(one, accepted)))
    .find((found) => found !== '');
  throw tokenInvalid(
    `\`${name}\` is expected to hold ${accepted.join(' or ')}, not another string${hint ?? ''}`,
  );
}

/** How a string differs from an expected one, if that is a usual slip. Both are addresses or names. */
export function hintOf(given: string, expected: string | readonly string[]): string {
  for (const one of [expected].flat()) {
    const [came, wanted] = [addressParts(given), addressParts(one)];
    if (given === one || came.rest !== wanted.rest) continue;
    const hints = [
      ...(came.scheme === wanted.scheme ? [] : [schemeHint(came.scheme, wanted.scheme)]),
      ...(came.slash === wanted.slash ? [] : [slashHint(came.slash)]),
    ];
    return `: ${hints.join('; ')}`;
  }
  return '';
}

function addressParts(text: string): { scheme: string; rest: string; slash: boolean } {
  const [scheme = ''] = /^https?:\/\//.exec(text) ?? [];
  const slash = text.endsWith('/') && text.length > scheme.length;
  return { scheme, rest: text.slice(scheme.length, slash ? -1 : undefined), slash };
}

function schemeHint(came: string, wanted: string): string {
  if (came === '') return `it does not begin with ${wanted}`;
  return wanted === ''
    ? `it begins with ${came}, and the expected one does not`
    : `it begins with ${came}, and the expected one with ${wanted}`;
}

function slashHint(came: boolean): string {
  return came
    ? 'it ends with a slash, and the expected one does not'
    : 'it does not end with a slash, and the expected one does';
}

export function instant(claims: ParsedToken['claims'], name: string): number | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || isInstant(value)) return value;
  throw tokenInvalid(`\`${name}\` is expected to be a number of seconds, not ${kindOf(value)}`);
}

/** @throws SessionError `token_invalid` for a time that lies ahead by more than the tolerance */
export function checkPast(
  name: string,
  seconds: number | undefined,
  nowSeconds: number,
  { clockToleranceSeconds }: Pick<LifetimeRules, 'clockToleranceSeconds'>,
): void {
  if (seconds === undefined || seconds <= nowSeconds + clockToleranceSeconds) return;
  throw tokenInvalid(
    `\`${name}\` is ${Math.ceil(seconds - nowSeconds)} s ahead of this clock; ${clockToleranceSeconds} s are allowed`,
  );
}

/**
 * The thumbprint of the key that a token is bound to (RFC 9449 section 6.1).
 *
 * @throws SessionError `token_invalid` for a binding that cannot be checked here, such as mTLS's
 */
function keyThumbprintOf(claims: ParsedToken['claims']): string | undefined {
  const confirmation = Object.hasOwn(claims, 'cnf') ? claims.cnf : undefined;
  if (confirmation === undefined) return undefined;
  const { jkt, ...others } = isRecord(confirmation) ? confirmation : {};
  if (typeof jkt === 'string' && /^[\w-]{43}$/.test(jkt) && Object.keys(others).length === 0) {
    return jkt;
  }
  throw tokenInvalid('`cnf` is expected to hold `jkt`, a SHA-256 thumbprint, and no other binding');
}

/** The kind of a value that came, without the value. */
export function kindOf(value: unknown): string {
  if (typeof value === 'number') return 'a number';
  return isNonEmptyString(value) ? 'another string' : describe(value);
}

/**
 * An empty identifier is as wrong as another type: all users with an empty session id would share
 * one session.
 */
export function identifier(claims: ParsedToken['claims'], name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined || isNonEmptyString(value)) return value;
  throw tokenInvalid(`\`${name}\` is expected to be a non-empty string, not ${kindOf(value)}`);
}

export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw tokenInvalid(`no \`${name}\``);
  return value;
}
