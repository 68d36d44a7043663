/**
 * The keys of the test issuer: one that signs, the old ones that are still published, and the
 * endpoint that publishes them without a network.
 */
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import type { Clock } from '../clock.js';

interface RingKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** Time of withdrawal; Infinity while the key signs. */
  publishedUntilMs: number;
}

export class KeyRing {
  readonly #clock: Clock;
  #keys: RingKey[] = [newKey()];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get kid(): string {
    return this.#current().kid;
  }

  /** Makes a new key, which signs from now on. The old one stays published for `overlapSeconds`. */
  rotate(overlapSeconds: number): void {
    this.#current().publishedUntilMs = this.#clock() + overlapSeconds * 1000;
    this.#keys.unshift(newKey());
  }

  /** The public keys that are published now (RFC 7517). */
  jwks(): { keys: JsonWebKey[] } {
    this.#keys = this.#keys.filter(({ publishedUntilMs }) => publishedUntilMs > this.#clock());
    return {
      keys: this.#keys.map(({ kid, privateKey }) => ({
        ...createPublicKey(privateKey).export({ format: 'jwk' }),
        kid,
        alg: 'ES256',
        use: 'sig',
      })),
    };
  }

  /**
   * Signs by hand, because a library refuses the headers of invalid tokens. With `none` the
   * signature is empty, and HMAC uses the public key as the secret (algorithm confusion). The key is
   * always the current one, even if the header names another.
   *
   * @throws TypeError for an `alg` that is none of these
   */
  sign(
    header: Readonly<Record<string, unknown>>,
    claims: Readonly<Record<string, unknown>>,
  ): string {
    const input = `${base64url(header)}.${base64url(claims)}`;
    return `${input}.${this.#signatureOf(input, header.alg ?? 'ES256')}`;
  }

  #signatureOf(input: string, algorithm: unknown): string {
    const { privateKey } = this.#current();
    if (algorithm === 'ES256') {
      // RFC 7518 section 3.4: the two numbers side by side, not in DER.
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return sign('sha256', Buffer.from(input), key).toString('base64url');
    }
    if (algorithm === 'HS256' || algorithm === 'HS384' || algorithm === 'HS512') {
      const pem = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' });
      return createHmac(algorithm.replace('HS', 'sha'), pem).update(input).digest('base64url');
    }
    if (typeof algorithm === 'string' && algorithm.toLowerCase() === 'none') return '';
    throw new TypeError(
      'issuer.sign(claims, header): `alg` may be ES256, HS256, HS384, HS512 or none.',
    );
  }

  #current(): RingKey {
    const [current] = this.#keys;
    if (current === undefined) throw new Error('the key ring is empty');
    return current;
  }
}

function newKey(): RingKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { kid: randomUUID(), privateKey, publishedUntilMs: Infinity };
}

function base64url(value: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
