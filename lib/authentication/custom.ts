/**
 * Custom authentication: the team's own identity provider signs the access tokens.
 */
import type { SignatureAlgorithm } from '../jwks/signature.js';
import type {
  CheckClaims,
  DiscoveredKeySource,
  DpopMode,
  KeySource,
  MfaScope,
} from './key-source.js';

/** Options of `customAuthentication()`. */
export type CustomAuthenticationOptions = {
  /** The `iss` of the tokens, to the letter. */
  readonly issuer: string;
  /** The accepted audiences: a token names at least one of them. `null` accepts any, and none. */
  readonly audience: string | readonly string[] | null;
  /** The claim that names the audience; `client_id` for Cognito's access tokens. @defaultValue 'aud' */
  readonly audienceClaim?: string | undefined;
  /** The accepted signature algorithms. @defaultValue all asymmetric ones: RS, PS and ES 256 to 512, EdDSA, Ed25519 */
  readonly algorithms?: readonly SignatureAlgorithm[] | undefined;
  /** The claim that names the user; it may be a namespaced one. @defaultValue 'sub' */
  readonly userIdClaim?: string | undefined;
  /**
   * The claim that identifies the session over refreshes. `null` says that the tokens carry none;
   * then a logout token with `sid` and `sub` ends all sessions of the user.
   * @defaultValue 'sid'
   */
  readonly sessionIdClaim?: string | null | undefined;
  /** The owner of MFA sessions: the user with all clients, or one client. @defaultValue 'user' */
  readonly mfaScope?: MfaScope | undefined;
  /**
   * Demands this `typ` in the token's header, for instance `'at+jwt'` (RFC 9068). Without it `typ`
   * may be absent, `JWT` or `at+jwt`.
   */
  readonly typ?: string | undefined;
  /**
   * Proof of possession (RFC 9449). `when-bound`: tokens with `cnf.jkt` need a DPoP proof, others are
   * bearer tokens. `required`: every token needs one. `ignore`: a gateway in front has checked.
   * @defaultValue 'when-bound'
   */
  readonly dpop?: DpopMode | undefined;
  /**
   * A rule of the app about the claims of each verified token, asked once for each: `false`, or an
   * error that it throws, is `token_invalid`. It is synchronous.
   */
  readonly checkClaims?: CheckClaims | undefined;
} & (KeySource | DiscoveredKeySource);

/** The result of `customAuthentication()`: its options, unchecked. */
export interface CustomAuthentication {
  /** The kind of authentication. */
  readonly authentication: 'custom';
  /** The options as they were given. */
  readonly options: CustomAuthenticationOptions;
}

/**
 * Access tokens signed by the team's own identity provider. MFA sessions belong to the user and are
 * shared by all clients.
 *
 * It only carries the options; `createSessions()` checks them.
 *
 * @example
 * validateSession({
 *   authentication: customAuthentication({
 *     issuer: 'https://login.example.com/',
 *     audience: 'https://api.example.com',
 *     jwksUri: 'https://login.example.com/.well-known/jwks.json',
 *   }),
 * });
 */
export function customAuthentication(options: CustomAuthenticationOptions): CustomAuthentication {
  return Object.freeze({ authentication: 'custom', options });
}
