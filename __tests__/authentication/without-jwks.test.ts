/**
 * CDP tokens without a JWKS: CDP validates them through a function in the shape of its SDK.
 */
import {
  cdpAuthentication,
  createSessions,
  type SessionError,
  type SessionOptions,
} from 'express-wallet-session';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import type { Test } from 'supertest';
import { ApiError, CdpEndpoint } from './cdp-endpoint.js';
import { eventually } from '../support/eventually.js';
import { expectProblem, type Answered } from '../support/expect-problem.js';
import { accessTokenClaims, SigningKey } from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';
import { expectTransferred, previously, WalletClient, getMe } from '../support/wallet-client.js';

type Members = Readonly<Record<string, unknown>>;
type Validate = (input: { accessToken: string }) => Promise<{ userId: string }>;

const PROJECT = 'project-1';
const key = new SigningKey();

let clock: TestClock;
let cdp: CdpEndpoint;

beforeEach(async () => {
  clock = createTestClock();
  cdp = await new CdpEndpoint(key, clock).open();
});
afterEach(() => cdp.close());

function options(more: SessionOptions = {}, apiKey = cdp.apiKey): SessionOptions {
  const client = cdp.client(apiKey);
  return withFunction((input) => client.endUser.validateAccessToken(input), more);
}

function withFunction(validateAccessToken: Validate, more: SessionOptions = {}): SessionOptions {
  const authentication = cdpAuthentication({ projectId: PROJECT, validateAccessToken });
  return { authentication, clock, ...more };
}

function rejectingWith(reason: unknown): Validate {
  return () =>
    Promise.resolve().then(() => {
      throw reason as Error;
    });
}

function token(claims: Members = {}, header: Members = {}, signer = key): string {
  return signer.token(
    accessTokenClaims(clock(), {
      iss: 'cdp-api',
      aud: 'cdp-api',
      project_id: PROJECT,
      auth_type: 'email',
      sub: 'sub-of-alice',
      sid: undefined,
      auth_time: undefined,
      ...claims,
    }),
    header,
  );
}

async function expectAlice(test: Test): Promise<void> {
  const answer: Answered = await test;
  expect(answer).toMatchObject({ status: 200, body: { userId: 'alice', issuer: 'cdp-api' } });
}

describe('A token that CDP accepts', () => {
  it('becomes a session of the user that CDP names', async () => {
    const accessToken = token({ jti: 'token-1' });
    const { body } = (await getMe(walletApi(options()), accessToken)) as Answered;
    expect(body).toEqual({
      authentication: 'cdp',
      issuer: 'cdp-api',
      userId: 'alice',
      tokenId: 'token-1',
      issuedAt: new Date(clock()).toISOString(),
      expiresAt: new Date(clock() + 900_000).toISOString(),
      mfa: { scope: 'client' },
    });
  });

  it('is sent to CDP unchanged and alone', async () => {
    const inputs: unknown[] = [];
    const app = walletApi(
      withFunction((input) => {
        inputs.push(input);
        return Promise.resolve({ userId: 'alice' });
      }),
    );
    const accessToken = token();
    await expectAlice(getMe(app, accessToken));
    expect(inputs).toEqual([{ accessToken }]);
  });

  it('needs no `sub`', async () => {
    const app = walletApi(withFunction(() => Promise.resolve({ userId: 'alice' })));
    await expectAlice(getMe(app, token({ sub: undefined })));
  });
});

describe('A token that cannot be one of this project', () => {
  const forger = new SigningKey();
  const junk: readonly (readonly [string, () => string])[] = [
    ['is no token', () => 'junk'],
    ['is three parts of anything', () => 'a.b.c'],
    ['is too long', () => token({ pad: 'x'.repeat(8192) })],
    ['is unsigned', () => token({}, { alg: 'none' })],
    ['is signed in another way', () => token({}, { alg: 'HS256' })],
    ['is another kind of token', () => token({}, { typ: 'logout+jwt' })],
    ['is a logout token', () => token({ events: {} })],
    ['demands what nobody here understands', () => token({}, { crit: ['exp'] })],
    ['has another issuer', () => token({ iss: 'https://issuer.example/' })],
    ['has another audience', () => token({ aud: 'other' })],
    ['is of another project', () => token({ project_id: 'project-2' })],
    ['is of no project', () => token({ project_id: undefined })],
    ['has no exp', () => token({ exp: undefined })],
    ['has no iat', () => token({ iat: undefined })],
    ['has an exp that is no time', () => token({ exp: '2030' })],
    ['is issued in the future', () => token({ iat: clock() / 1000 + 60 })],
    ['has a jti that is no string', () => token({ jti: 5 })],
    [
      'is signed by somebody else for another project',
      () => token({ project_id: 'x' }, {}, forger),
    ],
  ];

  it.each(junk)('that %s causes no call', async (_what, make) => {
    expectProblem(await getMe(walletApi(options()), make()), 'token_invalid');
    expect(cdp.calls).toBe(0);
  });
});

describe('A token whose exp has passed', () => {
  it('is token_expired, without a call', async () => {
    const app = walletApi(options());
    for (const seconds of [5, 60, 3600]) {
      const expired = token({ iat: clock() / 1000 - 7200, exp: clock() / 1000 - seconds });
      expectProblem(await getMe(app, expired), 'token_expired');
    }
    expect(cdp.calls).toBe(0);
  });

  it('within the tolerance is token_expired if CDP refuses it', async () => {
    const app = walletApi(options());
    expectProblem(await getMe(app, token({ exp: clock() / 1000 - 3 })), 'token_expired');
    // The clock of CDP may be ahead of ours.
    cdp.answerWith(401, { errorType: 'unauthorized' });
    expectProblem(await getMe(app, token({ exp: clock() / 1000 + 3 })), 'token_expired');
    expectProblem(await getMe(app, token({ exp: clock() / 1000 + 6 })), 'token_invalid');
  });

  it('within the tolerance passes if CDP accepts it', async () => {
    const app = walletApi(withFunction(() => Promise.resolve({ userId: 'alice' })));
    await expectAlice(getMe(app, token({ exp: clock() / 1000 - 4.9 })));
  });
});

describe('A token that CDP refuses', () => {
  it.each([
    ['forged', token.bind(undefined, {}, {}, new SigningKey())],
    ['of a user who is gone', (): string => token({ sub: 'sub-of-nobody' })],
  ])('because it is %s is token_invalid, and CDP is asked each time', async (_why, make) => {
    const app = walletApi(options());
    const refused = make();
    expectProblem(await getMe(app, refused), 'token_invalid');
    expectProblem(await getMe(app, refused), 'token_invalid');
    expect(cdp.calls).toBe(2);
    await expectAlice(getMe(app, token()));
  });

  it.each([
    [new ApiError(400, 'invalid_request', 'Missing access token.')],
    [new ApiError(401, 'unauthorized', 'invalid or expired')],
    [new ApiError(404, 'not_found', 'End user not found.')],
    [Object.assign(new Error('401'), { status: 401 })],
    [{ statusCode: 404 }],
  ])('with the error %p is token_invalid', async (error) => {
    const app = walletApi(withFunction(rejectingWith(error)));
    expectProblem(await getMe(app, token()), 'token_invalid');
  });

  it('may be good if the API key is bad, which only the cause names', async () => {
    const errors: SessionError[] = [];
    const app = walletApi(
      options(
        {
          onError: (error, _req, res) => {
            errors.push(error);
            res.end(JSON.stringify(error.toProblem()));
          },
        },
        'bad API key',
      ),
    );
    const { text } = await getMe(app, token());
    expect(errors).toMatchObject([
      {
        errorType: 'token_invalid',
        cause: {
          message: expect.stringContaining('check the CDP API key') as string,
          cause: { statusCode: 401, errorType: 'unauthorized' },
        },
      },
    ]);
    expect(text).not.toMatch(/API key|unauthorized|authenticated/);
  });
});

describe('When CDP does not decide,', () => {
  it.each([402, 403, 405, 408, 409, 429, 500, 502, 503, 504])(
    'an answer of %i signs no user out',
    async (status) => {
      cdp.answerWith(status);
      expectProblem(await getMe(walletApi(options()), token()), 'verification_unavailable');
    },
  );

  it('a failed connection signs no user out', async () => {
    const app = walletApi(options());
    await cdp.close();
    expectProblem(await getMe(app, token()), 'verification_unavailable');
  });

  it.each([
    [new ApiError(0, 'network_timeout', 'timed out')],
    [Object.assign(new Error('0 is what it says'), { statusCode: 0, status: 401 })],
    [Object.assign(new Error('text'), { statusCode: '401' })],
    [new TypeError('fetch failed')],
    ['401'],
    [401],
    [undefined],
    [null],
  ])('a rejection with %p signs no user out', async (reason) => {
    const app = walletApi(withFunction(rejectingWith(reason)));
    expectProblem(await getMe(app, token()), 'verification_unavailable');
    const throwing = walletApi(
      withFunction(() => {
        throw reason as Error;
      }),
    );
    expectProblem(await getMe(throwing, token()), 'verification_unavailable');
  });

  it.each([[undefined], [null], [{}], ['alice'], [['alice']], [{ userId: '' }], [{ userId: 5 }]])(
    'an answer of %j signs no user in',
    async (answer) => {
      const app = walletApi(withFunction(() => Promise.resolve(answer as { userId: string })));
      expectProblem(await getMe(app, token()), 'verification_unavailable');
    },
  );

  it('requests wait 5 s at most', async () => {
    cdp.trouble = (): void => undefined;
    const app = walletApi(options());
    const from = performance.now();
    const [one, other] = await Promise.all([getMe(app, token()), getMe(app, token())]);
    expectProblem(one, 'verification_unavailable');
    expectProblem(other, 'verification_unavailable');
    expect(performance.now() - from).toBeGreaterThan(4900);
    expect(performance.now() - from).toBeLessThan(8000);
  }, 15_000);

  it('cached tokens pass, and others are tried again 1 s later', async () => {
    const app = walletApi(options());
    const [remembered, fresh] = [token(), token()];
    await expectAlice(getMe(app, remembered));
    cdp.answerWith(500);
    await expectAlice(getMe(app, remembered));
    expectProblem(await getMe(app, fresh), 'verification_unavailable');
    cdp.trouble = undefined;
    expectProblem(await getMe(app, fresh), 'verification_unavailable');
    expect(cdp.calls).toBe(2);
    clock.advance(1);
    await expectAlice(getMe(app, fresh));
  });
});

describe('Calls of validateAccessToken()', () => {
  it('are shared by equal tokens in flight', async () => {
    const [accessToken, other] = [token(), token()];
    const held: (() => void)[] = [];
    const client = cdp.client();
    const app = walletApi(
      withFunction(async (input) => {
        await new Promise<void>((resolve) => held.push(resolve));
        return client.endUser.validateAccessToken(input);
      }),
    );
    const answers = [
      ...Array.from({ length: 20 }, () => getMe(app, accessToken)),
      ...Array.from({ length: 5 }, () => getMe(app, other)),
    ].map((test) => test.then(({ status }) => status));
    await eventually(() => {
      expect(held.length).toBe(2);
    });
    for (const letGo of held) letGo();

    expect(await Promise.all(answers)).toEqual(Array<number>(25).fill(200));
    expect(cdp.calls).toBe(2);
  });

  it('are made every 5 minutes for one token', async () => {
    const app = walletApi(options());
    const accessToken = token();
    await expectAlice(getMe(app, accessToken));
    clock.advance(299);
    await expectAlice(getMe(app, accessToken));
    expect(cdp.calls).toBe(1);
    clock.advance(1);
    await expectAlice(getMe(app, accessToken));
    expect(cdp.calls).toBe(2);
  });

  it('end with the expiry of the token, and so do their results', async () => {
    const app = walletApi(options());
    const accessToken = token({ exp: clock() / 1000 + 100 });
    await expectAlice(getMe(app, accessToken));
    clock.advance(99);
    await expectAlice(getMe(app, accessToken));
    expect(cdp.calls).toBe(1);
    clock.advance(1);
    expectProblem(await getMe(app, accessToken), 'token_expired');
    expect(cdp.calls).toBe(2);
    clock.advance(5);
    expectProblem(await getMe(app, accessToken), 'token_expired');
    expect(cdp.calls).toBe(2);
  });

  it.each([10, 600])('are made as often as tokenCache.maxAgeSeconds says: %i', async (seconds) => {
    const app = walletApi(options({ tokenCache: { maxAgeSeconds: seconds } }));
    const accessToken = token();
    await expectAlice(getMe(app, accessToken));
    clock.advance(seconds - 1);
    await expectAlice(getMe(app, accessToken));
    expect(cdp.calls).toBe(1);
    clock.advance(1);
    await expectAlice(getMe(app, accessToken));
    expect(cdp.calls).toBe(2);
  });

  it('are made for each request without a token cache', async () => {
    const app = walletApi(options({ tokenCache: { maxEntries: 0 } }));
    const accessToken = token();
    for (const calls of [1, 2, 3]) {
      await expectAlice(getMe(app, accessToken));
      expect(cdp.calls).toBe(calls);
    }
  });

  it('are not made to check sign-outs', async () => {
    const app = walletApi(options());
    const client = new WalletClient(app, token());
    expect((await client.signOut()).status).toBe(200);
    expectProblem(await client.me(), 'session_revoked');
    expect(cdp.calls).toBe(1);
  });
});

describe('A refreshed token', () => {
  it('carries the MFA session over, with one call for concurrent requests', async () => {
    const app = walletApi(options());
    const previous = token();
    await new WalletClient(app, previous).verifyMfa();
    clock.advance(280);
    const refreshed = token();
    const client = new WalletClient(app, refreshed, previously(previous));
    expectTransferred(await client.transfer());
    expect(cdp.calls).toBe(2);
  });

  it('does not wait for an unknown previous token', async () => {
    const app = walletApi(options());
    const previous = token();
    const client = new WalletClient(app, token(), previously(previous));
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.me()));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    await client.me();
    expect(cdp.calls).toBe(2);
  });

  it('carries nothing over from an expired token, without a call', async () => {
    const app = walletApi(options());
    const previous = token({ exp: clock() / 1000 + 60 });
    await new WalletClient(app, previous).verifyMfa();
    clock.advance(70);
    const client = new WalletClient(app, token(), previously(previous));
    expectProblem(await client.transfer(), 'mfa_required');
    expect(cdp.calls).toBe(2);
  });
});

describe('sessions.ready()', () => {
  it('resolves if CDP accepts the API key', async () => {
    await expect(createSessions(options()).ready()).resolves.toBeUndefined();
    expect(cdp.calls).toBe(1);
  });

  it('rejects if the API key is bad', async () => {
    await expect(createSessions(options({}, 'bad API key')).ready()).rejects.toMatchObject({
      errorType: 'verification_unavailable',
      cause: {
        message: 'validateAccessToken answered 401 without a token: check the CDP API key',
        cause: { statusCode: 401 },
      },
    });
  });

  it('rejects if CDP is down', async () => {
    const sessions = createSessions(options());
    cdp.answerWith(500);
    await expect(sessions.ready()).rejects.toMatchObject({
      errorType: 'verification_unavailable',
      cause: { statusCode: 500 },
    });
    clock.advance(1);
    await cdp.close();
    await expect(sessions.ready()).rejects.toMatchObject({
      errorType: 'verification_unavailable',
      cause: { statusCode: 0 },
    });
  });

  it.each([
    [new ApiError(404, 'not_found', 'no such route'), 'answered 404 without a token'],
    [undefined, 'accepted a request without a token'],
  ])('takes no other answer to an empty token than 400: %p', async (reason, message) => {
    const validate = (): Promise<{ userId: string }> =>
      reason === undefined
        ? Promise.resolve({ userId: 'alice' })
        : rejectingWith(reason)({ accessToken: '' });
    await expect(createSessions(withFunction(validate)).ready()).rejects.toMatchObject({
      errorType: 'verification_unavailable',
      cause: { message: `validateAccessToken ${message}: 400 was expected` },
    });
  });
});
