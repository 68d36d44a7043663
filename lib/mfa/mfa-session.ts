/**
 * An MFA session, in the form that the app gets and in the form for calculations.
 */
import { isNonEmptyString, isRecord } from '../type-guards.js';

/** The cached proof that a factor was verified. Its expiry is moved by no refresh. */
export interface MfaSession {
  /** How it was verified, in the app's words or those of RFC 8176: `totp`, `sms`, `hwk`, … */
  readonly method: string;
  /** The authentication context class, if known (OpenID Connect `acr`). */
  readonly acr?: string;
  /** The time of the verification. */
  readonly verifiedAt: Date;
  /** The end of the MFA session. */
  readonly expiresAt: Date;
}

/** A verification that is known from outside of the store, for instance from claims. */
export interface MfaEvidence {
  /** The verification method, as in `MfaSession`. */
  readonly method: string;
  /** The authentication context class, if known. */
  readonly acr?: string;
  /** The time of the verification. */
  readonly verifiedAt: Date;
}

/** A factor that was verified. */
export type VerifiedFactor = Pick<KnownMfa, 'method' | 'acr'>;

/** Whether a callback of the app returned a verified factor. */
export function isVerifiedFactor(
  value: unknown,
): value is { readonly method: string; readonly acr?: string | undefined } {
  return (
    isRecord(value) &&
    isNonEmptyString(value.method) &&
    (value.acr === undefined || isNonEmptyString(value.acr))
  );
}

/** An MFA session for calculations. Numbers need no copies, unlike dates. */
export interface KnownMfa {
  readonly method: string;
  readonly acr: string | undefined;
  readonly verifiedAtMs: number;
  readonly expiresAtMs: number;
}

/** A frozen copy, because several requests share a session. */
export function mfaSessionOf({ method, acr, verifiedAtMs, expiresAtMs }: KnownMfa): MfaSession {
  return Object.freeze({
    method,
    ...(acr !== undefined && { acr }),
    verifiedAt: new Date(verifiedAtMs),
    expiresAt: new Date(expiresAtMs),
  });
}
