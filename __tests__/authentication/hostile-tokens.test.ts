/**
 * Tokens that attack verifiers. A lax verifier accepts each of them first, and the library refuses
 * it.
 */
import { expectProblem, UNKNOWN_KEY } from '../support/expect-problem.js';
import { Attacker } from './hostile/foreign-keys.js';
import { hostileTokens } from './hostile/hostile-tokens.js';
import { JwksServer } from '../support/jwks-server.js';
import { accessTokenClaims, SigningKey, authenticationOf } from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';
import { getMe } from '../support/wallet-client.js';

const ec = new SigningKey('ES256');
const rsa = new SigningKey('RS256');
const claims = accessTokenClaims(Date.now());
const jwks = await JwksServer.start(ec, rsa);
const attacker = await Attacker.start(ec.kid);
const attacks = await hostileTokens({ ec, rsa, claims }, attacker);

const app = walletApi({
  authentication: authenticationOf({ jwksUri: jwks.uri }),
});
afterAll(() => Promise.all([jwks.close(), attacker.close()]));

describe('A good token', () => {
  it.each([
    ['ES256', ec],
    ['RS256', rsa],
  ])('passes, signed with %s', async (_alg, key) => {
    const { status, body } = (await getMe(app, key.token(claims))) as {
      status: number;
      body: unknown;
    };
    expect([status, body]).toMatchObject([200, { userId: 'victim' }]);
  });
});

describe.each(Object.entries(attacks))('An attack through %s is refused', (_way, tokens) => {
  it.each(tokens.map((token) => [token.attack, token] as const))('%s', async (_attack, hostile) => {
    expect(await hostile.acceptedBy(hostile.token)).toMatchObject({ sub: 'victim' });
    const fetches = attacker.fetches;

    const response = await getMe(app, hostile.token);

    expectProblem(response, 'token_invalid', hostile.hasUnknownKid === true ? UNKNOWN_KEY : {});
    // The library must not fetch keys from the attacker.
    expect(attacker.fetches).toBe(fetches);
  });
});
