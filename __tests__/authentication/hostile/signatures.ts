/**
 * Missing signatures, and other spellings of a good one (RFC 8725 section 3.3).
 */
import { sign } from 'node:crypto';
import { base64url, compact } from '../../support/signing-key.js';
import type { HostileToken, Target } from './hostile-token.js';
import { decodesOnly, verifiesLeniently } from './lax-verifiers.js';

/** The order of P-256, big-endian. */
const N = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const ZERO = Buffer.alloc(32);
const ONE = Buffer.concat([Buffer.alloc(31), Buffer.from([1])]);

export function signatureAttacks({ ec, claims }: Target): HostileToken[] {
  const header = { alg: 'ES256', kid: ec.kid, typ: 'JWT' };
  const withSignature = (change: (good: Buffer) => Buffer | string): string =>
    compact(header, claims, (input) => change(ec.sign(input)));
  const [other = ''] = ec
    .token({ ...claims, jti: 'another' })
    .split('.')
    .slice(2);

  const forged: readonly (readonly [string, (good: Buffer) => Buffer | string])[] = [
    // "Psychic signatures", CVE-2022-21449: verifiers without a range check accept these.
    ['that is all zeros', () => Buffer.concat([ZERO, ZERO])],
    ['with r = 0', (good) => Buffer.concat([ZERO, good.subarray(32)])],
    ['with s = 0', (good) => Buffer.concat([good.subarray(0, 32), ZERO])],
    ['with r = s = 1', () => Buffer.concat([ONE, ONE])],
    ['with r = s = n', () => Buffer.concat([N, N])],
    ['with r = n, s = 0', () => Buffer.concat([N, ZERO])],
    ['of zeros in DER', () => Buffer.from('3006020100020100', 'hex')],
    ['of no bytes', () => ''],
    ['of one byte', () => 'x'],
    ['cut in half', (good) => good.subarray(0, 32)],
    ['without its last byte', (good) => good.subarray(0, 63)],
    ['with a byte more', (good) => Buffer.concat([good, Buffer.from([0])])],
    ['with a byte in front', (good) => Buffer.concat([Buffer.from([0]), good])],
    [
      'with its halves exchanged',
      (good) => Buffer.concat([good.subarray(32), good.subarray(0, 32)]),
    ],
    ['twice', (good) => Buffer.concat([good, good])],
    ['of another token', () => Buffer.from(other, 'base64url')],
    [
      'with one bit changed',
      (good) => Buffer.from(good.map((byte, i) => (i === 40 ? byte ^ 1 : byte))),
    ],
  ];
  const changed = ec.token(claims).split('.');
  return [
    ...forged.map(([what, change]) => ({
      attack: `a signature ${what}`,
      token: withSignature(change),
      acceptedBy: decodesOnly,
    })),
    {
      attack: 'a good signature in DER',
      token: compact(header, claims, (input) => sign('sha256', Buffer.from(input), ec.privateKey)),
      acceptedBy: verifiesLeniently(ec.publicKey, 'der'),
    },
    {
      attack: 'other claims under a good signature',
      token: [changed[0], base64url({ ...claims, admin: true }), changed[2]].join('.'),
      acceptedBy: decodesOnly,
    },
    {
      attack: 'another header over a good signature',
      token: [base64url({ ...header, x: 1 }), changed[1], changed[2]].join('.'),
      acceptedBy: decodesOnly,
    },
  ];
}
