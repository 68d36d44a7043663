/**
 * The claims that an access token must have. Every token here is signed by its issuer: a good
 * signature alone proves little.
 */
import {
  cdpAuthentication,
  type CdpAuthenticationOptions,
  type CustomAuthenticationOptions,
  type SessionOptions,
} from 'express-wallet-session';
import { createTestClock } from 'express-wallet-session/testing';
import { expectProblem, type Answered } from '../support/expect-problem.js';
import { verifiesLeniently } from './hostile/lax-verifiers.js';
import {
  accessTokenClaims,
  AUDIENCE,
  ISSUER,
  keySetOf,
  SigningKey,
  authenticationOf,
} from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';
import { getMe } from '../support/wallet-client.js';

type Members = Readonly<Record<string, unknown>>;

const key = new SigningKey('ES256');
const jwks = keySetOf(key);
const clock = createTestClock();
const NOW = clock() / 1000;
const TOLERANCE = 5;

const isSigned = verifiesLeniently(key.publicKey, 'ieee-p1363');

/** The answer to a token with these claims; `undefined` leaves one out. */
async function present(
  claims: Members,
  {
    authentication = {},
    header = {},
    ...options
  }: Omit<SessionOptions, 'authentication'> & {
    authentication?: Partial<CustomAuthenticationOptions>;
    header?: Members;
  } = {},
): Promise<Answered> {
  const token = key.token(accessTokenClaims(clock(), claims), header);
  await expect(isSigned(token)).resolves.toBeDefined();
  const app = walletApi({
    authentication: authenticationOf({ jwks, ...authentication }),
    clock,
    ...options,
  });
  return getMe(app, token);
}

/** Names each row by its JSON, with `undefined` and infinity spelt out. */
function named<T>(rows: readonly T[]): (readonly [string, T])[] {
  return rows.map((row) => [
    JSON.stringify(row, (_key, value: unknown) => value ?? String(value)),
    row,
  ]);
}

describe('A claim of the wrong kind makes a token invalid', () => {
  const notStrings = [null, 5, true, [], ['victim'], {}, '', ' ', '\t'];
  const notTimes = [null, '5', String(NOW), true, [], [NOW], {}, 8.64e12 + 1, -8.64e12 - 1];
  const wrong: readonly Members[] = [
    ...['sub', 'sid', 'jti'].flatMap((name) => notStrings.map((value) => ({ [name]: value }))),
    ...['exp', 'iat', 'nbf', 'auth_time'].flatMap((name) =>
      notTimes.map((value) => ({ [name]: value })),
    ),
    ...[
      null,
      5,
      true,
      {},
      '',
      [],
      [5],
      [AUDIENCE, 5],
      [AUDIENCE, null],
      [[AUDIENCE]],
      [AUDIENCE, ''],
    ].map((aud) => ({ aud })),
    ...[null, 5, true, {}, [], [ISSUER], ''].map((iss) => ({ iss })),
  ];

  it.each(named(wrong))('%s', async (_name, claims) => {
    expectProblem(await present(claims), 'token_invalid');
  });

  it.each(['exp', 'iat', 'nbf', 'auth_time'])('%s that is infinite', async (name) => {
    const json = JSON.stringify(accessTokenClaims(clock(), { [name]: 'TIME' }));
    for (const infinite of ['1e999', '-1e999']) {
      const token = key.token(json.replace('"TIME"', infinite));
      const app = walletApi({
        authentication: authenticationOf({ jwks }),
        clock,
      });
      expectProblem(await getMe(app, token), 'token_invalid');
    }
  });

  it.each(named([{ aud: 5 }, { aud: {} }, { aud: null }, { aud: [AUDIENCE, 5] }]))(
    '%s, where no audience is checked',
    async (_name, claims) => {
      expectProblem(await present(claims, { authentication: { audience: null } }), 'token_invalid');
    },
  );
});

describe('A claim of another value makes a token invalid', () => {
  it.each(
    named([
      { iss: 'https://issuer.example' },
      { iss: 'https://issuer.example//' },
      { iss: 'https://ISSUER.example/' },
      { iss: `${ISSUER} ` },
      { iss: 'https://other.example/' },
      { iss: '__proto__' },
      { aud: 'https://other.example' },
      { aud: `${AUDIENCE}/` },
      { aud: AUDIENCE.toUpperCase() },
      { aud: `${AUDIENCE} https://other.example` },
      { aud: ['https://other.example', 'client-1'] },
      { nbf: NOW + TOLERANCE + 1 },
      { iat: NOW + TOLERANCE + 1 },
      { auth_time: NOW + TOLERANCE + 1 },
    ]),
  )('%s', async (_name, claims) => {
    expectProblem(await present(claims), 'token_invalid');
  });
});

describe('A missing claim makes a token invalid', () => {
  it.each(['iss', 'aud', 'exp', 'iat', 'sub'])('%s', async (name) => {
    expectProblem(await present({ [name]: undefined }), 'token_invalid');
  });

  it('also the claim of `userIdClaim`', async () => {
    const authentication = { userIdClaim: 'https://example.com/user' };
    expectProblem(await present({}, { authentication }), 'token_invalid');
    for (const value of [5, '', ' ', null, ['victim']]) {
      const claims = { 'https://example.com/user': value };
      expectProblem(await present(claims, { authentication }), 'token_invalid');
    }
    expect(
      await present({ 'https://example.com/user': 'user-1', sub: undefined }, { authentication }),
    ).toMatchObject({ status: 200, body: { userId: 'user-1' } });
  });

  it('also a non-string `sub` beside `userIdClaim`', async () => {
    const authentication = { userIdClaim: 'uid' };
    expect((await present({ uid: 'user-1' }, { authentication })).status).toBe(200);
    expectProblem(await present({ uid: 'user-1', sub: 5 }, { authentication }), 'token_invalid');
  });

  it('also a `userIdClaim` that objects inherit', async () => {
    for (const userIdClaim of ['constructor', 'toString', '__proto__']) {
      expectProblem(await present({}, { authentication: { userIdClaim } }), 'token_invalid');
    }
  });
});

describe('A good token', () => {
  it.each(
    named([
      { aud: [AUDIENCE] },
      { aud: ['https://other.example', AUDIENCE] },
      { iat: NOW - 0.25, exp: NOW + 0.5, nbf: NOW - 0.125, auth_time: NOW - 3600.75 },
      { nbf: NOW + TOLERANCE, iat: NOW + TOLERANCE, auth_time: NOW + TOLERANCE },
      { exp: 8.64e12 },
      { nbf: 0 },
      { nbf: -1 },
      { jti: undefined, sid: undefined, auth_time: undefined },
      { sub: ' padded ', scope: null, events_: {}, roles: [1, { a: null }], ünïcödé: '👛' },
      { crit: ['exp'], b64: false, alg: 'none', kid: 'x', jwk: {} },
    ]),
  )('may carry %s', async (_name, claims) => {
    expect((await present(claims)).status).toBe(200);
  });

  it.each([undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt'])(
    'may be of typ %s',
    async (typ) => {
      expect((await present({}, { header: { typ } })).status).toBe(200);
    },
  );

  it.each([
    ['at+jwt', 'at+jwt', 200],
    ['at+jwt', 'application/at+jwt', 200],
    ['at+jwt', 'AT+JWT', 200],
    ['at+jwt', 'JWT', 401],
    ['at+jwt', undefined, 401],
    ['application/x+jwt', 'x+jwt', 200],
    ['application/x+jwt', 'at+jwt', 401],
  ])('with `typ: %s` demanded and typ %s given is answered %i', async (typ, given, status) => {
    const answer = await present({}, { header: { typ: given }, authentication: { typ } });
    expect(answer.status).toBe(status);
  });

  it('becomes a session with the times of the token', async () => {
    const claims = { iat: NOW - 60, exp: NOW + 600.5, auth_time: NOW - 3600, jti: 'token-1' };
    expect((await present(claims)).body).toEqual({
      authentication: 'custom',
      issuer: ISSUER,
      userId: 'victim',
      sessionId: 'session-1',
      tokenId: 'token-1',
      issuedAt: new Date((NOW - 60) * 1000).toISOString(),
      expiresAt: new Date((NOW + 600.5) * 1000).toISOString(),
      startedAt: new Date((NOW - 3600) * 1000).toISOString(),
      endsAt: new Date((NOW - 3600 + 604_800) * 1000).toISOString(),
      mfa: { scope: 'user' },
    });
  });

  it('needs no audience with `audience: null`', async () => {
    const authentication = { audience: null };
    for (const aud of [undefined, 'anybody', ['anybody', 'else'], [], '']) {
      expect((await present({ aud }, { authentication })).status).toBe(200);
    }
  });

  it('carries its session id in the claim of `sessionIdClaim`', async () => {
    const authentication = { sessionIdClaim: 'https://example.com/session' };
    const claims = { 'https://example.com/session': 'session-2', sid: 5 };
    expect((await present(claims, { authentication })).body).toMatchObject({
      sessionId: 'session-2',
    });
  });
});

describe('exp', () => {
  it.each([
    [0, 200],
    [TOLERANCE - 0.001, 200],
    [TOLERANCE, 401],
    [TOLERANCE + 3600, 401],
  ])('%d s ago, with a tolerance of 5 s, is answered %i', async (seconds, status) => {
    const answer = await present({ exp: NOW - seconds, iat: NOW - 7200 });
    if (status === 200) expect(answer.status).toBe(200);
    else expectProblem(answer, 'token_expired');
  });

  it('is compared with `clockToleranceSeconds`', async () => {
    const claims = { exp: NOW - 59, iat: NOW - 900 };
    expect((await present(claims, { clockToleranceSeconds: 60 })).status).toBe(200);
    expectProblem(await present({ exp: NOW }, { clockToleranceSeconds: 0 }), 'token_expired');
    expectProblem(await present({ iat: NOW + 1 }, { clockToleranceSeconds: 0 }), 'token_invalid');
    expectProblem(await present({ nbf: NOW + 1 }, { clockToleranceSeconds: 0 }), 'token_invalid');
  });

  it('in the past is reported only if the signature is good', async () => {
    const forger = new SigningKey('ES256', { kid: key.kid ?? '' });
    const token = forger.token(accessTokenClaims(clock(), { exp: NOW - 3600, iat: NOW - 7200 }));
    const app = walletApi({
      authentication: authenticationOf({ jwks }),
      clock,
    });
    expectProblem(await getMe(app, token), 'token_invalid');
  });
});

describe('The end of a session', () => {
  const WEEK = 604_800;

  it.each([
    ['auth_time', { auth_time: NOW - WEEK + 1 }, 200],
    ['auth_time', { auth_time: NOW - WEEK }, 401],
    ['auth_time, however old the token', { auth_time: NOW - WEEK, iat: NOW }, 401],
    ['iat without auth_time', { auth_time: undefined, iat: NOW - WEEK + 1 }, 200],
    ['iat without auth_time', { auth_time: undefined, iat: NOW - WEEK - 1 }, 401],
    ['auth_time, and not iat', { auth_time: NOW - 1, iat: NOW - WEEK - 1 }, 200],
    ['auth_time of an expired token', { auth_time: NOW - WEEK, exp: NOW - 60 }, 401],
  ])('counts from %s: %o: %i', async (_from, claims, status) => {
    const answer = await present(claims);
    if (status === 200) expect(answer.status).toBe(200);
    else expectProblem(answer, 'session_expired');
  });

  it('is `maxSessionSeconds` after the start', async () => {
    const options = { maxSessionSeconds: 3600 };
    const answer = await present({ auth_time: NOW - 3599 }, options);
    expect(answer).toMatchObject({
      status: 200,
      body: { endsAt: new Date((NOW + 1) * 1000).toISOString() },
      headers: { 'session-ends-in': '1' },
    });
    expectProblem(await present({ auth_time: NOW - 3600 }, options), 'session_expired');
  });

  it('must be a time that a Date can hold', async () => {
    expectProblem(await present({ auth_time: 8.64e12 - 1 }), 'token_invalid');
    expectProblem(await present({ auth_time: -8.64e12 }), 'session_expired');
  });

  it('is unknown without auth_time', async () => {
    const { body, headers } = await present({ auth_time: undefined });
    expect(body).not.toHaveProperty('startedAt');
    expect(body).not.toHaveProperty('endsAt');
    expect(headers).not.toHaveProperty('session-ends-in');
  });
});

describe('A token of CDP', () => {
  const cdpKey = key;
  const cdpClaims: Members = {
    iss: 'cdp-api',
    aud: 'cdp-api',
    project_id: 'project-1',
    auth_type: 'email',
    sid: undefined,
    auth_time: undefined,
  };

  async function presentToCdp(
    claims: Members,
    options: Partial<CdpAuthenticationOptions> = {},
    signer = cdpKey,
  ): Promise<Answered> {
    const app = walletApi({
      authentication: cdpAuthentication({
        ...{ projectId: 'project-1', jwks },
        ...options,
      } as CdpAuthenticationOptions),
      clock,
    });
    const token = signer.token(accessTokenClaims(clock(), { ...cdpClaims, ...claims }));
    return getMe(app, token);
  }

  it('of this project becomes a session', async () => {
    expect(await presentToCdp({})).toMatchObject({
      status: 200,
      body: {
        authentication: 'cdp',
        issuer: 'cdp-api',
        userId: 'victim',
        mfa: { scope: 'client' },
      },
    });
  });

  it.each(
    named([
      { project_id: undefined },
      { project_id: 'project-2' },
      { project_id: 'PROJECT-1' },
      { project_id: ['project-1'] },
      { project_id: null },
      { project_id: '' },
      { iss: 'not-cdp-api' },
      { aud: 'not-cdp-api' },
    ]),
  )('with %s is invalid, although CDP signed it', async (_name, claims) => {
    expectProblem(await presentToCdp(claims), 'token_invalid');
  });

  it('must be signed with ES256 by default', async () => {
    const rsa = new SigningKey('RS256');
    const keys = keySetOf(key, rsa);
    expectProblem(await presentToCdp({}, { jwks: keys }, rsa), 'token_invalid');
    expect((await presentToCdp({}, { jwks: keys, algorithms: ['RS256'] }, rsa)).status).toBe(200);
    expectProblem(await presentToCdp({}, { jwks: keys, algorithms: ['RS256'] }), 'token_invalid');
  });

  it('has the hash of its signing input as tokenId if it has no `jti`', async () => {
    const { body } = await presentToCdp({ jti: undefined });
    expect(body).toMatchObject({ tokenId: expect.stringMatching(/^[\w-]{43}$/) as string });
  });
});
