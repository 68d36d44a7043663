/**
 * A token that must not pass, beside a verifier that lets it pass.
 */
import type { SigningKey } from '../../support/signing-key.js';
import type { Verifier } from './lax-verifiers.js';

export interface HostileToken {
  readonly attack: string;
  readonly token: string;
  readonly acceptedBy: Verifier;
  /** Where its `kid` is one that nobody knows, a client is told to refresh. */
  readonly hasUnknownKid?: boolean;
}

/** Who is attacked. Both keys are published in one JWKS. */
export interface Target {
  readonly ec: SigningKey;
  readonly rsa: SigningKey;
  /** Of a good access token. */
  readonly claims: Readonly<Record<string, unknown>>;
}
