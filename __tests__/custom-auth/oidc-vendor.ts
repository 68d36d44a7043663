/**
 * An imitation of a vendor's identity provider: tokens as in the vendor's documentation, and a JWKS
 * at the vendor's address.
 */
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';

export interface Vendor {
  /** Signs claims. `none`: without `typ`. @defaultValue typ 'JWT' */
  sign(claims: JWTPayload, typ?: 'JWT' | 'at+jwt' | 'logout+jwt' | 'none'): Promise<string>;
  /** The addresses of all requests for keys. */
  readonly fetched: readonly string[];
  /** Restores the global `fetch`. */
  restore(): void;
}

const kid = 'c2lnbmluZyBrZXk=';
const { privateKey, publicKey } = await generateKeyPair('RS256');
const signing: JWK = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
/** Keycloak publishes such a key beside the signing key. */
const encryption: JWK = {
  ...(await exportJWK((await generateKeyPair('RSA-OAEP')).publicKey)),
  kid: 'ZW5jcnlwdGlvbg==',
  alg: 'RSA-OAEP',
  use: 'enc',
};

export function imitateVendor(jwksUri: string): Vendor {
  const fetched: string[] = [];
  const globalFetch = globalThis.fetch;
  globalThis.fetch = (input) => {
    const url = input instanceof Request ? input.url : String(input);
    fetched.push(url);
    return Promise.resolve(
      url === jwksUri
        ? Response.json({ keys: [encryption, signing] })
        : new Response(null, { status: 404 }),
    );
  };
  return {
    sign(claims, typ = 'JWT') {
      const header = { alg: 'RS256', kid, ...(typ !== 'none' && { typ }) };
      return new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
    },
    fetched,
    restore() {
      globalThis.fetch = globalFetch;
    },
  };
}
