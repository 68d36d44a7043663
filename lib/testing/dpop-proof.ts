/**
 * DPoP proofs as a client makes them (RFC 9449 section 4.2).
 */
import { hash, randomUUID, type KeyObject } from 'node:crypto';
import { exportJWK, SignJWT, type CryptoKey, type JWK } from 'jose';
import type { Clock } from '../clock.js';
import { merged } from './token-claims.js';

/** The key pair of a client, of WebCrypto or of Node. */
export interface DpopKeyPair {
  /** The public key, which the proof carries as `jwk`. */
  readonly publicKey: CryptoKey | KeyObject;
  /** The private key, which signs. */
  readonly privateKey: CryptoKey | KeyObject;
}

/** The request that a proof is about, and the key that signs it. */
export interface DpopProofOptions {
  /** The key pair of the client, to which the access token is bound. */
  readonly keyPair: DpopKeyPair;
  /** The HTTP method, `htm`. */
  readonly method: string;
  /** The URL of the request, `htu`. */
  readonly url: string;
  /** The access token, whose hash is `ath`. */
  readonly accessToken: string;
  /** Milliseconds since the epoch. @defaultValue `Date.now` */
  readonly clock?: Clock | undefined;
  /** Further claims, which override those of a good proof; `undefined` removes one. */
  readonly [claim: string]: unknown;
}

/**
 * A DPoP proof of one request. Each call makes a new one, with a `jti` of its own.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-4.2 | RFC 9449 section 4.2}
 *
 * @example
 * const keyPair = await generateKeyPair('ES256');
 * const client = await issuer.signIn('user-1', { dpop: await exportJWK(keyPair.publicKey) });
 * const { accessToken } = client;
 * const proof = await createDpopProof({ keyPair, method: 'GET', url, accessToken });
 * await fetch(url, { headers: { authorization: `DPoP ${accessToken}`, dpop: proof } });
 */
export async function createDpopProof(options: DpopProofOptions): Promise<string> {
  const { keyPair, method, url, accessToken, clock = Date.now, ...claims } = options;
  const jwk = await exportJWK(keyPair.publicKey);
  const defaults = {
    jti: randomUUID(),
    htm: method,
    htu: url.replace(/[?#].*$/, ''),
    iat: Math.floor(clock() / 1000),
    ath: hash('sha256', accessToken, 'base64url'),
  };
  return new SignJWT(merged(defaults, claims))
    .setProtectedHeader({ alg: algorithmOf(jwk, keyPair.publicKey), typ: 'dpop+jwt', jwk })
    .sign(keyPair.privateKey);
}

function algorithmOf({ kty, crv }: JWK, key: CryptoKey | KeyObject): string {
  if (kty === 'RSA') {
    return 'algorithm' in key && key.algorithm.name === 'RSA-PSS' ? 'PS256' : 'RS256';
  }
  const algorithms: Readonly<Record<string, string>> = {
    'P-256': 'ES256',
    'P-384': 'ES384',
    'P-521': 'ES512',
  };
  return algorithms[crv ?? ''] ?? 'EdDSA';
}
