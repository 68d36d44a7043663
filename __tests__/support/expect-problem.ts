/**
 * The complete answer of every refusal, written out once more so that no answer changes by
 * accident.
 */
import type { ErrorAction, ErrorType } from 'express-wallet-session';

interface Answer {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly action: ErrorAction;
  /** `WWW-Authenticate`; an answer without one has `Retry-After`. */
  readonly challenge?: string;
}

const mfa = { status: 403, action: 'verify_mfa', challenge: 'MFA' } as const;
const invalidToken = { status: 401, challenge: 'Bearer error="invalid_token"' } as const;

export const ANSWERS: Readonly<Record<ErrorType, Answer>> = {
  token_missing: {
    status: 401,
    title: 'Access token missing',
    detail: 'This request needs an access token.',
    action: 'sign_in',
    challenge: 'Bearer realm="api"',
  },
  invalid_request: {
    status: 400,
    title: 'Invalid request',
    detail: 'Send exactly one access token, as "Authorization: Bearer" and the token.',
    action: 'fix_request',
    challenge: 'Bearer error="invalid_request"',
  },
  token_invalid: {
    ...invalidToken,
    title: 'Access token invalid',
    detail: 'The access token is not valid here.',
    action: 'sign_in',
  },
  token_expired: {
    ...invalidToken,
    title: 'Access token expired',
    detail: 'The access token has expired; refresh it and try again.',
    action: 'refresh_token',
  },
  session_expired: {
    ...invalidToken,
    title: 'Session expired',
    detail: 'The session has reached its end; sign in again.',
    action: 'sign_in',
  },
  session_revoked: {
    ...invalidToken,
    title: 'Session revoked',
    detail: 'This session was signed out; sign in again.',
    action: 'sign_in',
  },
  mfa_required: {
    ...mfa,
    title: 'MFA required',
    detail: 'This operation needs MFA to be verified first.',
  },
  mfa_expired: {
    ...mfa,
    title: 'MFA session expired',
    detail: 'MFA was verified too long ago for this operation.',
  },
  mfa_not_enrolled: {
    ...mfa,
    title: 'MFA not enrolled',
    detail: 'This operation needs MFA, and this user has not enrolled in it.',
    action: 'enroll_mfa',
  },
  mfa_flow_expired: {
    status: 410,
    title: 'MFA challenge expired',
    detail: 'This challenge is no longer open; send the request again to get a new one.',
    action: 'start_over',
  },
  mfa_invalid_code: {
    status: 422,
    title: 'MFA verification failed',
    detail: 'The factor was not verified; send the request again to get a new challenge.',
    action: 'start_over',
  },
  insufficient_scope: {
    status: 403,
    title: 'Scope insufficient',
    detail: 'The access token does not have the scope that this operation needs.',
    action: 'request_access',
    challenge: 'Bearer error="insufficient_scope"',
  },
  dpop_proof_invalid: {
    status: 401,
    title: 'DPoP proof invalid',
    detail: 'Send one valid DPoP proof of this request with the access token.',
    action: 'fix_request',
    challenge: 'DPoP error="invalid_dpop_proof"',
  },
  verification_unavailable: {
    status: 503,
    title: 'Verification unavailable',
    detail: 'Access tokens cannot be verified at the moment; nobody was signed out.',
    action: 'retry',
  },
  store_unavailable: {
    status: 503,
    title: 'Session store unavailable',
    detail: 'Sessions cannot be checked at the moment; nobody was signed out.',
    action: 'retry',
  },
};

/** The particulars of the refusal of a token with an unknown `kid`. */
export const UNKNOWN_KEY = {
  action: 'refresh_token',
  detail: 'The access token was signed with a key that is not in use; refresh it.',
} as const;

export const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** An answer of supertest. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly text: string;
}

export interface Particulars {
  /** If it differs from the usual one. */
  readonly action?: ErrorAction;
  readonly detail?: string;
  /** @defaultValue any UUID */
  readonly correlationId?: string;
  /** Of 503s. @defaultValue '1' */
  readonly retryAfter?: string;
  /** Of MFA errors. @defaultValue 300 */
  readonly maxAgeSeconds?: number;
  readonly methods?: readonly string[];
  readonly acrValues?: readonly string[];
  /** The scopes that the challenge of `insufficient_scope` names. */
  readonly scope?: string;
  /** The `algs` that the challenge of `dpop_proof_invalid` names. */
  readonly dpopAlgorithms?: string;
}

/** Asserts the whole answer, as in section 6 of the contract: status, headers, body. */
export function expectProblem(
  response: Answered,
  errorType: ErrorType,
  particulars: Particulars = {},
): void {
  const { correlationId, retryAfter = '1', scope, dpopAlgorithms, ...differences } = particulars;
  const { challenge: usualChallenge, ...usual } = ANSWERS[errorType];
  const challenge = [
    usualChallenge,
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    ...(dpopAlgorithms === undefined ? [] : [`algs="${dpopAlgorithms}"`]),
  ].join(', ');
  const isAboutMfa = usualChallenge === mfa.challenge;
  const members = { ...(isAboutMfa && { maxAgeSeconds: 300 }), ...differences };
  const { correlationId: answeredId, ...body } = response.body as Record<string, unknown>;
  expect([response.status, body]).toEqual([
    usual.status,
    {
      type: `urn:express-wallet-session:${errorType}`,
      errorType,
      ...usual,
      ...members,
    },
  ]);
  expect(answeredId).toEqual(correlationId ?? expect.stringMatching(UUID));
  expect(pick(response.headers)).toEqual({
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(response.text)),
    'cache-control': 'no-store',
    ...(usual.status === 503 && { 'retry-after': retryAfter }),
    ...(usualChallenge !== undefined && {
      'www-authenticate': isAboutMfa ? mfaChallenge(members) : challenge,
    }),
  });
  const exposed = response.headers['access-control-expose-headers']?.split(', ') ?? [];
  if (usual.status === 503) expect(exposed).toContain('Retry-After');
  if (usualChallenge !== undefined) expect(exposed).toContain('WWW-Authenticate');
}

function mfaChallenge({ maxAgeSeconds = 300, acrValues }: Particulars): string {
  const acr = acrValues === undefined ? '' : `, acr_values="${acrValues.join(' ')}"`;
  return `Bearer error="insufficient_user_authentication", max_age="${maxAgeSeconds}"${acr}`;
}

/** The headers that belong to a refusal. */
function pick(headers: Answered['headers']): Record<string, string> {
  const names = ['cache-control', 'content-type', 'content-length', 'retry-after'];
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => [...names, 'www-authenticate'].includes(name)),
  );
}
