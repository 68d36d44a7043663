/**
 * Signatures, compared with jose: the library accepts exactly the signatures that jose accepts, for
 * each algorithm and each way that a signature can be nearly right.
 */
import { constants, sign } from 'node:crypto';
import { compactVerify, importJWK } from 'jose';
import { createSessions, type SessionError } from 'express-wallet-session';
import {
  accessTokenClaims,
  keySetOf,
  SigningKey,
  type Algorithm,
  authenticationOf,
} from '../support/signing-key.js';

const NOW = Date.UTC(2026, 0, 5, 12);

const ALGORITHMS: readonly Algorithm[] = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
];

/** The order of each group: `order - s` makes another signature for the same message. */
const ORDERS: Readonly<Record<string, bigint>> = {
  ES256: 2n ** 256n - 2n ** 224n + 2n ** 192n - 89188191075325690597107910205041859247n,
  ES384: 2n ** 384n - 1388124618062372383947042015309946732620727252194336364173n,
  ES512:
    2n ** 521n - 657877501894328237357444332315020117536923257219387276263472201219398408051703n,
  EdDSA: 2n ** 252n + 27742317777372353535851937790883648493n,
};

describe.each(ALGORITHMS)('%s', (alg) => {
  const key = new SigningKey(alg);
  const sessions = createSessions({
    authentication: authenticationOf({ jwks: keySetOf(key) }),
    clock: () => NOW,
  });
  const signingInput = key.token(accessTokenClaims(NOW)).split('.').slice(0, 2).join('.');
  const signature = key.sign(signingInput);

  async function verdictsOf(candidate: Buffer): Promise<{ ours: boolean; ofJose: boolean }> {
    const token = `${signingInput}.${candidate.toString('base64url')}`;
    const ours = await sessions.authenticateToken(token).then(
      () => true,
      (error: unknown) => {
        expect((error as SessionError).errorType).toBe('token_invalid');
        return false;
      },
    );
    const ofJose = await compactVerify(token, await importJWK(key.jwk(), alg)).then(
      () => true,
      () => false,
    );
    return { ours, ofJose };
  }

  it('a signature by the key passes', async () => {
    expect(await verdictsOf(signature)).toEqual({ ours: true, ofJose: true });
  });

  it.each(Object.entries(nearMisses(key, signingInput, signature)))(
    '%s does not',
    async (_name, candidate) => {
      expect(candidate).not.toEqual(signature);
      expect(await verdictsOf(candidate)).toEqual({ ours: false, ofJose: false });
    },
  );

  const order = ORDERS[alg];
  if (order !== undefined && alg !== 'EdDSA') {
    // The equation of ECDSA has two solutions (FIPS 186-5 section 6.4); a token's hash leaves it out.
    it('the other solution of the same equation passes, as it does with jose', async () => {
      const half = signature.length / 2;
      const twin = Buffer.concat([
        signature.subarray(0, half),
        bigEndian(order - BigInt(`0x${signature.subarray(half).toString('hex')}`), half),
      ]);
      expect(await verdictsOf(twin)).toEqual({ ours: true, ofJose: true });
    });
  }
});

function nearMisses(
  key: SigningKey,
  signingInput: string,
  signature: Buffer,
): Readonly<Record<string, Buffer>> {
  const half = signature.length / 2;
  const flipped = (at: number): Buffer =>
    Buffer.from(signature.map((byte, index) => (index === at ? byte ^ 1 : byte)));
  return {
    'one bit off at the beginning': flipped(0),
    'one bit off in the middle': flipped(half),
    'one bit off at the end': flipped(signature.length - 1),
    'one byte short': signature.subarray(0, -1),
    'one byte short at the beginning': signature.subarray(1),
    'one byte longer': Buffer.concat([signature, Buffer.alloc(1)]),
    'one byte longer at the beginning': Buffer.concat([Buffer.alloc(1), signature]),
    'one byte': Buffer.alloc(1),
    zeros: Buffer.alloc(signature.length),
    ones: Buffer.alloc(signature.length, 0xff),
    'zero and one': Buffer.concat([Buffer.alloc(signature.length - 1), Buffer.from([1])]),
    'a signature of something else': key.sign(`${signingInput} `),
    "another key's": new SigningKey(key.alg).sign(signingInput),
    ...nearMissesOf(key, Buffer.from(signingInput), signature),
  };
}

function nearMissesOf(
  { alg, privateKey }: SigningKey,
  message: Buffer,
  signature: Buffer,
): Readonly<Record<string, Buffer>> {
  const digest = `sha${alg.slice(2)}`;
  const otherDigest = digest === 'sha256' ? 'sha512' : 'sha256';
  const half = signature.length / 2;
  switch (alg.slice(0, 2)) {
    case 'RS':
    case 'PS': {
      const pss = (hash: string, saltLength: number): Buffer =>
        sign(hash, message, {
          key: privateKey,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength,
        });
      return {
        ...(alg.startsWith('RS')
          ? { 'the other padding': pss(digest, constants.RSA_PSS_SALTLEN_DIGEST) }
          : {
              'the other padding': sign(digest, message, privateKey),
              'no salt': pss(digest, 0),
              'a salt that is one byte short': pss(digest, Number(alg.slice(2)) / 8 - 1),
              'as much salt as there is room for': pss(digest, constants.RSA_PSS_SALTLEN_MAX_SIGN),
            }),
        'another digest': alg.startsWith('RS')
          ? sign(otherDigest, message, privateKey)
          : pss(otherDigest, constants.RSA_PSS_SALTLEN_DIGEST),
      };
    }
    case 'ES':
      return {
        DER: sign(digest, message, privateKey),
        'another digest': sign(otherDigest, message, {
          key: privateKey,
          dsaEncoding: 'ieee-p1363',
        }),
        'its numbers the other way round': Buffer.concat([
          signature.subarray(half),
          signature.subarray(0, half),
        ]),
      };
    default: {
      // RFC 8032 section 5.1.7: the second half is below the order of the group.
      const s = BigInt(`0x${Buffer.from(signature.subarray(half)).reverse().toString('hex')}`);
      const above = bigEndian(s + (ORDERS.EdDSA ?? 0n), half).reverse();
      return {
        'its second half plus the order of the group': Buffer.concat([
          signature.subarray(0, half),
          above,
        ]),
      };
    }
  }
}

function bigEndian(value: bigint, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex');
}
