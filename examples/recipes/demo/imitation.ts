/**
 * An imitation of a vendor's identity provider, for the demonstration and the tests: it signs tokens,
 * and answers for the metadata and the keys at the vendor's addresses in place of the network.
 */
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';

/** The addresses of one issuer. */
export interface Issuer {
  readonly issuer: string;
  readonly jwksUri: string;
}

/** The header of a token, without its `kid`. @defaultValue RS256 and JWT */
export interface Header {
  readonly alg?: 'RS256' | 'ES384';
  /** Null: without `typ`. */
  readonly typ?: string | null;
}

export interface Vendor {
  sign(claims: JWTPayload, header?: Header): Promise<string>;
  /** The addresses of all requests so far. */
  readonly fetched: readonly string[];
  /** Restores the global `fetch`. */
  restore(): void;
}

const kid = 'c2lnbmluZyBrZXk=';
const signing = {
  RS256: await generateKeyPair('RS256'),
  ES384: await generateKeyPair('ES384'),
};
const published: JWK[] = [
  // Keycloak publishes such a key beside the signing key.
  {
    ...(await exportJWK((await generateKeyPair('RSA-OAEP')).publicKey)),
    ...{ kid: 'ZW5jcnlwdGlvbg==', alg: 'RSA-OAEP', use: 'enc' },
  },
  { ...(await exportJWK(signing.RS256.publicKey)), kid, use: 'sig' },
  { ...(await exportJWK(signing.ES384.publicKey)), kid: `${kid}-384`, use: 'sig' },
];

export function imitateVendor(...issuers: readonly Issuer[]): Vendor {
  const documents = new Map<string, unknown>(
    issuers.flatMap(({ issuer, jwksUri }) => [
      [
        `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
        { issuer, jwks_uri: jwksUri },
      ],
      [jwksUri, { keys: published }],
    ]),
  );
  const fetched: string[] = [];
  const globalFetch = globalThis.fetch;
  globalThis.fetch = (input) => {
    const url = input instanceof Request ? input.url : String(input);
    fetched.push(url);
    const document = documents.get(url);
    return Promise.resolve(
      document === undefined ? new Response(null, { status: 404 }) : Response.json(document),
    );
  };
  return {
    sign(claims, { alg = 'RS256', typ = 'JWT' } = {}) {
      const header = { alg, kid: alg === 'RS256' ? kid : `${kid}-384`, ...(typ && { typ }) };
      return new SignJWT(claims).setProtectedHeader(header).sign(signing[alg].privateKey);
    },
    fetched,
    restore() {
      globalThis.fetch = globalFetch;
    },
  };
}
