/**
 * Algorithms chosen by the attacker (RFC 8725 sections 2.1, 3.1 and 3.2).
 */
import { createHmac } from 'node:crypto';
import { compact } from '../../support/signing-key.js';
import type { HostileToken, Target } from './hostile-token.js';
import { believesAlg, decodesOnly } from './lax-verifiers.js';

export function algorithmAttacks(target: Target): HostileToken[] {
  return [...unsigned(target), ...signedWithPublicKey(target), ...ofAnotherKind(target)];
}

function unsigned({ ec, claims }: Target): HostileToken[] {
  const acceptedBy = believesAlg(ec.pem(), ec.publicKey);
  const names: readonly unknown[] = ['none', 'None', 'NONE', 'nOnE', ['none']];
  return [
    ...names.map((alg) => ({
      attack: `alg ${JSON.stringify(alg)} without a signature`,
      token: compact({ alg, typ: 'JWT' }, claims, () => ''),
    })),
    {
      attack: 'alg none with the kid of a good key',
      token: compact({ alg: 'none', kid: ec.kid }, claims, () => ''),
    },
    {
      attack: 'alg none with bytes for a signature',
      token: compact({ alg: 'none', kid: ec.kid }, claims, () => 'signature'),
    },
    {
      attack: 'alg none with a good signature',
      token: compact({ alg: 'none', kid: ec.kid }, claims, (input) => ec.sign(input)),
    },
    {
      attack: 'alg none in two parts',
      token: compact({ alg: 'none', kid: ec.kid }, claims, () => '').slice(0, -1),
    },
  ].map((one) => ({ ...one, acceptedBy }));
}

/** HMAC with a public value as the secret. */
function signedWithPublicKey({ ec, rsa, claims }: Target): HostileToken[] {
  const forms = [ec, rsa].flatMap(
    (key): (readonly [string, string | Buffer, string | undefined])[] => {
      const pem = key.pem();
      const jwk = key.jwk();
      return [
        ['as PEM', pem, key.kid],
        ['as PEM without the last line feed', pem.trimEnd(), key.kid],
        ['as PEM with CRLF', pem.replaceAll('\n', '\r\n'), key.kid],
        ['as PEM on one line', pem.replaceAll('\n', ''), key.kid],
        ['as DER', key.publicKey.export({ format: 'der', type: 'spki' }), key.kid],
        ['as DER in base64', pem.replace(/-----.*-----|\n/g, ''), key.kid],
        ['as JWK', JSON.stringify(jwk), key.kid],
        ['as its coordinate or modulus', Buffer.from(jwk.x ?? jwk.n ?? '', 'base64url'), key.kid],
      ];
    },
  );
  const empty = ['nothing', '', ec.kid] as const;
  return [...forms, empty].flatMap(([form, secret, kid]) =>
    (form === 'as PEM' ? ['HS256', 'HS384', 'HS512', 'hs256'] : ['HS256']).map((alg) => ({
      attack: `${alg} with the public ${kid === ec.kid ? 'EC' : 'RSA'} key ${form}`,
      token: compact({ alg, kid, typ: 'JWT' }, claims, (input) =>
        createHmac(`sha${alg.slice(2)}`, secret)
          .update(input)
          .digest(),
      ),
      acceptedBy: believesAlg(secret, ec.publicKey),
    })),
  );
}

/** Algorithms that do not belong to the key. */
function ofAnotherKind({ ec, rsa, claims }: Target): HostileToken[] {
  return [
    { attack: 'no alg', token: ec.token(claims, JSON.stringify({ kid: ec.kid, typ: 'JWT' })) },
    ...[null, '', 256, {}, ['ES256'], 'ES256 ', 'es256', 'ES-256', 'constructor', '__proto__'].map(
      (alg) => ({ attack: `alg ${JSON.stringify(alg)}`, token: ec.token(claims, { alg }) }),
    ),
    ...['ES384', 'ES512', 'ES256K', 'RS256', 'PS256', 'EdDSA', 'Ed448', 'ML-DSA-44', 'dir'].map(
      (alg) => ({ attack: `alg ${alg} and a P-256 key`, token: ec.token(claims, { alg }) }),
    ),
    ...['RS1', 'RS384', 'PS256', 'RSA-OAEP', 'ES256'].map((alg) => ({
      attack: `alg ${alg} and a key for RS256`,
      token: rsa.token(claims, { alg }),
    })),
    { attack: 'the kid of the other key', token: ec.token(claims, { kid: rsa.kid }) },
    {
      attack: 'the alg and kid of the other key',
      token: rsa.token(claims, { alg: 'ES256', kid: ec.kid }),
    },
  ].map((one) => ({ ...one, acceptedBy: decodesOnly }));
}
