/**
 * Reads a JWKS (RFC 7517) and selects the keys that may verify a token. A key that may not is passed
 * over, without harm to the good ones beside it.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { JWK } from 'jose';
import { isNonEmptyString, isRecord } from '../type-guards.js';
import { isEd25519Point } from './ed25519-point.js';

export interface PublishedKeys {
  readonly usable: readonly JWK[];
  /** Of all keys, usable or not: a token that names one of these has no unknown `kid`. */
  readonly kids: ReadonlySet<string>;
}

const MIN_RSA_BITS = 2048;
const MAX_RSA_EXPONENT = 2n ** 32n;

/** The algorithms of each kind of key (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
const ALGORITHMS_OF: Readonly<Record<string, readonly string[]>> = {
  RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
};

/** Reads a JWKS; undefined for anything else, or if all of its keys are unusable. */
export function parseJwks(
  jwks: unknown,
  algorithms: ReadonlySet<string>,
): PublishedKeys | undefined {
  if (!isRecord(jwks) || !Array.isArray(jwks.keys)) return undefined;
  const keys = jwks.keys.map(withoutNulls);
  const usable = keys.filter((key) => isUsable(key, algorithms)) as JWK[];
  if (usable.length === 0) return undefined;
  const kids = new Set<string>();
  for (const key of keys) {
    if (isRecord(key) && isNonEmptyString(key.kid)) kids.add(key.kid);
  }
  return { usable: usable.map(essentials), kids };
}

/** Some serialisers write `null` for a member that is absent. */
function withoutNulls(key: unknown): unknown {
  return isRecord(key)
    ? Object.fromEntries(Object.entries(key).filter(([, value]) => value !== null))
    : key;
}

/** Whether two sets would verify the same tokens. */
export function areSameKeys(a: PublishedKeys, b: PublishedKeys): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint(keys: PublishedKeys): string {
  return JSON.stringify([
    keys.usable.map((key) => JSON.stringify(key)).sort(),
    [...keys.kids].sort(),
  ]);
}

/**
 * The members that verification needs. WebCrypto would refuse a good key for a further use that its
 * `key_ops` names; `use` and `key_ops` have been checked before.
 */
function essentials({ kid, kty, alg, crv, n, e, x, y }: JWK): JWK {
  return JSON.parse(JSON.stringify({ kid, kty, alg, crv, n, e, x, y })) as JWK;
}

function isUsable(key: unknown, algorithms: ReadonlySet<string>): boolean {
  if (!isRecord(key)) return false;
  const { kty, crv, kid, use, alg, key_ops: operations } = key;
  const kind = kty === 'RSA' ? 'RSA' : kty === 'EC' || kty === 'OKP' ? crv : undefined;
  const serves =
    typeof kind === 'string' && Object.hasOwn(ALGORITHMS_OF, kind)
      ? ALGORITHMS_OF[kind]
      : undefined;
  return (
    serves !== undefined &&
    serves.some((one) => algorithms.has(one) && (alg === undefined || alg === one)) &&
    (kid === undefined || typeof kid === 'string') &&
    (use === undefined || use === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify'))) &&
    // Anybody can sign with a private key that was published.
    key.d === undefined &&
    (kind !== 'RSA' || isSoundRsa(key)) &&
    (kind !== 'Ed25519' || isEd25519Point(key.x)) &&
    isPublicKey(key)
  );
}

function isSoundRsa({ n, e }: Readonly<Record<string, unknown>>): boolean {
  const modulus = unsigned(n);
  const exponent = unsigned(e);
  if (modulus === undefined || exponent === undefined) return false;
  return (
    modulus.toString(2).length >= MIN_RSA_BITS &&
    modulus % 2n === 1n &&
    exponent >= 3n &&
    exponent % 2n === 1n &&
    exponent < MAX_RSA_EXPONENT
  );
}

function unsigned(value: unknown): bigint | undefined {
  if (typeof value !== 'string' || !/^[\w-]+$/.test(value)) return undefined;
  return BigInt(`0x${Buffer.from(value, 'base64url').toString('hex') || '0'}`);
}

/** Node refuses impossible keys, such as a point that does not lie on its curve. */
function isPublicKey(key: Readonly<Record<string, unknown>>): boolean {
  try {
    createPublicKey({ key: key as JsonWebKey, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}
