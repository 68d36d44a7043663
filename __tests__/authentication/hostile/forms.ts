/**
 * Tokens with a good signature that are not access tokens: extensions, other spellings, other kinds
 * of token (RFC 8725 sections 2.7, 2.8, 3.11).
 */
import { CompactEncrypt, compactDecrypt } from 'jose';
import { base64url, compact } from '../../support/signing-key.js';
import type { HostileToken, Target } from './hostile-token.js';
import { decodesOnly, joseAlone, verifiesLeniently, type Verifier } from './lax-verifiers.js';

export async function formAttacks(target: Target): Promise<HostileToken[]> {
  return [
    ...extensions(target),
    ...spellings(target),
    ...otherKinds(target),
    ...(await nested(target)),
  ];
}

function extensions({ ec, claims }: Target): HostileToken[] {
  const headers: readonly object[] = [
    { crit: ['exp'], exp: 0 },
    { crit: ['https://example.com/policy'], 'https://example.com/policy': 'deny' },
    { crit: ['b64'], b64: false },
    { crit: ['b64'], b64: true },
    { crit: [] },
    { crit: null },
    { crit: 'exp' },
    { b64: false },
    { b64: true },
  ];
  return headers.map((header) => ({
    attack: `the header ${JSON.stringify(header)}`,
    token: ec.token(claims, { ...header }),
    acceptedBy: verifiesLeniently(ec.publicKey, 'ieee-p1363'),
  }));
}

/** Other spellings of the same or nearly the same bytes. */
function spellings({ ec, claims }: Target): HostileToken[] {
  const acceptedBy = verifiesLeniently(ec.publicKey, 'ieee-p1363');
  const good = ec.token(claims);
  const [header = '', body = '', signature = ''] = good.split('.');
  const signed = (first: string, second: string): string => {
    const input = `${first}.${second}`;
    return `${input}.${ec.sign(input).toString('base64url')}`;
  };
  // A length with unused bits, and bytes that the two alphabets of base64 spell differently.
  const odd = base64url({ ...claims, x: '>>>???~~~' }).replace(/=*$/, '');
  const uneven = [odd, base64url({ ...claims, x: '1' }), base64url({ ...claims, x: '12' })].find(
    (part) => part.length % 4 !== 0,
  );
  const [padded = ''] = [uneven].map((part = '') =>
    part.padEnd(part.length + 4 - (part.length % 4), '='),
  );
  return [
    ['a signature with padding', `${good}==`],
    ['a signature with one = of padding', `${good}=`],
    ['claims with padding', signed(header, padded)],
    [
      'a header with padding',
      signed(base64url({ alg: 'ES256', kid: ec.kid, x: uneven?.length }).replace(/$/, '='), body),
    ],
    ['a signature in the other alphabet', `${header}.${body}.${otherAlphabet(ec, header, body)}`],
    ['unused bits in the signature', `${header}.${body}.${withUnusedBits(signature)}`],
    ['unused bits in the claims', signed(header, withUnusedBits(uneven ?? ''))],
    [
      'characters that decoders skip',
      `${header}.${body}.${signature.slice(0, 40)}!${signature.slice(40)}`,
    ],
    ['a tilde and disclosures behind it', `${good}~`],
    ['a fourth part', `${good}.`],
    ['a fourth part with something in it', `${good}.${signature}`],
  ].map(([attack = '', token = '']) => ({
    attack,
    token,
    acceptedBy: attack.startsWith('a fourth') ? decodesOnly : acceptedBy,
  }));
}

function otherKinds({ ec, claims }: Target): HostileToken[] {
  const acceptedBy = joseAlone(ec);
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const types = ['logout+jwt', 'application/logout+jwt', 'LOGOUT+JWT', 'secevent+jwt', 'dpop+jwt'];
  const more = [
    'id_token',
    'it+jwt',
    'rt+jwt',
    'oauth-authz-req+jwt',
    'JWE',
    'at+jwt ',
    'JWT;x',
    '',
  ];
  return [
    ...[...types, ...more].map((typ) => ({
      attack: `typ ${JSON.stringify(typ)}`,
      token: ec.token(claims, { typ }),
      acceptedBy,
    })),
    ...[null, 5, ['JWT'], {}].map((typ) => ({
      attack: `typ ${JSON.stringify(typ)}`,
      token: ec.token(claims, { typ }),
      acceptedBy: verifiesLeniently(ec.publicKey, 'ieee-p1363'),
    })),
    ...['JWT', 'logout+jwt', undefined].map((typ) => ({
      attack: `a logout token of typ ${String(typ)}`,
      token: ec.token({ ...claims, events }, { typ }),
      acceptedBy,
    })),
    ...[null, {}, [], false].map((value) => ({
      attack: `events that are ${JSON.stringify(value)}`,
      token: ec.token({ ...claims, events: value }),
      acceptedBy,
    })),
    {
      attack: "an ID token, for the client's id",
      token: ec.token({ ...claims, aud: 'client-1', nonce: 'n' }),
      acceptedBy,
    },
  ];
}

/** A JWT in a JWT, and a JWT in a JWE, which the public key is enough to make. */
async function nested({ ec, claims }: Target): Promise<HostileToken[]> {
  const inner = compact({ alg: 'none' }, claims, () => '');
  const unwraps: Verifier = (token) =>
    decodesOnly(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  const encrypted = await new CompactEncrypt(Buffer.from(inner))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM', cty: 'JWT', kid: ec.kid ?? '' })
    .encrypt(ec.publicKey);
  return [
    {
      attack: 'an unsigned JWT in a signed one',
      token: ec.token(inner, { cty: 'JWT' }),
      acceptedBy: unwraps,
    },
    {
      attack: 'an unsigned JWT in a signed one, unannounced',
      token: ec.token(inner),
      acceptedBy: unwraps,
    },
    ...['JWT', 'jwt', 'application/jwt'].map((cty) => ({
      attack: `cty ${cty}`,
      token: ec.token(claims, { cty }),
      acceptedBy: joseAlone(ec),
    })),
    {
      attack: 'an unsigned JWT in an encrypted one',
      token: encrypted,
      acceptedBy: async (token) => {
        const { plaintext } = await compactDecrypt(token, ec.privateKey);
        return decodesOnly(Buffer.from(plaintext).toString());
      },
    },
  ];
}

/** ECDSA signatures are random; signs until the two alphabets of base64 spell one differently. */
function otherAlphabet(ec: Target['ec'], header: string, body: string): string {
  for (;;) {
    const signature = ec.sign(`${header}.${body}`).toString('base64').replace(/=+$/, '');
    if (/[+/]/.test(signature)) return signature;
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Sets the lowest bit of the last character, which is not part of a byte. */
function withUnusedBits(part: string): string {
  const last = ALPHABET.indexOf(part.slice(-1));
  return part.slice(0, -1) + (ALPHABET[last | 1] ?? '');
}
