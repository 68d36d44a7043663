/**
 * What a route demands of MFA, held against what is known: pure rules.
 */
import { SessionError, type MfaDemand } from '../errors.js';

/** The cached proof that a factor was verified. Its expiry is moved by no refresh. */
export interface MfaSession {
  /** How it was verified, in the app's words or those of RFC 8176: `totp`, `sms`, `hwk`, … */
  readonly method: string;
  /** The authentication context class that it reached, where one is known (OpenID Connect `acr`). */
  readonly acr?: string;
  readonly verifiedAt: Date;
  readonly expiresAt: Date;
}

/** A verification that something other than the store knows of. */
export interface MfaEvidence {
  readonly method: string;
  readonly acr?: string;
  readonly verifiedAt: Date;
}

/** What is known of a user's MFA: what the store says, and what evidence says. */
export type KnownMfa = readonly MfaSession[];

/** Undefined where something known satisfies the demand, else the error that asks for more. */
export function refusal(
  known: KnownMfa,
  demand: MfaDemand,
  nowMs: number,
): 'mfa_required' | 'mfa_expired' | undefined {
  const fitting = known.filter((mfa) => fits(mfa, demand));
  if (fitting.some((mfa) => isFresh(mfa, demand, nowMs))) return undefined;
  return fitting.length > 0 ? 'mfa_expired' : 'mfa_required';
}

/** The error for a demand that was not met. */
export function mfaError(
  errorType: 'mfa_required' | 'mfa_expired' | 'mfa_not_enrolled',
  known: KnownMfa,
  demand: MfaDemand,
  nowMs: number,
  cause?: unknown,
): SessionError {
  const latest = Math.max(
    ...known.filter((mfa) => fits(mfa, demand)).map((mfa) => mfa.verifiedAt.getTime()),
  );
  const detail =
    errorType === 'mfa_expired'
      ? `MFA was verified ${Math.ceil((nowMs - latest) / 1000)} s ago; this operation allows ${demand.maxAgeSeconds} s.`
      : undefined;
  return new SessionError(errorType, { mfa: demand, detail, cause });
}

export function isAlive(mfa: MfaSession, nowMs: number): boolean {
  return nowMs < mfa.expiresAt.getTime();
}

function fits({ method, acr }: MfaSession, demand: MfaDemand): boolean {
  return (
    (demand.methods === undefined || demand.methods.includes(method)) &&
    (demand.acr === undefined || (acr !== undefined && demand.acr.includes(acr)))
  );
}

function isFresh(mfa: MfaSession, { maxAgeSeconds }: MfaDemand, nowMs: number): boolean {
  return isAlive(mfa, nowMs) && nowMs < mfa.verifiedAt.getTime() + maxAgeSeconds * 1000;
}
