/**
 * The errors of the library. Each SessionError holds its status, its headers and the next step of
 * the client, so that the middleware only has to send it.
 */
import { types } from 'node:util';
import { challengesOf, type ChallengeCode } from './www-authenticate.js';
import { correlationIdOf } from './correlation-id.js';
import { MFA_CHALLENGE_ID } from './protocol.js';
import type { ApprovalDemand, ErrorAction, ErrorType, MfaDemand, Problem } from './protocol.js';
import { noteOf, noteOn } from './refusal-note.js';
import type { RequestHeaders } from './request-headers.js';

interface Answer {
  readonly status: number;
  readonly title: string;
  readonly action: ErrorAction;
  readonly detail: string;
  /** The code of the challenge; `undefined`: there is no challenge. */
  readonly challenge?: ChallengeCode;
}

const answers: Readonly<Record<ErrorType, Answer>> = {
  token_missing: {
    status: 401,
    title: 'Access token missing',
    action: 'sign_in',
    detail: 'This request needs an access token.',
    challenge: 'none',
  },
  invalid_request: {
    status: 400,
    title: 'Invalid request',
    action: 'fix_request',
    detail: 'Send exactly one access token, as "Authorization: Bearer" and the token.',
    challenge: 'invalid_request',
  },
  token_invalid: {
    status: 401,
    title: 'Access token invalid',
    action: 'sign_in',
    detail: 'The access token is not valid here.',
    challenge: 'invalid_token',
  },
  token_expired: {
    status: 401,
    title: 'Access token expired',
    action: 'refresh_token',
    detail: 'The access token has expired; refresh it and try again.',
    challenge: 'invalid_token',
  },
  session_expired: {
    status: 401,
    title: 'Session expired',
    action: 'sign_in',
    detail: 'The session has reached its end; sign in again.',
    challenge: 'invalid_token',
  },
  session_revoked: {
    status: 401,
    title: 'Session revoked',
    action: 'sign_in',
    detail: 'This session was signed out; sign in again.',
    challenge: 'invalid_token',
  },
  mfa_required: {
    status: 403,
    title: 'MFA required',
    action: 'verify_mfa',
    detail: 'This operation needs MFA to be verified first.',
    challenge: 'insufficient_user_authentication',
  },
  mfa_expired: {
    status: 403,
    title: 'MFA session expired',
    action: 'verify_mfa',
    detail: 'MFA was verified too long ago for this operation.',
    challenge: 'insufficient_user_authentication',
  },
  mfa_not_enrolled: {
    status: 403,
    title: 'MFA not enrolled',
    action: 'enroll_mfa',
    detail: 'This operation needs MFA, and this user has not enrolled in it.',
    challenge: 'insufficient_user_authentication',
  },
  mfa_flow_expired: {
    status: 410,
    title: 'MFA challenge expired',
    action: 'start_over',
    detail: 'This challenge is no longer open; send the request again to get a new one.',
  },
  mfa_invalid_code: {
    status: 422,
    title: 'MFA verification failed',
    action: 'start_over',
    detail: 'The factor was not verified; send the request again to get a new challenge.',
  },
  insufficient_scope: {
    status: 403,
    title: 'Scope insufficient',
    action: 'request_access',
    detail: 'The access token does not have the scope that this operation needs.',
    challenge: 'insufficient_scope',
  },
  dpop_proof_invalid: {
    status: 401,
    title: 'DPoP proof invalid',
    action: 'fix_request',
    detail: 'Send one valid DPoP proof of this request with the access token.',
    challenge: 'invalid_dpop_proof',
  },
  verification_unavailable: {
    status: 503,
    title: 'Verification unavailable',
    action: 'retry',
    detail: 'Access tokens cannot be verified at the moment; nobody was signed out.',
  },
  store_unavailable: {
    status: 503,
    title: 'Session store unavailable',
    action: 'retry',
    detail: 'Sessions cannot be checked at the moment; nobody was signed out.',
  },
};

/** The particulars of a `SessionError`. */
export interface SessionErrorOptions {
  /**
   * One sentence for the client, without any token, key or claim value.
   * @defaultValue a sentence for each `errorType`
   */
  readonly detail?: string | undefined;
  /** The reason, for the log of the app. It is never sent. */
  readonly cause?: unknown;
  /**
   * The next step of the client.
   * @defaultValue the usual one of the `errorType`; with `approval`, `approve_request`
   */
  readonly action?: ErrorAction | undefined;
  /** The demand of `requireMfa()`, in MFA errors. */
  readonly mfa?: Partial<MfaDemand> | undefined;
  /** The demand of `requireApproval()`, in its `mfa_required`. */
  readonly approval?: ApprovalDemand | undefined;
  /** The scopes that the route demands, in `insufficient_scope`. */
  readonly scope?: readonly string[] | undefined;
  /**
   * The signature algorithms for proofs (RFC 9449 section 5.1). If given, the challenge names the
   * `DPoP` scheme beside `Bearer`.
   */
  readonly dpopAlgorithms?: readonly string[] | undefined;
  /** Seconds until a retry is worthwhile, in 503s; at least 1. @defaultValue 1 */
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * Every refusal of the library. Only its `cause` may hold details, and that is never sent.
 *
 * @example
 * app.post('/mfa/verify', async (req, res) => {
 *   if (!(await verifyCode(req.body.code))) throw new SessionError('mfa_invalid_code');
 *   res.json(await getSession(req).mfa.start({ method: 'totp' }));
 * });
 * app.use(problemHandler());
 */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  /** The kind of error. */
  readonly errorType: ErrorType;
  /** The HTTP status. Express reads it if no `problemHandler()` is mounted. */
  readonly status: number;
  /** The next step of the client. */
  readonly action: ErrorAction;
  /**
   * The headers of the answer: `Cache-Control`, and `WWW-Authenticate` (RFC 6750, RFC 9449,
   * RFC 9470), `Retry-After` (RFC 9110) or `X-Mfa-Challenge-Id`.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** One sentence for the client. */
  readonly detail: string;
  /** The reason, for the log of the app. It is never sent. */
  declare readonly cause: Error | undefined;
  readonly #options: SessionErrorOptions;

  constructor(errorType: ErrorType, options: SessionErrorOptions = {}) {
    const answer = answers[errorType];
    const { approval, cause } = options;
    const detail = options.detail ?? (approval ? APPROVAL_DETAIL : answer.detail);
    super(detail, cause === undefined ? undefined : { cause: asError(cause) });
    this.errorType = errorType;
    this.status = answer.status;
    this.action = options.action ?? (approval ? 'approve_request' : answer.action);
    this.detail = detail;
    this.#options = options;
    this.headers = Object.freeze(headersOf(answer, options));
  }

  /**
   * The same error with a challenge that names the `DPoP` scheme beside `Bearer`. For the library
   * alone.
   *
   * @internal
   */
  static namingDpop(error: SessionError, dpopAlgorithms: readonly string[]): SessionError {
    const named = new SessionError(error.errorType, { ...error.#options, dpopAlgorithms });
    return noteOn(named, noteOf(error));
  }

  /**
   * The RFC 9457 body for this request.
   *
   * @param req its `X-Correlation-Id` or `X-Request-Id` becomes the `correlationId`
   */
  toProblem(req?: { readonly headers: RequestHeaders }): Problem {
    const { mfa, approval } = this.#options;
    const { methods, acr } = approval ?? mfa ?? {};
    return {
      type: `urn:express-wallet-session:${this.errorType}`,
      title: answers[this.errorType].title,
      status: this.status,
      detail: this.detail,
      errorType: this.errorType,
      action: this.action,
      correlationId: correlationIdOf(req),
      ...(approval === undefined &&
        mfa?.maxAgeSeconds !== undefined && { maxAgeSeconds: mfa.maxAgeSeconds }),
      ...(approval !== undefined && {
        challengeId: approval.challengeId,
        description: approval.description,
        expiresInSeconds: approval.expiresInSeconds,
      }),
      ...(methods !== undefined && { methods }),
      ...(acr !== undefined && { acrValues: acr }),
    };
  }
}

const APPROVAL_DETAIL = 'This request needs to be approved with MFA first.';

/** `instanceof` alone fails for errors of another realm, such as Node's own under Jest. */
function asError(cause: unknown): Error {
  return cause instanceof Error || types.isNativeError(cause)
    ? cause
    : new Error('the value that was thrown is no Error', { cause });
}

/** The one answer to a token that is no good. The reason is for the app's log alone. */
export function tokenInvalid(reason: string, cause?: unknown): SessionError {
  return new SessionError('token_invalid', { cause: new Error(reason, { cause }) });
}

function headersOf(answer: Answer, options: SessionErrorOptions): Record<string, string> {
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' };
  if (answer.status === 503) {
    headers['Retry-After'] = String(Math.max(1, Math.ceil(options.retryAfterSeconds ?? 1)));
  }
  if (answer.challenge !== undefined) {
    headers['WWW-Authenticate'] = challengesOf(answer.challenge, options).join(', ');
  }
  if (options.approval !== undefined) headers[MFA_CHALLENGE_ID] = options.approval.challengeId;
  return headers;
}
