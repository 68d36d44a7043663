/**
 * The challenges of an error, which its `WWW-Authenticate` header holds: pure rules.
 */
import type { ApprovalDemand, MfaDemand } from './protocol.js';

/**
 * The `error` code of RFC 6750 section 3.1, RFC 9470 section 3 or RFC 9449 section 7.1; `none` for a
 * request without credentials.
 */
export type ChallengeCode =
  | 'none'
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'insufficient_user_authentication'
  | 'invalid_dpop_proof';

/** The demands that a challenge names. */
export interface ChallengeParameters {
  readonly mfa?: Partial<MfaDemand> | undefined;
  readonly approval?: ApprovalDemand | undefined;
  readonly scope?: readonly string[] | undefined;
  /** If given, the challenge names the `DPoP` scheme beside `Bearer`. */
  readonly dpopAlgorithms?: readonly string[] | undefined;
}

/** One challenge for each scheme that the token may be sent by (RFC 9110 section 11.6.1). */
export function challengesOf(code: ChallengeCode, options: ChallengeParameters): string[] {
  const algorithms = options.dpopAlgorithms;
  const algs = algorithms === undefined ? [] : [`algs="${algorithms.join(' ')}"`];
  const parameters = parametersOf(code, options);
  const dpop = `DPoP ${[...parameters, ...algs].join(', ')}`;
  if (code === 'invalid_dpop_proof') return [dpop];
  const bearer = `Bearer ${parameters.join(', ')}`;
  return algorithms === undefined ? [bearer] : [bearer, dpop];
}

function parametersOf(
  code: ChallengeCode,
  { mfa, approval, scope }: ChallengeParameters,
): string[] {
  // RFC 6750 section 3: a challenge has a parameter. 3.1: without credentials, no error code.
  if (code === 'none') return ['realm="api"'];
  const parameters = [`error="${code}"`];
  if (scope !== undefined) parameters.push(`scope="${scope.join(' ')}"`);
  // No fresh authentication satisfies an approval, so its challenge asks for none.
  if (approval !== undefined) return parameters;
  if (mfa?.maxAgeSeconds !== undefined) {
    // RFC 9470 section 3 and OpenID Connect: a whole number of seconds.
    parameters.push(`max_age="${Math.floor(mfa.maxAgeSeconds)}"`);
  }
  if (mfa?.acr !== undefined) parameters.push(`acr_values="${mfa.acr.join(' ')}"`);
  return parameters;
}
