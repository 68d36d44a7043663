/**
 * The MFA that a route demands, compared with the known MFA sessions: pure rules.
 */
import { SessionError } from '../errors.js';
import type { FactorDemand, MfaDemand } from '../protocol.js';
import { noteOn } from '../refusal-note.js';
import type { KnownMfa, VerifiedFactor } from './mfa-session.js';

/** The factor that a route demands of enrolled users. */
export interface FactorPolicy {
  readonly methods: readonly string[] | undefined;
  readonly acr: readonly string[] | undefined;
  readonly whenNotEnrolled: 'deny' | 'allow';
}

/** The verification that a route demands. */
export interface MfaPolicy extends FactorPolicy {
  readonly maxAgeSeconds: number | undefined;
}

export function isSatisfied(mfa: KnownMfa, demand: MfaDemand, nowMs: number): boolean {
  return (
    matches(mfa, demand) &&
    isActive(mfa, nowMs) &&
    nowMs < mfa.verifiedAtMs + demand.maxAgeSeconds * 1000
  );
}

/** The reason why no known MFA session satisfies the demand. */
export function refusal(
  known: readonly KnownMfa[],
  demand: MfaDemand,
): 'mfa_required' | 'mfa_expired' {
  return known.some((mfa) => matches(mfa, demand)) ? 'mfa_expired' : 'mfa_required';
}

/** The error for a demand that was not met. */
export function mfaError(
  errorType: 'mfa_required' | 'mfa_expired' | 'mfa_not_enrolled',
  known: readonly KnownMfa[],
  demand: MfaDemand,
  nowMs: number,
  cause?: unknown,
): SessionError {
  const latestMs = Math.max(
    ...known.filter((mfa) => matches(mfa, demand)).map(({ verifiedAtMs }) => verifiedAtMs),
  );
  if (errorType !== 'mfa_expired') return new SessionError(errorType, { mfa: demand, cause });
  const mfaAgeSeconds = Math.ceil((nowMs - latestMs) / 1000);
  const detail = `MFA was verified ${mfaAgeSeconds} s ago; this operation allows ${demand.maxAgeSeconds} s.`;
  return noteOn(new SessionError(errorType, { mfa: demand, detail, cause }), { mfaAgeSeconds });
}

export function isActive({ expiresAtMs }: KnownMfa, nowMs: number): boolean {
  return nowMs < expiresAtMs;
}

/** Whether a factor is one of those demanded. */
export function matches({ method, acr }: VerifiedFactor, demand: FactorDemand): boolean {
  return (
    (demand.methods === undefined || demand.methods.includes(method)) &&
    (demand.acr === undefined || (acr !== undefined && demand.acr.includes(acr)))
  );
}
