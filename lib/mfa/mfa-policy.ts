/**
 * What a route demands of MFA, held against what is known: pure rules.
 */
import { SessionError } from '../errors.js';
import type { MfaDemand } from '../protocol.js';

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

/** The same as it is reckoned with: in numbers, which nobody has to be given a copy of. */
export interface KnownMfa {
  readonly method: string;
  readonly acr: string | undefined;
  readonly verifiedAtMs: number;
  readonly expiresAtMs: number;
}

/** Frozen: no request can change what another sees. */
export function mfaSessionOf({ method, acr, verifiedAtMs, expiresAtMs }: KnownMfa): MfaSession {
  return Object.freeze({
    method,
    ...(acr !== undefined && { acr }),
    verifiedAt: new Date(verifiedAtMs),
    expiresAt: new Date(expiresAtMs),
  });
}

export function isSatisfied(mfa: KnownMfa, demand: MfaDemand, nowMs: number): boolean {
  return (
    fits(mfa, demand) &&
    isAlive(mfa, nowMs) &&
    nowMs < mfa.verifiedAtMs + demand.maxAgeSeconds * 1000
  );
}

/** Why nothing that is known satisfies the demand. */
export function refusal(
  known: readonly KnownMfa[],
  demand: MfaDemand,
): 'mfa_required' | 'mfa_expired' {
  return known.some((mfa) => fits(mfa, demand)) ? 'mfa_expired' : 'mfa_required';
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
    ...known.filter((mfa) => fits(mfa, demand)).map(({ verifiedAtMs }) => verifiedAtMs),
  );
  const detail =
    errorType === 'mfa_expired'
      ? `MFA was verified ${Math.ceil((nowMs - latestMs) / 1000)} s ago; this operation allows ${demand.maxAgeSeconds} s.`
      : undefined;
  return new SessionError(errorType, { mfa: demand, detail, cause });
}

export function isAlive({ expiresAtMs }: KnownMfa, nowMs: number): boolean {
  return nowMs < expiresAtMs;
}

function fits({ method, acr }: KnownMfa, demand: MfaDemand): boolean {
  return (
    (demand.methods === undefined || demand.methods.includes(method)) &&
    (demand.acr === undefined || (acr !== undefined && demand.acr.includes(acr)))
  );
}
