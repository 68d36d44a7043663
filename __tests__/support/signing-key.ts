/**
 * Keys that sign any header and claims, right or wrong, without a check by a library.
 */
import {
  constants,
  generateKeyPairSync,
  randomUUID,
  sign,
  type JsonWebKey,
  type KeyObject,
  type SignKeyObjectInput,
} from 'node:crypto';
import {
  customAuthentication,
  type Authentication,
  type CustomAuthenticationOptions,
} from 'express-wallet-session';
import type { JSONWebKeySet, JWK } from 'jose';

export type Algorithm =
  'ES256' | 'ES384' | 'ES512' | 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'EdDSA';

/** Claims or header: an object, or the exact JSON text. */
export type Json = Readonly<Record<string, unknown>> | string;

export interface SigningKeyOptions {
  /** Null for a key without `kid`. @defaultValue a UUID */
  readonly kid?: string | null;
  /** Of RSA. @defaultValue 2048 */
  readonly modulusLength?: number;
}

export class SigningKey {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;

  constructor(alg: Algorithm = 'ES256', options: SigningKeyOptions = {}) {
    this.alg = alg;
    this.kid = options.kid === null ? undefined : (options.kid ?? randomUUID());
    ({ publicKey: this.publicKey, privateKey: this.privateKey } = generate(alg, options));
  }

  /** The published JWK; `members` override its own. */
  jwk(members: Readonly<Record<string, unknown>> = {}): JWK {
    const jwk = this.publicKey.export({ format: 'jwk' });
    return { ...jwk, ...this.#names(), alg: this.alg, use: 'sig', ...members };
  }

  privateJwk(): JsonWebKey {
    return { ...this.privateKey.export({ format: 'jwk' }), ...this.#names(), alg: this.alg };
  }

  pem(): string {
    return String(this.publicKey.export({ format: 'pem', type: 'spki' }));
  }

  /** @param header members over `alg`, `kid` and `typ`, or the whole header as JSON text */
  token(claims: Json, header: Json = {}): string {
    const whole =
      typeof header === 'string'
        ? header
        : { alg: this.alg, ...this.#names(), typ: 'JWT', ...header };
    return compact(whole, claims, (input) => this.sign(input));
  }

  sign(input: string): Buffer {
    return sign(HASH_OF[this.alg.slice(2)], Buffer.from(input), this.#input());
  }

  #names(): { kid?: string } {
    return this.kid === undefined ? {} : { kid: this.kid };
  }

  #input(): SignKeyObjectInput {
    const { privateKey: key } = this;
    if (this.alg.startsWith('ES')) return { key, dsaEncoding: 'ieee-p1363' };
    return this.alg.startsWith('PS')
      ? {
          key,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
        }
      : { key };
  }
}

const HASH_OF: Readonly<Record<string, string>> = { 256: 'sha256', 384: 'sha384', 512: 'sha512' };

const CURVE_OF: Readonly<Record<string, string>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
};

function generate(
  alg: Algorithm,
  { modulusLength = 2048 }: SigningKeyOptions,
): { publicKey: KeyObject; privateKey: KeyObject } {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  const namedCurve = CURVE_OF[alg];
  return namedCurve === undefined
    ? generateKeyPairSync('rsa', { modulusLength })
    : generateKeyPairSync('ec', { namedCurve });
}

/** A JWS in compact serialization. */
export function compact(
  header: Json,
  claims: Json,
  signature: (input: string) => Buffer | string,
): string {
  const input = `${base64url(header)}.${base64url(claims)}`;
  return `${input}.${Buffer.from(signature(input)).toString('base64url')}`;
}

/** Members that are `undefined` are left out. */
export function base64url(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return Buffer.from(text).toString('base64url');
}

export function keySetOf(...keys: readonly (SigningKey | JWK)[]): JSONWebKeySet {
  return { keys: keys.map((key) => (key instanceof SigningKey ? key.jwk() : key)) };
}

export const ISSUER = 'https://issuer.example/';
export const AUDIENCE = 'https://api.example';

/** Custom authentication that takes `ISSUER`'s tokens for `AUDIENCE`; `options` name its keys. */
export function authenticationOf(
  options: Readonly<Partial<Record<keyof CustomAuthenticationOptions, unknown>>>,
): Authentication {
  const given = { issuer: ISSUER, audience: AUDIENCE, ...options };
  return customAuthentication(given as CustomAuthenticationOptions);
}

/** Claims of an access token of `ISSUER` for `AUDIENCE`, valid for 15 minutes; `claims` override them. */
export function accessTokenClaims(
  nowMs: number,
  claims: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const now = Math.floor(nowMs / 1000);
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'victim',
    jti: randomUUID(),
    sid: 'session-1',
    iat: now,
    exp: now + 900,
    auth_time: now,
    ...claims,
  };
}
