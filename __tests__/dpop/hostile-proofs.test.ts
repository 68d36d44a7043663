/**
 * Proofs of an attacker who has a bound access token and does not have its key, and proofs that RFC
 * 9449 section 4.3 does not accept: each is refused, and none costs the store a call.
 */
import type { Express } from 'express';
import { calculateJwkThumbprint } from 'jose';
import request, { type Response } from 'supertest';
import { SigningKey } from '../support/signing-key.js';
import { testStore, type TestStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expectProofInvalid, ORIGIN } from './expect-proof-invalid.js';
import { bareJwk, hostileProofs, proofOf, type ProofTarget } from './hostile-proofs.js';

const kit = useTestIssuer({ authentication: 'custom' });
const key = new SigningKey('ES256', { kid: null });

let target: ProofTarget;
let store: TestStore;
let app: Express;

beforeEach(async () => {
  const { accessToken } = await kit.issuer.signIn('user-1', { dpop: bareJwk(key) });
  const nowSeconds = Math.floor(kit.clock() / 1000);
  target = { key, accessToken, method: 'GET', url: `${ORIGIN}/me`, nowSeconds };
  store = testStore();
  app = kit.api({ store, origin: ORIGIN });
});

function send(proof: string | undefined): Promise<Response> {
  const test = request(app).get('/me').set('Authorization', `DPoP ${target.accessToken}`);
  return (proof === undefined ? test : test.set('DPoP', proof)).then();
}

/** The store is asked by good requests alone. */
async function expectRefusedForFree(proof: string | undefined): Promise<void> {
  store.calls.length = 0;
  expectProofInvalid(await send(proof));
  expect(store.calls).toEqual([]);
}

it('A hostile proof is refused with 401, at no cost for the store, before and after a good one', async () => {
  const hostile = hostileProofs(target);
  const refused: string[] = [];
  for (const round of ['new', 'remembered']) {
    for (const { attack, proof } of hostile) {
      try {
        await expectRefusedForFree(proof);
      } catch (error) {
        throw new Error(`${attack}, with a ${round} token`, { cause: error });
      }
      refused.push(attack);
    }
    expect((await send(proofOf(target))).status).toBe(200);
  }
  expect(refused).toHaveLength(2 * hostile.length);
  expect(new Set(refused).size).toBeGreaterThan(290);
}, 60_000);

it('A proof is refused if any one of its characters is replaced', async () => {
  const good = proofOf(target);
  for (let at = 0; at < good.length; at += 1) {
    const other = good[at] === 'A' ? 'B' : 'A';
    await expectRefusedForFree(`${good.slice(0, at)}${other}${good.slice(at + 1)}`);
  }
  expect((await send(good)).status).toBe(200);
}, 60_000);

it('A proof is refused if it is cut at any place', async () => {
  const good = proofOf(target);
  for (let length = 0; length < good.length; length += 1) {
    await expectRefusedForFree(good.slice(0, length));
  }
  expect((await send(good)).status).toBe(200);
}, 60_000);

it.each<readonly [string, Record<string, unknown>, Record<string, unknown>]>([
  ['further claims', { aud: ORIGIN, nbf: 1, exp: 2, nested: { a: [1] } }, {}],
  ['a nonce that nobody asked for', { nonce: 'nonce' }, {}],
  ['further header parameters', {}, { kid: 'key-1', 'x-extra': 'yes', cty: 'dpop+jwt' }],
  ['a `typ` in capitals', {}, { typ: 'DPoP+JWT' }],
  ['an `iat` with a fraction', { iat: () => target.nowSeconds + 0.5 }, {}],
  [
    'further members in `jwk`',
    {},
    { jwk: { ...bareJwk(key), kid: 'k', use: 'sig', alg: 'ES256' } },
  ],
])('A proof is accepted with %s', async (_what, claims, header) => {
  const { iat } = claims as { iat?: () => number };
  const proof = proofOf(target, { ...claims, ...(iat && { iat: iat() }) }, header);
  expect((await send(proof)).status).toBe(200);
});

it('A proof of another key is refused that has the thumbprint of the bound one as `kid`', async () => {
  const other = new SigningKey();
  const kid = await calculateJwkThumbprint(bareJwk(key));
  await expectRefusedForFree(proofOf({ ...target, key: other }, {}, { jwk: bareJwk(other), kid }));
});

it('A proof by the bound key is refused if the key is an RSA key of 1,024 bits', async () => {
  const weak = new SigningKey('RS256', { modulusLength: 1024 });
  const { accessToken } = await kit.issuer.signIn('user-1', { dpop: bareJwk(weak) });
  target = { ...target, key: weak, accessToken };
  await expectRefusedForFree(proofOf(target));
});

it('A proof by a key that another token is bound to is refused, also after that token was used', async () => {
  const other = new SigningKey();
  const { accessToken } = await kit.issuer.signIn('user-2', { dpop: bareJwk(other) });
  const theirs = { ...target, key: other, accessToken };
  for (let round = 0; round < 2; round += 1) {
    await expectRefusedForFree(
      proofOf({ ...target, key: other }, {}, { jwk: bareJwk(other), alg: other.alg }),
    );
    const own = request(app).get('/me').set('Authorization', `DPoP ${accessToken}`);
    expect((await own.set('DPoP', proofOf(theirs))).status).toBe(200);
    expect((await send(proofOf(target))).status).toBe(200);
  }
});
