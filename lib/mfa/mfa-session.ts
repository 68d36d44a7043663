/**
 * What an MFA session is: to the app, and as it is reckoned with.
 */

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
