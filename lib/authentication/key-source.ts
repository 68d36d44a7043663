/**
 * What both kinds of authentication are configured with: keys, algorithms, MFA scope. Plain data.
 */
import type { JSONWebKeySet } from 'jose';

/**
 * To whom an MFA session belongs: to one client (a browser tab, a device), or to the user and so to
 * all of the user's clients.
 */
export type MfaScope = 'client' | 'user';

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
