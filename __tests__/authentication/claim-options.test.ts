/**
 * The options about claims: the app's own rule, the claim of the audience, tokens without a session
 * id, and the reasons that an app finds in its log.
 */
import {
  cdpAuthentication,
  createSessions,
  customAuthentication,
  type CustomAuthenticationOptions,
  type SessionError,
} from 'express-wallet-session';
import { createTestClock } from 'express-wallet-session/testing';
import request from 'supertest';
import { expectProblem, type Answered } from '../support/expect-problem.js';
import { expectLogoutRefused, logOut, logoutAudience } from '../support/logout.js';
import {
  accessTokenClaims,
  AUDIENCE,
  ISSUER,
  keySetOf,
  SigningKey,
} from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';

type Members = Readonly<Record<string, unknown>>;

const key = new SigningKey('ES256');
const jwks = keySetOf(key);
const clock = createTestClock();
const NOW = clock() / 1000;

function custom(options: Partial<CustomAuthenticationOptions> = {}) {
  return customAuthentication({
    ...{ issuer: ISSUER, audience: AUDIENCE, jwks },
    ...options,
  } as CustomAuthenticationOptions);
}

function tokenOf(claims: Members): string {
  return key.token(accessTokenClaims(clock(), claims));
}

async function present(
  claims: Members,
  options: Partial<CustomAuthenticationOptions> = {},
): Promise<Answered> {
  const app = walletApi({ authentication: custom(options), clock });
  return request(app).get('/me').auth(tokenOf(claims), { type: 'bearer' });
}

describe('`checkClaims`', () => {
  it('sees the verified claims, frozen, once for each token', async () => {
    const seen: unknown[] = [];
    const authentication = custom({
      checkClaims: (claims) => {
        seen.push([claims.sub, Object.isFrozen(claims)]);
        return true;
      },
    });
    const app = walletApi({ authentication, clock });
    const token = tokenOf({ sub: 'user-1' });
    for (let times = 0; times < 3; times += 1) {
      await request(app).get('/me').auth(token, { type: 'bearer' }).expect(200);
    }
    expect(seen).toEqual([['user-1', true]]);
  });

  it.each<[string, unknown]>([
    ['false', false],
    ['undefined', undefined],
    ['1', 1],
    ["'true'", 'true'],
    ['a promise of true', Promise.resolve(true)],
    ['a promise that rejects', Promise.reject(new Error('rejected'))],
  ])('refuses the token if it returns %s', async (_name, answer) => {
    const checkClaims = (): boolean => answer as boolean;
    expectProblem(await present({}, { checkClaims }), 'token_invalid');
  });

  it('refuses the token if it throws, and the error is the cause', async () => {
    const thrown = new Error('no such tenant');
    const sessions = createSessions({
      authentication: custom({
        checkClaims: () => {
          throw thrown;
        },
      }),
      clock,
    });
    const refusal = await sessions
      .authenticate({ headers: { authorization: `Bearer ${tokenOf({})}` } })
      .catch((error: unknown) => error as SessionError);
    expect(refusal).toMatchObject({ errorType: 'token_invalid', action: 'sign_in' });
    expect((refusal as SessionError).cause).toBe(thrown);
  });

  it.each([
    ['undefined', undefined],
    ['a string', 'no such tenant'],
    ['null', null],
  ])('refuses the token if it throws %s', async (_name, thrown: unknown) => {
    const checkClaims = (): never => {
      throw thrown;
    };
    const sessions = createSessions({ authentication: custom({ checkClaims }), clock });
    const refusal = await sessions.authenticateToken(tokenOf({})).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ errorType: 'token_invalid', action: 'sign_in' });
    expect((refusal as SessionError).cause).toBeInstanceOf(Error);
  });

  it('is not asked about a token with a bad signature', async () => {
    let asked = 0;
    const forger = new SigningKey('ES256', { kid: key.kid ?? '' });
    const app = walletApi({ authentication: custom({ checkClaims: () => ++asked > 0 }), clock });
    const token = forger.token(accessTokenClaims(clock(), {}));
    expectProblem(await request(app).get('/me').auth(token, { type: 'bearer' }), 'token_invalid');
    expect(asked).toBe(0);
  });

  it('is asked after CDP has validated the token', async () => {
    const order: string[] = [];
    const sessions = createSessions({
      authentication: cdpAuthentication({
        projectId: 'project-1',
        validateAccessToken: () => {
          order.push('validateAccessToken');
          return Promise.resolve({ userId: 'user-1' });
        },
        checkClaims: () => {
          order.push('checkClaims');
          return false;
        },
      }),
      clock,
    });
    const claims = { iss: 'cdp-api', aud: 'cdp-api', project_id: 'project-1' };
    await expect(sessions.authenticateToken(tokenOf(claims))).rejects.toMatchObject({
      errorType: 'token_invalid',
    });
    expect(order).toEqual(['validateAccessToken', 'checkClaims']);
  });

  it('is not asked about a logout token', async () => {
    const app = walletApi(
      { authentication: custom({ checkClaims: () => false }), clock },
      { logoutAudience },
    );
    const claims: Members = {
      ...{ iss: ISSUER, aud: logoutAudience, iat: NOW, jti: 'logout-1', sub: 'user-1' },
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    };
    const logoutToken = key.token(claims, { typ: 'logout+jwt' });
    expect((await logOut(app, logoutToken)).status).toBe(200);
  });
});

describe('`audienceClaim`', () => {
  it('names the claim that the audience is compared with', async () => {
    const options = { audienceClaim: 'client_id', audience: 'client-1' };
    expect((await present({ aud: undefined, client_id: 'client-1' }, options)).status).toBe(200);
    expectProblem(await present({ aud: 'client-1' }, options), 'token_invalid');
    expectProblem(await present({ client_id: 'client-2' }, options), 'token_invalid');
  });
});

describe('`sessionIdClaim: null`', () => {
  const withoutSessionId = { sessionIdClaim: null };

  function logoutToken(claims: Members): string {
    return key.token(
      {
        ...{ iss: ISSUER, aud: logoutAudience, iat: clock() / 1000, jti: 'logout-1' },
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        ...claims,
      },
      { typ: 'logout+jwt' },
    );
  }

  it('gives sessions without an id, even if the tokens carry `sid`', async () => {
    const answer = await present({ sid: 'session-1' }, withoutSessionId);
    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty('sessionId');
    expect((await present({ sid: 5 }, withoutSessionId)).status).toBe(200);
  });

  it('lets a logout token with `sid` and `sub` end all sessions of the user', async () => {
    const app = walletApi({ authentication: custom(withoutSessionId), clock }, { logoutAudience });
    const token = tokenOf({ sub: 'user-1' });
    const other = tokenOf({ sub: 'user-2' });
    expect((await logOut(app, logoutToken({ sid: 'sid-1', sub: 'user-1' }))).status).toBe(200);
    expectProblem(await request(app).get('/me').auth(token, { type: 'bearer' }), 'session_revoked');
    await request(app).get('/me').auth(other, { type: 'bearer' }).expect(200);
  });

  it('refuses a logout token with `sid` alone', async () => {
    const app = walletApi({ authentication: custom(withoutSessionId), clock }, { logoutAudience });
    expectLogoutRefused(await logOut(app, logoutToken({ sid: 'sid-1' })));
  });
});

describe('An `auth_time` of 0', () => {
  it('counts as absent', async () => {
    const answer = await present({ auth_time: 0 });
    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty('startedAt');
  });
});

describe('A token that is bound to a key', () => {
  const jkt = 'a'.repeat(43);

  it('is refused as a bearer token', async () => {
    const { status, body, headers } = await present({ cnf: { jkt } });
    expect([status, body]).toMatchObject([401, { errorType: 'dpop_proof_invalid' }]);
    expect(headers['www-authenticate']).toMatch(/^DPoP error="invalid_dpop_proof", algs=".+"$/);
  });

  it.each<[string, unknown]>([
    ['a certificate', { 'x5t#S256': jkt }],
    ['a key and a certificate', { jkt, 'x5t#S256': jkt }],
    ['a key id', { kid: 'key-1' }],
    ['a thumbprint of another length', { jkt: 'short' }],
    ['a thumbprint that is a number', { jkt: 5 }],
    ['null', null],
    ['a string', jkt],
    ['an array', [{ jkt }]],
  ])('is token_invalid if it is bound to %s', async (_name, cnf) => {
    expectProblem(await present({ cnf }), 'token_invalid');
  });

  it('is accepted if a gateway in front has checked', async () => {
    expect((await present({ cnf: { jkt } }, { dpop: 'ignore' })).status).toBe(200);
    expect((await present({ cnf: { 'x5t#S256': jkt } }, { dpop: 'ignore' })).status).toBe(200);
  });

  it('is accepted of CDP, which publishes nothing of bound tokens', async () => {
    const authentication = cdpAuthentication({ projectId: 'project-1', jwks });
    const app = walletApi({ authentication, clock });
    const claims = { iss: 'cdp-api', aud: 'cdp-api', project_id: 'project-1', cnf: { jkt } };
    await request(app).get('/me').auth(tokenOf(claims), { type: 'bearer' }).expect(200);
  });
});

describe('The cause of a refusal', () => {
  async function causeOf(claims: Members, header: Members = {}): Promise<string | undefined> {
    const sessions = createSessions({ authentication: custom(), clock });
    const token = key.token(accessTokenClaims(clock(), claims), header);
    const refusal: unknown = await sessions
      .authenticateToken(token)
      .catch((error: unknown) => error);
    return (refusal as SessionError).cause?.message;
  }

  it.each<[string, Members, string]>([
    [
      'a trailing slash of the issuer',
      { iss: ISSUER.slice(0, -1) },
      `\`iss\` is expected to be ${ISSUER}, not another string: it does not end with a slash, and the expected one does`,
    ],
    [
      'a missing https',
      { iss: ISSUER.replace('https://', '') },
      `\`iss\` is expected to be ${ISSUER}, not another string: it does not begin with https://`,
    ],
    [
      'an issuer that is the audience',
      { iss: 'https://secret.example', aud: ISSUER },
      `\`iss\` is expected to be ${ISSUER}, not another string: the expected issuer is the audience of this token`,
    ],
    [
      'a slash of an issuer that is the audience too',
      { iss: ISSUER.slice(0, -1), aud: ISSUER },
      `\`iss\` is expected to be ${ISSUER}, not another string: it does not end with a slash, and the expected one does`,
    ],
    [
      'an audience that is the issuer',
      { aud: ISSUER },
      `\`aud\` is expected to hold ${AUDIENCE}, not another string: it is the issuer`,
    ],
    [
      'an absent audience',
      { aud: undefined },
      '`aud` is expected to be a non-empty string or an array of these, not nothing',
    ],
    [
      'a time in milliseconds',
      { iat: NOW + 60 },
      '`iat` is 60 s ahead of this clock; 5 s are allowed',
    ],
    [
      'an end that is over',
      { exp: NOW - 600, iat: NOW - 900 },
      '`exp` ended 600 s ago by this clock',
    ],
    [
      'a session id that is a number',
      { sid: 12_345 },
      '`sid` is expected to be a non-empty string, not a number',
    ],
  ])('names %s', async (_name, claims, cause) => {
    expect(await causeOf(claims)).toBe(cause);
  });

  it('names the expected `typ`', async () => {
    expect(await causeOf({}, { typ: 'dpop+jwt' })).toBe(
      '`typ` is expected to be absent, JWT or at+jwt, not another string',
    );
  });
});
