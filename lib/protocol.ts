/**
 * What goes over the wire, for the server and for the client: the body of an error and the names of
 * the headers. It knows nothing of Node.
 */

/** What went wrong, in CDP's own form of discriminator. */
export type ErrorType =
  | 'token_missing'
  | 'invalid_request'
  | 'token_invalid'
  | 'token_expired'
  | 'session_expired'
  | 'session_revoked'
  | 'mfa_required'
  | 'mfa_expired'
  | 'mfa_not_enrolled'
  | 'verification_unavailable'
  | 'store_unavailable';

/** What the client should do next. */
export type ErrorAction =
  'sign_in' | 'fix_request' | 'refresh_token' | 'verify_mfa' | 'enroll_mfa' | 'retry';

/** What a protected operation demanded, for the client to satisfy it. */
export interface MfaDemand {
  readonly maxAgeSeconds: number;
  readonly methods?: readonly string[] | undefined;
  readonly acr?: readonly string[] | undefined;
}

/** The body of an answer, RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errorType: ErrorType;
  readonly action: ErrorAction;
  readonly correlationId: string;
  /** Of MFA errors: how recent the verification has to be. */
  readonly maxAgeSeconds?: number;
  /** Of MFA errors on a route that names methods: one of these is wanted. */
  readonly methods?: readonly string[];
  /** Of MFA errors on a route that names `acr` values: one of these is wanted. */
  readonly acrValues?: readonly string[];
}

/** Headers of a request, in lower case, as Node gives them. */
export const PREVIOUS_ACCESS_TOKEN = 'previous-access-token';
export const CORRELATION_ID = 'x-correlation-id';
export const REQUEST_ID = 'x-request-id';

/** A header of a response. */
export const SESSION_ENDS_IN = 'Session-Ends-In';
