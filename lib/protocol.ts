/**
 * The wire protocol, shared by the server and the client: the body of an error and the names of the
 * headers. It imports nothing, not even types of Node.
 */

/** The kind of error. The names follow CDP's `errorType`. */
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
  | 'mfa_flow_expired'
  | 'mfa_invalid_code'
  | 'insufficient_scope'
  | 'dpop_proof_invalid'
  | 'verification_unavailable'
  | 'store_unavailable';

/** The next step of the client. */
export type ErrorAction =
  | 'sign_in'
  | 'fix_request'
  | 'refresh_token'
  | 'verify_mfa'
  | 'approve_request'
  | 'enroll_mfa'
  | 'request_access'
  | 'start_over'
  | 'retry';

/** A value that JSON can hold. Members that are `undefined` are left out of the JSON. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined };

/** The factor that a protected operation demands. */
export interface FactorDemand {
  /** The methods that are accepted; any, if undefined. */
  readonly methods?: readonly string[] | undefined;
  /** The `acr` values that are accepted; any, if undefined. */
  readonly acr?: readonly string[] | undefined;
}

/** The MFA that a protected operation demands. */
export interface MfaDemand extends FactorDemand {
  /** Maximum age of the verification in seconds. */
  readonly maxAgeSeconds: number;
}

/** The approval that `requireApproval()` demands of a request. */
export interface ApprovalDemand extends FactorDemand {
  /** The id that the client sends in `X-Mfa-Challenge-Id` once the user has approved. */
  readonly challengeId: string;
  /** The description of the request that the user is shown. */
  readonly description: JsonValue;
  /** Remaining life of the challenge in seconds. */
  readonly expiresInSeconds: number;
}

/**
 * The body of an error, `application/problem+json`.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9457 | RFC 9457}
 */
export interface Problem {
  /** `urn:express-wallet-session:` and the `errorType`. */
  readonly type: string;
  /** The kind of error in a few words; the same for each error of its kind. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** One sentence about this error. */
  readonly detail: string;
  /** The kind of error, for programs. */
  readonly errorType: ErrorType;
  /** The next step of the client. */
  readonly action: ErrorAction;
  /** Identifies the request in the logs of the app. */
  readonly correlationId: string;
  /** Maximum age of the verification in seconds, in errors of `requireMfa()`. */
  readonly maxAgeSeconds?: number;
  /** The accepted methods, if the route names any. */
  readonly methods?: readonly string[];
  /** The accepted `acr` values, if the route names any. */
  readonly acrValues?: readonly string[];
  /** The challenge to approve, if `action` is `approve_request`. */
  readonly challengeId?: string;
  /** The description of the request that the user is asked to approve. */
  readonly description?: JsonValue;
  /** Remaining life of the challenge in seconds. */
  readonly expiresInSeconds?: number;
}

/** Headers of a request, in lower case, as Node gives them. */
export const PREVIOUS_ACCESS_TOKEN = 'previous-access-token';
export const CORRELATION_ID = 'x-correlation-id';
export const REQUEST_ID = 'x-request-id';

/** A header of a response. */
export const SESSION_ENDS_IN = 'Session-Ends-In';

/** The header that names a challenge, in a refusal and in the request that is sent again. */
export const MFA_CHALLENGE_ID = 'X-Mfa-Challenge-Id';
