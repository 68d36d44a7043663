/**
 * The options that both kinds of authentication share, as types.
 */
import type { JSONWebKeySet, JWTPayload } from 'jose';

/**
 * The owner of an MFA session: one client (a browser tab, a device), or the user with all clients.
 */
export type MfaScope = 'client' | 'user';

/** Whether access tokens need a proof of possession (RFC 9449). */
export type DpopMode = 'when-bound' | 'required' | 'ignore';

/** A rule of the app about the claims of a verified access token; `false` refuses the token. */
export type CheckClaims = (claims: Readonly<JWTPayload>) => boolean;

/** The issuer's public keys (RFC 7517): by address, or given. */
export type KeySource =
  | {
      /** Where the JWKS is: `https:`, or `http:` on loopback or with `allowHttp`. */
      readonly jwksUri: string | URL;
      readonly jwks?: undefined;
      /** Lets `jwksUri` be `http:` beyond loopback. @defaultValue false */
      readonly allowHttp?: boolean | undefined;
      /** Fetches the JWKS in place of the global `fetch`. */
      readonly fetch?: typeof globalThis.fetch | undefined;
    }
  | {
      /** The JWKS itself: no fetching, and no rotation. */
      readonly jwks: JSONWebKeySet;
      readonly jwksUri?: undefined;
      readonly allowHttp?: undefined;
      readonly fetch?: undefined;
    };
