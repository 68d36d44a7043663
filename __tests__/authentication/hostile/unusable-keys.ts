/**
 * Public keys that must not verify although libraries import them, and tokens that exploit them
 * (RFC 8725 sections 3.2 to 3.5).
 */
import { createHash, createHmac } from 'node:crypto';
import { importJWK, jwtVerify, type JWK } from 'jose';
import { compact, SigningKey } from '../../support/signing-key.js';
import { joseAlone, tweetNacl, verifiesLeniently, type Verifier } from './lax-verifiers.js';

type Members = Readonly<Record<string, unknown>>;

/** An unusable key, and a token signed with it or in knowledge of it. */
export interface UnusableKey {
  readonly what: string;
  readonly key: JWK;
  readonly token: string;
  readonly acceptedBy?: Verifier;
}

/** @param claims of the tokens */
export function unusableKeys(claims: Members): UnusableKey[] {
  const [rsa, ec, ed] = [new SigningKey('RS256'), new SigningKey('ES256'), new SigningKey('EdDSA')];
  return [
    ...unfitKeys(ec, rsa, claims),
    privateKey(ec, claims),
    secretKey(claims),
    weakKey(1024, claims),
    weakKey(2047, claims),
    keyWithExponentOne(rsa, claims),
    keyOfSmallOrder(ed, claims),
    ...impossibleKeys({ rsa, ec, ed }, claims),
  ];
}

/** Good keys whose members name another purpose. */
function unfitKeys(ec: SigningKey, rsa: SigningKey, claims: Members): UnusableKey[] {
  const ofEc: readonly Members[] = [
    { use: 'enc' },
    { use: '' },
    { use: ['sig'] },
    { alg: 'ES384' },
    { alg: 'ECDH-ES' },
    { key_ops: ['sign'] },
    { key_ops: [] },
    { key_ops: 'verify' },
    { key_ops: { 0: 'verify' } },
    { kid: 5 },
    { kid: ['key-1'] },
    { kty: 'ec' },
    { kty: 'RSA' },
    { kty: '__proto__' },
    { crv: 'constructor' },
    { crv: ['P-256'] },
  ];
  const ofRsa: readonly Members[] = [{ alg: 'RSA-OAEP' }, { alg: 'none' }, { use: 'enc' }];
  const unfit = (signer: SigningKey, members: Members): UnusableKey => ({
    what: `of ${signer.alg} whose members say ${JSON.stringify(members)}`,
    key: signer.jwk(members),
    token: signer.token(claims),
    acceptedBy: joseAlone(signer),
  });
  return [
    ...ofEc.map((members) => unfit(ec, members)),
    ...ofRsa.map((members) => unfit(rsa, members)),
  ];
}

/** Every reader of the JWKS can sign with it. */
function privateKey(ec: SigningKey, claims: Members): UnusableKey {
  return {
    what: 'whose private part is published with it',
    key: ec.privateJwk(),
    token: ec.token(claims),
    acceptedBy: joseAlone(ec),
  };
}

/** With exponent 1 a signature is its own message: no private key is needed. */
function keyWithExponentOne(rsa: SigningKey, claims: Members): UnusableKey {
  const { n = '' } = rsa.jwk();
  const key = rsa.jwk({ e: 'AQ' });
  const sha256 = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  return {
    what: 'of RSA with the exponent 1',
    key,
    token: compact({ alg: 'RS256', kid: rsa.kid }, claims, (input) => {
      const digest = Buffer.concat([sha256, createHash('sha256').update(input).digest()]);
      const padding = Buffer.alloc(Buffer.from(n, 'base64url').length - digest.length - 3, 0xff);
      return Buffer.concat([Buffer.of(0, 1), padding, Buffer.of(0), digest]);
    }),
    acceptedBy: joseAlone(key),
  };
}

/** With the neutral element as key, one signature verifies over every message. */
function keyOfSmallOrder(ed: SigningKey, claims: Members): UnusableKey {
  const neutral = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
  const key = ed.jwk({ x: neutral.toString('base64url') });
  return {
    what: 'of Ed25519 that is the neutral element',
    key,
    token: compact({ alg: 'EdDSA', kid: ed.kid }, claims, () =>
      Buffer.concat([neutral, Buffer.alloc(32)]),
    ),
    acceptedBy: tweetNacl(key),
  };
}

function weakKey(bits: number, claims: Members): UnusableKey {
  const signer = new SigningKey('RS256', { modulusLength: bits });
  return {
    what: `of RSA with ${bits} bits`,
    key: signer.jwk(),
    token: signer.token(claims),
    acceptedBy: verifiesLeniently(signer.publicKey, 'ieee-p1363'),
  };
}

function secretKey(claims: Members): UnusableKey {
  const secret = Buffer.alloc(32, 7);
  const key = { kty: 'oct', kid: 'oct-1', k: secret.toString('base64url'), alg: 'HS256' };
  return {
    what: 'that is a published secret',
    key,
    token: compact({ alg: 'HS256', kid: 'oct-1' }, claims, (input) =>
      createHmac('sha256', secret).update(input).digest(),
    ),
    acceptedBy: async (token) => (await jwtVerify(token, await importJWK(key))).payload,
  };
}

/** These keys cannot sign: the signature is made with the unchanged key. */
function impossibleKeys(
  { rsa, ec, ed }: Readonly<Record<'rsa' | 'ec' | 'ed', SigningKey>>,
  claims: Members,
): UnusableKey[] {
  const { n } = rsa.jwk();
  const { x, y } = ec.jwk();
  const impossible = (what: string, signer: SigningKey, members: Members): UnusableKey => ({
    what,
    key: signer.jwk(members),
    token: signer.token(claims),
  });
  return [
    impossible('of RSA with the exponent 0', rsa, { e: 'AA' }),
    impossible('of RSA with the exponent 2', rsa, { e: 'Ag' }),
    impossible('of RSA with an even exponent', rsa, { e: 'AQAA' }),
    impossible('of RSA with an exponent of 512 bits', rsa, {
      e: Buffer.alloc(64, 3).toString('base64url'),
    }),
    impossible('of RSA without an exponent', rsa, { e: undefined }),
    impossible('of RSA with an exponent that is a number', rsa, { e: 65537 }),
    impossible('of RSA with an even modulus', rsa, {
      n: changed(n, (bytes) => {
        bytes[255] = 0;
        return bytes;
      }),
    }),
    impossible('of RSA without a modulus', rsa, { n: undefined }),
    impossible('of RSA with nothing for a modulus', rsa, { n: '' }),
    impossible('of RSA with a modulus of zeros', rsa, { n: 'A'.repeat(342) }),
    impossible('of RSA in another alphabet', rsa, { n: `${n ?? ''}==` }),
    impossible('off its curve', ec, {
      y: changed(y, (bytes) => {
        bytes[31] = (bytes[31] ?? 0) ^ 1;
        return bytes;
      }),
    }),
    impossible('at infinity', ec, { x: 'A'.repeat(43), y: 'A'.repeat(43) }),
    impossible('without y', ec, { y: undefined }),
    impossible('with a short x', ec, { x: changed(x, (bytes) => bytes.subarray(1)) }),
    impossible('of another curve than it says', ec, { crv: 'P-384', alg: 'ES384' }),
    impossible('of secp256k1', ec, { crv: 'secp256k1', alg: 'ES256K' }),
    impossible('of X25519', ed, { crv: 'X25519' }),
    impossible('of Ed25519 off its curve', ed, {
      x: changed('', () => Buffer.concat([Buffer.of(2), Buffer.alloc(31)])),
    }),
    impossible('of Ed25519 with a y beyond the field', ed, {
      x: Buffer.alloc(32, 0xff).toString('base64url'),
    }),
    impossible('of Ed25519 at order 4', ed, { x: 'A'.repeat(43) }),
    impossible('of Ed25519 with a short x', ed, { x: 'AAAA' }),
    impossible('of Ed25519 with a y', ed, { kty: 'EC' }),
  ];
}

function changed(part: string | undefined, change: (bytes: Buffer) => Buffer): string {
  return change(Buffer.from(part ?? '', 'base64url')).toString('base64url');
}
