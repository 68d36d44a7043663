/**
 * A token that must be refused, with a lax verifier that accepts it.
 */
import type { SigningKey } from '../../support/signing-key.js';
import type { Verifier } from './lax-verifiers.js';

export interface HostileToken {
  readonly attack: string;
  readonly token: string;
  readonly acceptedBy: Verifier;
  /** If its `kid` is unknown, the action of the refusal is refresh_token. */
  readonly hasUnknownKid?: boolean;
}

/** The attacked issuer. Both keys are published in one JWKS. */
export interface Target {
  readonly ec: SigningKey;
  readonly rsa: SigningKey;
  /** The claims of a valid access token. */
  readonly claims: Readonly<Record<string, unknown>>;
}
