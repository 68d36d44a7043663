/**
 * CDP authentication: CDP signs the access tokens of a project's end users.
 */
import type { SignatureAlgorithm } from '../jwks/signature.js';
import type { CheckClaims, KeySource, MfaScope } from './key-source.js';

/** A function of the shape of the CDP SDK's `cdp.endUser.validateAccessToken`. */
export type ValidateAccessToken = (input: { accessToken: string }) => Promise<{ userId: string }>;

/**
 * Options of `cdpAuthentication()`. Tokens are checked by exactly one of `jwksUri`, `jwks` and
 * `validateAccessToken`. CDP publishes no address of a JWKS for end-user tokens, so there is no
 * default.
 */
export type CdpAuthenticationOptions = {
  /**
   * The CDP project. It is compared with the token's `project_id`, because `iss` and `aud` are the
   * same for every CDP project.
   */
  readonly projectId: string;
  /** The `iss` of the tokens. @defaultValue 'cdp-api' */
  readonly issuer?: string | undefined;
  /** The accepted audiences; `null` accepts any, and none. @defaultValue 'cdp-api' */
  readonly audience?: string | readonly string[] | null | undefined;
  /** The accepted signature algorithms. @defaultValue ['ES256'] */
  readonly algorithms?: readonly SignatureAlgorithm[] | undefined;
  /**
   * The claim that identifies the session over refreshes; `null` says that the tokens carry none.
   * @defaultValue 'sid'
   */
  readonly sessionIdClaim?: string | null | undefined;
  /** The owner of MFA sessions: one client, or the user with all clients. @defaultValue 'client' */
  readonly mfaScope?: MfaScope | undefined;
  /**
   * A rule of the app about the claims of each verified token, asked once for each: `false`, or an
   * error that it throws, is `token_invalid`. It is synchronous.
   */
  readonly checkClaims?: CheckClaims | undefined;
} & (
  | (KeySource & { readonly validateAccessToken?: undefined })
  | {
      /**
       * Asks CDP instead of verifying a signature: `(input) => cdp.endUser.validateAccessToken(input)`.
       * An answer is cached for 5 minutes at most, never past the token's `exp`.
       */
      readonly validateAccessToken: ValidateAccessToken;
      readonly jwksUri?: undefined;
      readonly jwks?: undefined;
      readonly allowHttp?: undefined;
      readonly fetch?: undefined;
    }
);

/** The result of `cdpAuthentication()`: its options, unchecked. */
export interface CdpAuthentication {
  /** The kind of authentication. */
  readonly authentication: 'cdp';
  /** The options as they were given. */
  readonly options: CdpAuthenticationOptions;
}

/**
 * Access tokens signed by CDP. MFA sessions belong to one client and are carried over when its
 * access token is refreshed.
 *
 * It only carries the options; `createSessions()` checks them.
 *
 * @example
 * validateSession({
 *   authentication: cdpAuthentication({
 *     projectId: 'my-project',
 *     validateAccessToken: (input) => cdp.endUser.validateAccessToken(input),
 *   }),
 * });
 */
export function cdpAuthentication(options: CdpAuthenticationOptions): CdpAuthentication {
  return Object.freeze({ authentication: 'cdp', options });
}
