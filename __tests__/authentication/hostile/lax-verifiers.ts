/**
 * Verifiers with one known weakness each. They show that a hostile token is dangerous, and so that
 * its refusal proves something.
 */
import { createHmac, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { EmbeddedJWK, importJWK, jwtVerify, type JWK } from 'jose';
import nacl from 'tweetnacl';
import { SigningKey } from '../../support/signing-key.js';

export type Verifier = (token: string) => Promise<unknown>;

/** Reads the claims without a verification. */
export const decodesOnly: Verifier = (token) => {
  const [, claims = ''] = token.split('.');
  return Promise.resolve(JSON.parse(Buffer.from(claims, 'base64url').toString()));
};

/**
 * Believes the header's `alg`, and takes the one key it was given for whatever that needs
 * (CVE-2015-9235 and its many successors).
 */
export function believesAlg(publicKey: string | Buffer, ecKey: KeyObject): Verifier {
  return async (token) => {
    const { input, header, signature } = parts(token);
    const alg = String(header.alg);
    const isGood =
      alg.toLowerCase() === 'none' ||
      (/^hs\d+$/i.test(alg)
        ? hmac(alg, publicKey, input).equals(signature)
        : verify(
            'sha256',
            Buffer.from(input),
            { key: ecKey, dsaEncoding: 'ieee-p1363' },
            signature,
          ));
    return accept(isGood, token);
  };
}

/** Splits, verifies, and decodes with a lenient base64 decoder. */
export function verifiesLeniently(key: KeyObject, dsaEncoding: 'ieee-p1363' | 'der'): Verifier {
  return async (token) => {
    const { input, signature } = parts(token);
    return accept(verify('sha256', Buffer.from(input), { key, dsaEncoding }, signature), token);
  };
}

/** Verifies with the key in the token (CVE-2018-0114). */
export const believesEmbeddedKey: Verifier = async (token) => {
  return (await jwtVerify(token, EmbeddedJWK)).payload;
};

/** Fetches the keys from the address in the token. */
export function believesKeyAddress(member: 'jku' | 'x5u'): Verifier {
  return async (token) => {
    const { header } = parts(token);
    const body = await (await fetch(String(header[member]))).text();
    if (member === 'jku') {
      const [jwk = {}] = (JSON.parse(body) as { keys: JWK[] }).keys;
      return (await jwtVerify(token, await importJWK(jwk))).payload;
    }
    return (await jwtVerify(token, new X509Certificate(body).publicKey)).payload;
  };
}

/** Verifies with the certificate in the token and ignores its issuer. */
export const believesCertificate: Verifier = async (token) => {
  const [der = ''] = parts(token).header.x5c as string[];
  const { publicKey } = new X509Certificate(Buffer.from(der, 'base64'));
  return (await jwtVerify(token, publicKey)).payload;
};

/** Looks the secret up by the `kid` of the token: in a file, a table, an object. */
export function looksUpSecret(find: (kid: string) => string | Buffer): Verifier {
  return async (token) => {
    const { input, header, signature } = parts(token);
    const secret = find(String(header.kid));
    return accept(hmac('HS256', secret, input).equals(signature), token);
  };
}

/** jose as in the first line of its documentation: a good library without options. */
export function joseAlone(...keys: readonly (SigningKey | JWK)[]): Verifier {
  return async (token) => {
    for (const key of keys) {
      const jwk = key instanceof SigningKey ? key.jwk() : key;
      try {
        return (await jwtVerify(token, await importJWK(jwk))).payload;
      } catch {
        continue;
      }
    }
    throw new Error('refused');
  };
}

/**
 * TweetNaCl, which does not ask if a key is of small order. Node's own check depends on its version:
 * 20 and 22 accept such a key, 24 refuses it.
 */
export function tweetNacl({ x = '' }: JWK): Verifier {
  return (token) => {
    const { input, signature } = parts(token);
    const publicKey = Buffer.from(x, 'base64url');
    return accept(nacl.sign.detached.verify(Buffer.from(input), signature, publicKey), token);
  };
}

function parts(token: string): {
  input: string;
  header: Readonly<Record<string, unknown>>;
  signature: Buffer;
} {
  const [header = '', claims = '', signature = ''] = token.split('.');
  return {
    input: `${header}.${claims}`,
    header: JSON.parse(Buffer.from(header, 'base64').toString()) as Record<string, unknown>,
    signature: Buffer.from(signature, 'base64'),
  };
}

function hmac(alg: string, secret: string | Buffer, input: string): Buffer {
  return createHmac(`sha${alg.slice(2)}`, secret)
    .update(input)
    .digest();
}

function accept(isGood: boolean, token: string): Promise<unknown> {
  return isGood ? decodesOnly(token) : Promise.reject(new Error('refused'));
}
