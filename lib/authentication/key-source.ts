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

/** The issuer's public keys (RFC 7517): fetched from an address, or given. */
export type KeySource =
  | {
      /** The address of the JWKS: `https:`, or `http:` on loopback or with `allowHttp`. */
      readonly jwksUri: string | URL;
      readonly jwks?: undefined;
      /** Allows addresses with `http:` beyond loopback. @defaultValue false */
      readonly allowHttp?: boolean | undefined;
      /** Fetches the JWKS. @defaultValue the global `fetch` */
      readonly fetch?: typeof globalThis.fetch | undefined;
    }
  | {
      /** The JWKS itself. It is never fetched, and keys do not rotate. */
      readonly jwks: JSONWebKeySet;
      readonly jwksUri?: undefined;
      readonly allowHttp?: undefined;
      readonly fetch?: undefined;
    };

/**
 * The issuer's public keys by discovery: the address of the JWKS is read from
 * `<issuer>/.well-known/openid-configuration`, or on 404 from
 * `/.well-known/oauth-authorization-server`. The `issuer` must be an address for that: `https:`, or
 * `http:` on loopback or with `allowHttp`.
 *
 * @see OpenID Connect Discovery 1.0 section 4
 * @see RFC 8414 section 3
 */
export interface DiscoveredKeySource {
  readonly jwksUri?: undefined;
  readonly jwks?: undefined;
  /** Allows addresses with `http:` beyond loopback. @defaultValue false */
  readonly allowHttp?: boolean | undefined;
  /** Fetches the metadata and the JWKS. @defaultValue the global `fetch` */
  readonly fetch?: typeof globalThis.fetch | undefined;
}
