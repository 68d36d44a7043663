/**
 * Keys of a JWKS that verify tokens, and unusable keys, which do not affect the good ones beside
 * them (RFC 7517, RFC 8725 sections 3.2 to 3.5).
 */
import { ConfigurationError, createSessions, customAuthentication } from 'express-wallet-session';
import type { JWK } from 'jose';
import type { Test } from 'supertest';
import { expectProblem, type Answered, UNKNOWN_KEY } from '../support/expect-problem.js';
import { unusableKeys } from './hostile/unusable-keys.js';
import { JwksServer } from '../support/jwks-server.js';
import {
  accessTokenClaims,
  AUDIENCE,
  ISSUER,
  keySetOf,
  SigningKey,
  type Algorithm,
  authenticationOf,
} from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';
import { getMe } from '../support/wallet-client.js';

type Members = Readonly<Record<string, unknown>>;

const claims = accessTokenClaims(Date.now());
const good = new SigningKey('ES256');
const rsa = new SigningKey('RS256');
const ec = new SigningKey('ES256');
const ed = new SigningKey('EdDSA');

let jwks: JwksServer;
beforeEach(async () => {
  jwks = await JwksServer.start();
});
afterEach(() => jwks.close());

/** The answer to a token if the issuer publishes these keys. */
function present(token: string, ...keys: readonly (SigningKey | JWK)[]): Test {
  jwks.publish(keys);
  const app = walletApi({
    authentication: authenticationOf({ jwksUri: jwks.uri }),
  });
  return getMe(app, token);
}

async function expectPass(test: Test): Promise<void> {
  const answer: Answered = await test;
  expect(answer).toMatchObject({ status: 200, body: { userId: 'victim' } });
}

describe('A key verifies', () => {
  const algorithms: readonly Algorithm[] = [
    ...(['ES256', 'ES384', 'ES512', 'RS256', 'RS384'] as const),
    ...(['RS512', 'PS256', 'PS384', 'PS512', 'EdDSA'] as const),
  ];

  it.each(algorithms)('%s, with all optional members and with none', async (alg) => {
    const key = new SigningKey(alg);
    await expectPass(present(key.token(claims), key));
    await expectPass(present(key.token(claims), key.jwk({ alg: undefined, use: undefined })));
    const nameless = key.jwk({ kid: undefined, alg: undefined, use: undefined });
    await expectPass(present(key.token(claims, { kid: undefined }), nameless));
  });

  it('Ed25519 by its newer name (RFC 9864)', async () => {
    const key = ed.jwk({ alg: 'Ed25519' });
    await expectPass(present(ed.token(claims, { alg: 'Ed25519' }), key));
    expectProblem(await present(ed.token(claims), key), 'token_invalid');
  });

  it.each<Members>([
    { key_ops: ['verify'] },
    { key_ops: ['sign', 'verify'], use: undefined },
    { ext: false },
    { x5c: ['nonsense'], x5t: 'nonsense', 'x5t#S256': '', x5u: 'https://issuer.example/' },
    { issuer: 'https://issuer.example/', nbf: 0, iat: null },
    {
      n: Buffer.concat([Buffer.of(0), Buffer.from(rsa.jwk().n ?? '', 'base64url')]).toString(
        'base64url',
      ),
    },
    { e: 'AAEAAQ' },
    { d: null, use: null, alg: null, key_ops: null, x5c: null },
  ])('with the irrelevant members %o', async (members) => {
    await expectPass(present(rsa.token(claims), rsa.jwk(members)));
  });

  it('without a kid, if its kid is null', async () => {
    const token = ec.token(claims, { kid: undefined });
    await expectPass(present(token, ec.jwk({ kid: null, d: null })));
  });

  it('one algorithm if it names one, else all of its kind', async () => {
    const token = new SigningKey('PS256', { kid: rsa.kid ?? '' });
    expectProblem(await present(rsa.token(claims), rsa.jwk({ alg: 'RS512' })), 'token_invalid');
    const unnamed = token.jwk({ alg: undefined });
    await expectPass(present(token.token(claims), unnamed));
  });
});

describe.each(unusableKeys(claims).map((one) => [one.what, one] as const))(
  'A key %s',
  (_what, one) => {
    it('verifies no token, and a good key beside it still does', async () => {
      if (one.acceptedBy !== undefined) {
        expect(await one.acceptedBy(one.token)).toMatchObject({ sub: 'victim' });
      }
      const { kid } = one.key as { kid?: unknown };
      for (const keys of [
        [one.key, good],
        [good, one.key],
      ]) {
        await expectPass(present(good.token(claims), ...keys));
        const isKnown = typeof kid === 'string';
        expectProblem(
          await present(one.token, ...keys),
          'token_invalid',
          isKnown ? {} : UNKNOWN_KEY,
        );
      }
    });

    it('does not affect a good key with the same kid', async () => {
      const twin = new SigningKey('ES256', { kid: 'twin' });
      const bad = { ...one.key, kid: 'twin' };
      await expectPass(present(twin.token(claims), bad, twin));
      await expectPass(present(twin.token(claims), twin, bad));
    });

    it('alone makes a key set unusable', async () => {
      expectProblem(await present(good.token(claims), one.key), 'verification_unavailable');
      const given = { issuer: ISSUER, audience: AUDIENCE, jwks: keySetOf(one.key) };
      expect(() => createSessions({ authentication: customAuthentication(given) })).toThrow(
        ConfigurationError,
      );
    });
  },
);

describe('Two good keys under one kid', () => {
  it.each([
    ['of one kind', new SigningKey('ES256', { kid: 'twin' })],
    ['of two kinds', new SigningKey('RS256', { kid: 'twin' })],
  ])('%s verify both', async (_what, other) => {
    const one = new SigningKey('ES256', { kid: 'twin' });
    for (const key of [one, other]) {
      await expectPass(present(key.token(claims), one, other));
      await expectPass(present(key.token(claims), other, one));
    }
    const forger = new SigningKey('ES256', { kid: 'twin' });
    expectProblem(await present(forger.token(claims), one, other), 'token_invalid');
  });
});

describe('Keys of the `jwks` option', () => {
  it('verify without a fetch, and are copied', async () => {
    const given = keySetOf(good);
    const app = walletApi({
      authentication: authenticationOf({ jwks: given }),
    });
    given.keys = [];
    await expectPass(getMe(app, good.token(claims)));
    expectProblem(await getMe(app, ec.token(claims)), 'token_invalid', UNKNOWN_KEY);
  });
});
