/**
 * An issuer of access tokens: its name, the way its tokens are verified, and the claims they need.
 */
import type { DiscoverySource } from '../jwks/discovery.js';
import type { PublishedKeys } from '../jwks/parse-jwks.js';
import type { ValidateAccessToken } from './cdp.js';
import type { CheckClaims, DpopMode, MfaScope } from './key-source.js';

export interface TokenIssuer {
  readonly authentication: 'cdp' | 'custom';
  readonly issuer: string;
  /** `null`: the audience is not checked. */
  readonly audience: readonly string[] | null;
  readonly audienceClaim: string;
  readonly projectId: string | undefined;
  readonly algorithms: ReadonlySet<string>;
  readonly typ: string | undefined;
  readonly userIdClaim: string;
  /** `null`: the tokens carry no session id. */
  readonly sessionIdClaim: string | null;
  readonly mfaScope: MfaScope;
  readonly dpop: DpopMode;
  readonly checkClaims: CheckClaims | undefined;
  readonly verification: VerificationMethod;
}

/** The way to tell that a token is the issuer's. */
export type VerificationMethod =
  | { readonly by: 'jwksUri'; readonly uri: URL; readonly fetch: typeof globalThis.fetch }
  | ({ readonly by: 'discovery' } & DiscoverySource)
  | { readonly by: 'jwks'; readonly keys: PublishedKeys }
  | { readonly by: 'validateAccessToken'; readonly validate: ValidateAccessToken };
