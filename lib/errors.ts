/**
 * The answers of the library: each SessionError knows its status, its headers and what the client
 * should do next, so that the middleware only has to send it.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { CORRELATION_ID, REQUEST_ID } from './protocol.js';
import type { ErrorAction, ErrorType, MfaDemand, Problem } from './protocol.js';

interface Answer {
  readonly status: number;
  readonly title: string;
  readonly action: ErrorAction;
  readonly detail: string;
  /** The `error` code of RFC 6750 section 3.1 or RFC 9470 section 3. */
  readonly challenge?:
    'none' | 'invalid_request' | 'invalid_token' | 'insufficient_user_authentication';
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

/** What may be said beyond the kind of error. */
export interface SessionErrorOptions {
  /** For the client: what happened, in one sentence. Never a token, a key or a claim's value. */
  readonly detail?: string | undefined;
  /** For the app's log alone. */
  readonly cause?: unknown;
  /** Where it differs from the usual one of its kind. */
  readonly action?: ErrorAction | undefined;
  /** Of MFA errors. */
  readonly mfa?: MfaDemand | undefined;
  /** Of 503s; seconds, at least 1. @defaultValue 1 */
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * Every refusal of the library. It never holds anything secret but its `cause`, which is for the
 * app's log and never sent.
 */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  readonly errorType: ErrorType;
  /** The HTTP status; Express reads it when no `problemHandler()` is mounted. */
  readonly status: number;
  readonly action: ErrorAction;
  /** `Cache-Control`, and `WWW-Authenticate` (RFC 6750, RFC 9470) or `Retry-After` (RFC 9110). */
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: string;
  readonly #mfa: MfaDemand | undefined;

  constructor(errorType: ErrorType, options: SessionErrorOptions = {}) {
    const answer = answers[errorType];
    const detail = options.detail ?? answer.detail;
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.errorType = errorType;
    this.status = answer.status;
    this.action = options.action ?? answer.action;
    this.detail = detail;
    this.#mfa = options.mfa;
    this.headers = Object.freeze(headersOf(answer, options));
  }

  /** The RFC 9457 body that answers this request. */
  toProblem(req?: { readonly headers: IncomingHttpHeaders }): Problem {
    return {
      type: `urn:express-wallet-session:${this.errorType}`,
      title: answers[this.errorType].title,
      status: this.status,
      detail: this.detail,
      errorType: this.errorType,
      action: this.action,
      correlationId: correlationIdOf(req),
      ...(this.#mfa !== undefined && {
        maxAgeSeconds: this.#mfa.maxAgeSeconds,
        ...(this.#mfa.methods !== undefined && { methods: this.#mfa.methods }),
        ...(this.#mfa.acr !== undefined && { acrValues: this.#mfa.acr }),
      }),
    };
  }
}

function headersOf(answer: Answer, options: SessionErrorOptions): Record<string, string> {
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' };
  if (answer.challenge === undefined) {
    headers['Retry-After'] = String(Math.max(1, Math.ceil(options.retryAfterSeconds ?? 1)));
  } else if (answer.challenge === 'none') {
    // RFC 6750 section 3.1: a request without credentials gets no error code.
    headers['WWW-Authenticate'] = 'Bearer';
  } else {
    const parameters = [`error="${answer.challenge}"`];
    if (options.mfa !== undefined) {
      // RFC 9470 section 3 and OpenID Connect: max_age is a whole number of seconds.
      parameters.push(`max_age="${Math.floor(options.mfa.maxAgeSeconds)}"`);
      if (options.mfa.acr !== undefined)
        parameters.push(`acr_values="${options.mfa.acr.join(' ')}"`);
    }
    headers['WWW-Authenticate'] = `Bearer ${parameters.join(', ')}`;
  }
  return headers;
}

/** An answer and the log lines about it carry the same id, however often it is asked for. */
const madeIds = new WeakMap<object, string>();

function correlationIdOf(req: { readonly headers: IncomingHttpHeaders } | undefined): string {
  if (req === undefined) return randomUUID();
  for (const given of [req.headers[CORRELATION_ID], req.headers[REQUEST_ID]]) {
    if (typeof given === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(given)) return given;
  }
  const made = madeIds.get(req) ?? randomUUID();
  madeIds.set(req, made);
  return made;
}
