/**
 * Custom authentication: the team's own identity provider signs the access tokens.
 */
import type { SignatureAlgorithm } from '../jwks/signature.js';
import type { KeySource, MfaScope } from './key-source.js';

/** Options of `customAuthentication()`. */
export type CustomAuthenticationOptions = {
  /** The `iss` of the tokens, to the letter. */
  readonly issuer: string;
  /** One of these must be in the tokens' `aud`. `null` is the explicit way to check no audience. */
  readonly audience: string | readonly string[] | null;
  /** @defaultValue every asymmetric algorithm there is: RS, PS and ES 256 to 512, EdDSA, Ed25519 */
  readonly algorithms?: readonly SignatureAlgorithm[] | undefined;
  /** The claim that names the user; it may be a namespaced one. @defaultValue 'sub' */
  readonly userIdClaim?: string | undefined;
  /** The claim that stays the same over refreshes, where there is one. @defaultValue 'sid' */
  readonly sessionIdClaim?: string | undefined;
  /** @defaultValue 'user' */
  readonly mfaScope?: MfaScope | undefined;
  /**
   * Demands this `typ` in the token's header, for instance `'at+jwt'` (RFC 9068). Without it `typ`
   * may be absent, `JWT` or `at+jwt`.
   */
  readonly typ?: string | undefined;
} & KeySource;

/** What `customAuthentication()` made. */
export interface CustomAuthentication {
  readonly authentication: 'custom';
  readonly options: CustomAuthenticationOptions;
}

/**
 * Access tokens signed by the team's own identity provider. MFA sessions belong to the user and are
 * shared by all clients.
 *
 * It only carries the options; `createSessions()` checks them.
 */
export function customAuthentication(options: CustomAuthenticationOptions): CustomAuthentication {
  return Object.freeze({ authentication: 'custom', options });
}
