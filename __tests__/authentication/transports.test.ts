/**
 * The access token in a request: one token, in one place, in one spelling.
 */
import express, { type Express, type Request } from 'express';
import {
  ConfigurationError,
  createSessions,
  findSession,
  fromBearer,
  fromCookie,
  validateSession,
  type SessionOptions,
  type TokenReader,
} from 'express-wallet-session';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';
import request, { type Test } from 'supertest';
import { expectProblem, type Answered } from '../support/expect-problem.js';
import { getRaw } from '../support/raw-request.js';
import { walletApi } from '../support/wallet-api.js';
import { getMe } from '../support/wallet-client.js';

const clock = createTestClock();
const issuer = await createTestIssuer({ clock });
const { accessToken } = await issuer.signIn('alice');
const other = await issuer.signIn('bob');

function api(options: SessionOptions = {}): Express {
  return walletApi({ authentication: issuer.authentication, clock, ...options });
}

async function expectAlice(test: Test): Promise<void> {
  const answer: Answered = await test;
  expect(answer).toMatchObject({ status: 200, body: { userId: 'alice' } });
}

describe('The Authorization header', () => {
  const get = (value: string, options?: SessionOptions): Test =>
    request(api(options)).get('/me').set('authorization', value);

  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('carries the token as %s', async (scheme) => {
    await expectAlice(get(`${scheme} ${accessToken}`));
  });

  it.each([
    ['Basic', `Basic ${accessToken}`],
    ['DPoP', `DPoP ${accessToken}`],
    ['no scheme', accessToken],
    ['a scheme that begins alike', `Bearers ${accessToken}`],
    ['no space behind the scheme', `Bearer${accessToken}`],
    ['another separator', `Bearer:${accessToken}`],
    ['a parameter', `Token bearer=${accessToken}`],
  ])('with %s carries no token', async (_what, value) => {
    expectProblem(await get(value), 'token_missing');
  });

  it('that is absent or empty carries no token', async () => {
    expectProblem(await request(api()).get('/me'), 'token_missing');
    expectProblem(await getRaw(api(), ['Authorization:']), 'token_missing');
    expectProblem(await getRaw(api(), ['Authorization: \t ']), 'token_missing');
  });

  it.each([
    ['nothing', 'Bearer'],
    ['nothing but spaces', 'Bearer   '],
    ['two spaces', `Bearer  ${accessToken}`],
    ['a tab', `Bearer\t${accessToken}`],
    ['a space and a tab', `Bearer \t${accessToken}`],
    ['a token and a word', `Bearer ${accessToken} more`],
    ['two tokens', `Bearer ${accessToken} ${accessToken}`],
    ['two credentials', `Bearer ${accessToken}, Basic YTpi`],
    ['a space within the token', `Bearer ${accessToken.replace('.', '. ')}`],
    ['a no-break space', `Bearer\u00a0${accessToken}`],
    ['a no-break space at the end', `Bearer ${accessToken}\u00a0`],
  ])('with Bearer and %s is an invalid request', async (_what, value) => {
    expectProblem(await getRaw(api(), [`Authorization: ${value}`]), 'invalid_request');
  });

  it.each([
    ['quotes', `Bearer "${accessToken}"`],
    ['a comma', `Bearer ${accessToken},${accessToken}`],
    ['percent-encoding', `Bearer ${accessToken.replaceAll('.', '%2E')}`],
    ['letters beyond ASCII', `Bearer ${accessToken}é`],
  ])('with %s carries a bad token', async (_what, value) => {
    expectProblem(await getRaw(api(), [`Authorization: ${value}`]), 'token_invalid');
  });

  it('may be surrounded by white space', async () => {
    const { status } = await getRaw(api(), [`authorization:  \t Bearer ${accessToken} \t `]);
    expect(status).toBe(200);
  });

  const good = `Bearer ${accessToken}`;
  const repetitions: readonly (readonly [string, string, string])[] = [
    ['the same token twice', good, good],
    ['a good token and another good one', good, `Bearer ${other.accessToken}`],
    ['a good token and a bad one', good, 'Bearer x.y.z'],
    ['a bad token and a good one', 'Bearer x.y.z', good],
    ['a good token and another scheme', good, 'Basic YTpi'],
    ['another scheme and a good token', 'Basic YTpi', good],
    ['a good token and nothing', good, ''],
  ];

  it.each(repetitions)('is an invalid request with %s', async (_what, first, second) => {
    const lines = [`Authorization: ${first}`, 'Accept: */*', `AUTHORIZATION: ${second}`];
    expectProblem(await getRaw(api(), lines), 'invalid_request');
    expectProblem(await getRaw(api({ required: false }), lines), 'invalid_request');
  });

  it('is the first of two in Node, which drops the other', async () => {
    const app = express().get('/me', (req, res) => {
      res.json({ seen: req.headers.authorization });
    });
    const { body } = await getRaw(app, [`Authorization: ${good}`, 'Authorization: Bearer x.y.z']);
    expect(body).toEqual({ seen: good });
  });

  it('is an invalid request if the server joins duplicate headers', async () => {
    const lines = [`Authorization: ${good}`, `Authorization: ${good}`];
    const answer = await getRaw(api(), lines, { joinDuplicateHeaders: true });
    expectProblem(answer, 'invalid_request');
  });
});

describe('fromCookie(name)', () => {
  const cookies = (...values: string[]): Promise<Answered> =>
    getRaw(
      api({ token: [fromCookie('__Host-session')] }),
      values.map((value) => `Cookie: ${value}`),
    );

  it('reads the cookie of that name among others', async () => {
    const cookie = `theme=dark; __Host-session=${accessToken}; lang=de`;
    for (const headers of [[cookie], [cookie.replaceAll('; ', ';')], cookie.split('; ')]) {
      expect((await cookies(...headers)).body).toMatchObject({ userId: 'alice' });
    }
  });

  it.each([
    ['no cookie at all', []],
    ['another name', [`session=${accessToken}`]],
    ['a longer name', [`__Host-session2=${accessToken}; x__Host-session=${accessToken}`]],
    ['another case', [`__host-session=${accessToken}`]],
    ['a name within a value', [`a=__Host-session=${accessToken}`]],
    ['an empty value', ['__Host-session=']],
    ['no value', ['__Host-session']],
    ['an empty header', ['']],
  ])('finds no token in %s', async (_what, values) => {
    expectProblem(await cookies(...values), 'token_missing');
  });

  it.each([
    ['in one header', [`__Host-session=${accessToken}; __Host-session=${accessToken}`]],
    ['in two headers', [`__Host-session=${accessToken}`, `__Host-session=${accessToken}`]],
    [
      'three times, among others',
      [Array.from({ length: 3 }, () => `__Host-session=${accessToken}`).join('; a=b; ')],
    ],
  ])('counts equal cookies of that name as one, sent %s', async (_what, values) => {
    expect((await cookies(...values)).body).toMatchObject({ userId: 'alice' });
  });

  it.each([
    ['in one header', [`__Host-session=${accessToken}; __Host-session=x`]],
    ['in two headers', ['__Host-session=x', `__Host-session=${accessToken}`]],
    [
      'beside equal ones',
      [`__Host-session=${accessToken}; __Host-session=${accessToken}; __Host-session=x`],
    ],
    ['in their case alone', [`__Host-session=abc; __Host-session=ABC`]],
  ])('refuses cookies of that name that differ %s', async (_what, values) => {
    expectProblem(await cookies(...values), 'invalid_request', {
      detail: 'Send the access token in one cookie, not in two of the same name.',
    });
  });

  it('ignores an empty cookie beside a full one', async () => {
    const { body } = await cookies(`__Host-session=; __Host-session=${accessToken}`);
    expect(body).toMatchObject({ userId: 'alice' });
  });

  it.each([
    ['quotes', `"${accessToken}"`],
    ['white space inside', accessToken.replace('.', '. ')],
    ['percent-encoding', accessToken.replaceAll('.', '%2E')],
    ['the scheme', `Bearer ${accessToken}`],
  ])('refuses a token with %s', async (_what, value) => {
    expectProblem(await cookies(`__Host-session=${value}`), 'token_invalid');
  });

  it('does not look at the Authorization header, nor fromBearer() at cookies', async () => {
    const app = api({ token: [fromCookie('session')] });
    expectProblem(await getMe(app, accessToken), 'token_missing');
    expectProblem(
      await request(api())
        .get('/me')
        .set('cookie', `session=${accessToken}; access_token=${accessToken}`),
      'token_missing',
    );
  });

  it.each<unknown>(['', ' ', 'a b', 'a;b', 'a=b', 'a"', 'ä', undefined])(
    'throws for the name %p',
    (name) => {
      expect(() => fromCookie(name as string)).toThrow(ConfigurationError);
    },
  );
});

describe('Two transports', () => {
  const app = api({ token: [fromBearer(), fromCookie('session')] });
  const get = (headers: Readonly<Record<string, string>>): Test =>
    request(app).get('/me').set(headers);
  const bearer = { authorization: `Bearer ${accessToken}` };
  const cookie = { cookie: `session=${accessToken}` };

  it('each work alone', async () => {
    await expectAlice(get(bearer));
    await expectAlice(get(cookie));
    await expectAlice(get({ ...cookie, authorization: 'Basic YTpi' }));
    await expectAlice(get({ ...bearer, cookie: 'session=; theme=dark' }));
  });

  it.each([
    ['with the same token', { ...bearer, ...cookie }],
    ['with a bad one', { ...bearer, cookie: 'session=x' }],
  ])('used at once are an invalid request, %s', async (_what, headers) => {
    expectProblem(await get(headers), 'invalid_request', {
      detail: 'Send the access token in one place, not in two at once.',
    });
  });

  it('with an empty Bearer beside a cookie are an invalid request', async () => {
    expectProblem(await get({ ...cookie, authorization: 'Bearer' }), 'invalid_request');
  });

  it('without a token are token_missing', async () => {
    expectProblem(await get({}), 'token_missing');
  });
});

describe("A reader of the app's own", () => {
  const fromQuery = ((req: Request) => req.query.token) as unknown as TokenReader;

  it('provides the token', async () => {
    const app = api({ token: [fromQuery] });
    await expectAlice(request(app).get('/me').query({ token: accessToken }));
    expectProblem(await request(app).get('/me'), 'token_missing');
    expectProblem(await request(app).get('/me?token='), 'token_missing');
  });

  it('that returns an array or an object makes an invalid request', async () => {
    const app = api({ token: [fromQuery] });
    for (const query of ['token=a&token=b', `token=${accessToken}&token=${accessToken}`]) {
      expectProblem(await request(app).get(`/me?${query}`), 'invalid_request');
    }
    const withObject = api({ token: [() => ({ then: 'no' }) as unknown as string] });
    expectProblem(await request(withObject).get('/me'), 'invalid_request');
  });

  it('may return null', async () => {
    const nothing: unknown = null;
    const app = api({ token: [() => nothing as string] });
    expectProblem(await request(app).get('/me'), 'token_missing');
  });

  it('that returns a promise is a ConfigurationError', async () => {
    const app = api({ token: [() => Promise.resolve(accessToken) as unknown as string] });
    const answer: Answered = await request(app).get('/me');
    expect([answer.status, answer.body]).toEqual([
      500,
      {
        name: 'ConfigurationError',
        message: '`token`: a reader must return its token, not a promise of it.',
      },
    ]);
  });

  it('that throws passes its error on', async () => {
    const app = api({
      token: [
        () => {
          throw new Error('no query parser');
        },
      ],
    });
    const answer: Answered = await request(app).get('/me');
    expect([answer.status, answer.body]).toEqual([
      500,
      { name: 'Error', message: 'no query parser' },
    ]);
  });
});

describe('required: false', () => {
  const app = express();
  app.use(validateSession({ authentication: issuer.authentication, clock, required: false }));
  app.get('/me', (req, res) => {
    res.json({ userId: findSession(req)?.userId ?? 'anonymous' });
  });

  it('lets requests without a token pass as anonymous', async () => {
    expect((await request(app).get('/me')).body).toEqual({ userId: 'anonymous' });
    expect((await getRaw(app, ['Authorization: Basic YTpi'])).body).toEqual({
      userId: 'anonymous',
    });
  });

  it.each([
    ['token_invalid', 'Bearer x.y.z'],
    ['invalid_request', 'Bearer'],
    ['token_invalid', `Bearer ${accessToken.slice(0, -3)}`],
  ] as const)('refuses a bad token: %s', async (errorType, value) => {
    expectProblem(await getRaw(app, [`Authorization: ${value}`]), errorType);
  });
});

describe('sessions.authenticate()', () => {
  const sessions = createSessions({ authentication: issuer.authentication, clock });
  const reject = (headers: Record<string, string>): Promise<unknown> =>
    sessions.authenticate({ headers }).catch((error: unknown) => error);

  it('reads the token of any object with headers', async () => {
    const session = await sessions.authenticate({ headers: { authorization: good } });
    expect(session.userId).toBe('alice');
  });

  const good = `Bearer ${accessToken}`;

  it.each([
    ['token_missing', {}],
    ['token_missing', { authorization: ` ${good}` }],
    ['invalid_request', { authorization: `${good} ` }],
    ['invalid_request', { authorization: `${good}\n` }],
    ['invalid_request', { authorization: [good, good] }],
    ['token_invalid', { authorization: 'Bearer x' }],
  ])('rejects with %s', async (errorType, headers) => {
    expect(await reject(headers as Record<string, string>)).toMatchObject({ errorType });
  });
});

describe('The size of a token', () => {
  /** A valid token with exactly this many characters. */
  const tokenOf = async (length: number): Promise<string> => {
    for (let pad = 0; pad < length; pad += 1) {
      // Claims alone cannot reach every length.
      const header = { pad: 'x'.repeat(pad % 4) };
      const token = await issuer.sign({ pad: 'x'.repeat(5400 + Math.floor(pad / 4)) }, header);
      if (token.length === length) return token;
    }
    throw new Error(`no token has ${length} characters`);
  };

  it('is at most 8 KiB', async () => {
    const [longest, longer] = await Promise.all([tokenOf(8192), tokenOf(8193)]);
    const get = (token: string): Test => getMe(api(), token);

    expect((await get(longest)).status).toBe(200);
    expectProblem(await get(longer), 'token_invalid');
  });

  it('is checked before anything else', async () => {
    const before = issuer.jwksFetches;
    const get = (token: string): Test => getMe(api(), token);
    const longer = await issuer.sign({ pad: 'x'.repeat(6200) }, { kid: 'unknown' });

    expectProblem(await get(longer), 'token_invalid');
    expect(issuer.jwksFetches).toBe(before);
    await get(await issuer.sign({}, { kid: 'unknown' }));
    expect(issuer.jwksFetches).toBeGreaterThan(before);
  });
});
