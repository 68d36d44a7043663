/**
 * An identity provider of a vendor, imitated: tokens as its documentation shows them, and its keys
 * at its address and nowhere else.
 */
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';

export interface Vendor {
  /** Signs claims. `none`: without `typ`. @defaultValue typ 'JWT' */
  sign(claims: JWTPayload, typ?: 'JWT' | 'at+jwt' | 'logout+jwt' | 'none'): Promise<string>;
  /** Which addresses were asked for keys. */
  readonly fetched: readonly string[];
  /** Gives the global `fetch` back. */
  restore(): void;
}

const kid = 'c2lnbmluZyBrZXk=';
const { privateKey, publicKey } = await generateKeyPair('RS256');
const signing: JWK = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
/** Keycloak publishes such a key beside the other. */
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
