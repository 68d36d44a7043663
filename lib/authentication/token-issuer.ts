/**
 * Who may sign the access tokens of an app, and what such a token has to look like.
 */
import type { PublishedKeys } from '../jwks/parse-jwks.js';
import type { ValidateAccessToken } from './cdp.js';
import type { MfaScope } from './key-source.js';

export interface TokenIssuer {
  readonly authentication: 'cdp' | 'custom';
  readonly issuer: string;
  /** `null`: none is checked. */
  readonly audience: readonly string[] | null;
  readonly projectId: string | undefined;
  readonly algorithms: ReadonlySet<string>;
  readonly typ: string | undefined;
  readonly userIdClaim: string;
  readonly sessionIdClaim: string;
  readonly mfaScope: MfaScope;
  readonly verification: VerificationMethod;
}

/** By what a token is known to be the issuer's. */
export type VerificationMethod =
  | { readonly by: 'jwksUri'; readonly uri: URL; readonly fetch: typeof globalThis.fetch }
  | { readonly by: 'jwks'; readonly keys: PublishedKeys }
  | { readonly by: 'validateAccessToken'; readonly validate: ValidateAccessToken };
