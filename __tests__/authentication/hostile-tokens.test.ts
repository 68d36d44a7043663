/**
 * Tokens that attack verifiers. Each is accepted by somebody, which is shown first, and refused here.
 */
import { customAuthentication } from 'express-wallet-session';
import request, { type Response } from 'supertest';
import { expectProblem } from '../support/expect-problem.js';
import { Attacker } from './hostile/foreign-keys.js';
import { hostileTokens } from './hostile/hostile-tokens.js';
import { JwksServer } from '../support/jwks-server.js';
import { accessTokenClaims, AUDIENCE, ISSUER, SigningKey } from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';

const ec = new SigningKey('ES256');
const rsa = new SigningKey('RS256');
const claims = accessTokenClaims(Date.now());
const jwks = await JwksServer.start(ec, rsa);
const attacker = await Attacker.start(ec.kid);
const attacks = await hostileTokens({ ec, rsa, claims }, attacker);

const app = walletApi({
  authentication: customAuthentication({
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksUri: jwks.uri,
  }),
});
const get = (token: string): Promise<Response> =>
  request(app).get('/me').auth(token, { type: 'bearer' });

afterAll(() => Promise.all([jwks.close(), attacker.close()]));

describe('A good token', () => {
  it.each([
    ['ES256', ec],
    ['RS256', rsa],
  ])('passes, signed with %s', async (_alg, key) => {
    const { status, body } = (await get(key.token(claims))) as { status: number; body: unknown };
    expect([status, body]).toMatchObject([200, { userId: 'victim' }]);
  });
});

describe.each(Object.entries(attacks))('An attack by way of %s is refused', (_way, tokens) => {
  it.each(tokens.map((token) => [token.attack, token] as const))('%s', async (_attack, hostile) => {
    expect(await hostile.acceptedBy(hostile.token)).toMatchObject({ sub: 'victim' });
    const fetches = attacker.fetches;

    const response = await get(hostile.token);

    expectProblem(
      response,
      'token_invalid',
      hostile.hasUnknownKid === true
        ? {
            action: 'refresh_token',
            detail: 'The access token was signed with a key that is not in use; refresh it.',
          }
        : {},
    );
    // Nobody asked the attacker for keys.
    expect(attacker.fetches).toBe(fetches);
  });
});
