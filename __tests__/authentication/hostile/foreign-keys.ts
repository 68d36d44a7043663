/**
 * Keys of the attacker: in the token, at an address in the token, or through its `kid` (RFC 8725
 * sections 2.9, 2.10, 3.10).
 */
import { createHmac, sign } from 'node:crypto';
import { compact, keySetOf, SigningKey } from '../../support/signing-key.js';
import { JwksServer } from '../../support/jwks-server.js';
import type { HostileToken, Target } from './hostile-token.js';
import {
  believesCertificate,
  believesEmbeddedKey,
  believesKeyAddress,
  decodesOnly,
  looksUpSecret,
  type Verifier,
} from './lax-verifiers.js';

/** The attacker's servers, which count their requests. */
export class Attacker {
  readonly key: SigningKey;
  readonly certificate: Buffer;
  readonly #jwks: JwksServer;
  readonly #certificates: JwksServer;

  private constructor(key: SigningKey, jwks: JwksServer, certificates: JwksServer) {
    this.key = key;
    this.certificate = selfSigned(key);
    this.#jwks = jwks;
    this.#certificates = certificates;
    this.#certificates.send(pemOf(this.certificate));
  }

  static async start(kid: string | undefined): Promise<Attacker> {
    const key = new SigningKey('ES256', { kid: kid ?? null });
    return new Attacker(key, await JwksServer.start(key), await JwksServer.start());
  }

  get jku(): string {
    return this.#jwks.uri;
  }

  get x5u(): string {
    return this.#certificates.uri;
  }

  get fetches(): number {
    return this.#jwks.fetches + this.#certificates.fetches;
  }

  async close(): Promise<void> {
    await Promise.all([this.#jwks.close(), this.#certificates.close()]);
  }
}

export function foreignKeyAttacks({ ec, claims }: Target, attacker: Attacker): HostileToken[] {
  const { key } = attacker;
  const x5c = [attacker.certificate.toString('base64')];
  const brought: readonly (readonly [string, object, Verifier])[] = [
    ['jwk', { jwk: key.jwk() }, believesEmbeddedKey],
    ['jwk without names', { jwk: bare(key) }, believesEmbeddedKey],
    ['jku', { jku: attacker.jku }, believesKeyAddress('jku')],
    ['x5u', { x5u: attacker.x5u }, believesKeyAddress('x5u')],
    ['x5c', { x5c }, believesCertificate],
    [
      'jwk, jku, x5u and x5c',
      { jwk: key.jwk(), jku: attacker.jku, x5u: attacker.x5u, x5c },
      believesEmbeddedKey,
    ],
  ];
  return [
    ...brought.flatMap(([attack, header, acceptedBy]) => [
      {
        attack: `${attack} under a good kid`,
        token: key.token(claims, { ...header, kid: ec.kid }),
        acceptedBy,
      },
      {
        attack: `${attack} without a kid`,
        token: key.token(claims, { ...header, kid: undefined }),
        acceptedBy,
      },
      {
        attack: `${attack} under a new kid`,
        token: key.token(claims, { ...header, kid: 'mine' }),
        acceptedBy,
        hasUnknownKid: true,
      },
    ]),
    {
      attack: 'a key of the attacker under a good kid',
      token: key.token(claims, { kid: ec.kid }),
      acceptedBy: decodesOnly,
    },
    {
      attack: 'a key set in the header',
      token: key.token(claims, { kid: ec.kid, ...keySetOf(key) }),
      acceptedBy: decodesOnly,
    },
    ...kidInjections(claims),
    ...strangeKids(key, claims),
  ];
}

function bare(key: SigningKey): object {
  const { kty, crv, x, y } = key.jwk();
  return { kty, crv, x, y };
}

/** A `kid` that makes a lookup find a secret that the attacker knows. */
function kidInjections(claims: Target['claims']): HostileToken[] {
  const secrets: Readonly<Record<string, string>> = { 'key-1': 'nobody knows this' };
  const table = new Map([["' UNION SELECT 'known' --", 'known']]);
  const injections: readonly (readonly [
    string,
    string | Buffer,
    (kid: string) => string | Buffer,
  ])[] = [
    ['../../../../../../dev/null', '', () => ''],
    ['/dev/null', '', () => ''],
    ["' UNION SELECT 'known' --", 'known', (kid) => table.get(kid) ?? ''],
    ['|echo known', 'known', (kid) => kid.split('echo ')[1] ?? ''],
    ...['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'].map(
      (name) => [name, String(secrets[name]), (kid: string) => String(secrets[kid])] as const,
    ),
  ];
  return injections.map(([kid, secret, find]) => ({
    attack: `a kid that finds a known secret: ${kid}`,
    token: compact({ alg: 'HS256', kid }, claims, (input) =>
      createHmac('sha256', secret).update(input).digest(),
    ),
    acceptedBy: looksUpSecret(find),
  }));
}

/** The same values of `kid` with a public key. */
function strangeKids(key: SigningKey, claims: Target['claims']): HostileToken[] {
  const strings = ['', ' ', '*', 'null', '0', '__proto__', 'constructor', 'prototype', 'toString'];
  const more = ['length', '../jwks.json', 'https://attacker.example/jwks.json', 'k'.repeat(4000)];
  const others = [null, 0, true, [key.kid], { kid: key.kid }];
  return [...strings, ...more, ...others].map((kid) => ({
    attack: `kid ${JSON.stringify(kid).slice(0, 40)}`,
    token: key.token(claims, { kid }),
    acceptedBy: decodesOnly,
    hasUnknownKid: typeof kid === 'string',
  }));
}

/** X.509 version 1 with the key alone: enough for verifiers that ignore the issuer of a certificate. */
function selfSigned(key: SigningKey): Buffer {
  const ecdsaWithSha256 = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));
  const name = der(0x30);
  const body = der(
    0x30,
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('490101000000Z'))),
    name,
    key.publicKey.export({ format: 'der', type: 'spki' }),
  );
  const signature = sign('sha256', body, key.privateKey);
  return der(0x30, body, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
}

function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const inside = Buffer.concat(content);
  const { length } = inside;
  const lengthBytes =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), inside]);
}

function pemOf(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
