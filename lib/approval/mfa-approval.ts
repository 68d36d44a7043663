/**
 * The question to a user if one exact request is meant, and the proof that the user said yes.
 */
import type { JsonValue } from '../protocol.js';
import type { RequestTarget } from './digest.js';

/** A pending question to the user: approve this one request? */
export interface MfaChallenge {
  /** The value of `X-Mfa-Challenge-Id`. It is a secret of the user, at most 47 characters. */
  readonly id: string;
  /** The request to approve; undefined for an operation of `session.mfa.requireApproval()`. */
  readonly request: RequestTarget | undefined;
  /** SHA-256 of the request with its body, or of the operation; base64url. */
  readonly digest: string;
  /** The description that the user has to be shown before the factor is asked for. */
  readonly description: JsonValue;
  /** The methods that the route accepts; any, if absent. */
  readonly methods?: readonly string[];
  /** The `acr` values that the route accepts; any, if absent. */
  readonly acr?: readonly string[];
  /** The time of the refusal. */
  readonly createdAt: Date;
  /** From then on it can no longer be approved. */
  readonly expiresAt: Date;
  /** For a passkey: an assertion over this challenge approves this request and no other. */
  readonly webAuthn: WebAuthnChallenge;
}

/**
 * A challenge in the forms that `@simplewebauthn/server` takes.
 *
 * @see {@link https://www.w3.org/TR/webauthn-2/#sctn-cryptographic-challenges | WebAuthn 13.4.3}
 */
export interface WebAuthnChallenge {
  /** For `generateAuthenticationOptions({ challenge })`: 32 bytes, a new array each time. */
  readonly challenge: ReturnType<Uint8Array['slice']>;
  /** For `verifyAuthenticationResponse({ expectedChallenge })`: the same bytes, base64url. */
  readonly expectedChallenge: string;
}

/** The proof that a user approved one exact request, once. */
export interface MfaApproval {
  /** The id of the challenge; an idempotency key for the systems behind the handler. */
  readonly challengeId: string;
  /** SHA-256 of the request with its body, or of the operation; base64url. */
  readonly digest: string;
  /** The description that the user was shown. */
  readonly description: JsonValue;
  /** The method of the verification, such as `totp` or `hwk`. */
  readonly method: string;
  /** The authentication context class of the verification, if the app named one. */
  readonly acr?: string;
  /** The time at which the verification succeeded. */
  readonly approvedAt: Date;
  /** From then on the request can no longer be sent. */
  readonly expiresAt: Date;
}
