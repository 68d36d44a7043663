/**
 * Errors of any kind that callbacks of the app throw: none lets a request pass.
 */
import { inspect } from 'node:util';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import express4 from 'express4';
import {
  ConfigurationError,
  createSessions,
  requireMfa,
  validateSession,
  type RequireMfaOptions,
  type SessionOptions,
} from 'express-wallet-session';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';
import request from 'supertest';

const issuer = await createTestIssuer();
const { accessToken } = await issuer.signIn('user-1');
const { authentication } = issuer;

/** Answers "open" behind the guards, and "refused" in the app's error handler. */
function appOf(
  create: () => Express,
  options: SessionOptions,
  policy?: RequireMfaOptions,
): Express {
  const app = create();
  app.use(validateSession({ authentication, ...options }));
  app.use(requireMfa(policy));
  app.use((_req, res) => {
    res.send('open');
  });
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express counts the parameters
  app.use((_error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    res.status(500).send('refused');
  });
  return app;
}

const thrown = [undefined, null, 0, '', false, 'route', 'router', 'words', new Error('inner')];
const creators: [string, () => Express][] = [
  ['Express 5', () => express()],
  ['Express 4', () => express4() as unknown as Express],
];

describe.each(creators)('On %s', (_name, create) => {
  describe.each(thrown.map((value) => [inspect(value), value]))(
    'a callback that throws %s',
    (_text, value) => {
      const throws = (): never => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- as apps do
        throw value;
      };
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as apps do
      const rejects = (): Promise<never> => Promise.reject(value);

      it.each([
        ['when', {}, { when: throws }],
        ['when, later', {}, { when: rejects }],
        ['onError', { onError: throws }, {}],
        ['onError, later', { onError: rejects }, {}],
        ['a token reader', { token: [throws] }, {}],
      ])('as %s lets no request pass', async (_what, options, policy) => {
        const answer = await request(appOf(create, options, policy))
          .post('/')
          .auth(accessToken, { type: 'bearer' });
        expect([answer.status, answer.text]).toEqual([500, 'refused']);
      });
    },
  );

  it('a token reader that returns a rejecting promise fails the request, not the process', async () => {
    const reader = () => Promise.reject(new Error('inner'));
    const answer = await request(appOf(create, { token: [reader as never] }))
      .post('/')
      .auth(accessToken, { type: 'bearer' });
    expect([answer.status, answer.text]).toEqual([500, 'refused']);
  });

  it('an anonymous request is refused before `when` is called', async () => {
    let asked = 0;
    const when = (): boolean => {
      asked += 1;
      return false;
    };
    const answer = await request(appOf(create, { required: false }, { when })).post('/');
    expect([answer.status, (answer.body as { errorType: string }).errorType, asked]).toEqual([
      401,
      'token_missing',
      0,
    ]);
  });
});

describe('A problem', () => {
  it('is sent without the entity headers of another answer', async () => {
    const app = express().use((_req, res, next) => {
      res.set({ 'Content-Encoding': 'gzip', ETag: '"1"', 'X-Own': 'kept' });
      next();
    }, validateSession({ authentication }));
    const answer = await request(app).get('/');
    expect(answer.status).toBe(401);
    expect(answer.body).toHaveProperty('errorType', 'token_missing');
    expect(answer.headers).not.toHaveProperty('content-encoding');
    expect(answer.headers).not.toHaveProperty('etag');
    expect(answer.headers['x-own']).toBe('kept');
  });
});

describe('A clock', () => {
  it.each([
    ['NaN', () => NaN],
    ['nothing', () => undefined],
    ['a promise', () => Promise.resolve(1)],
    ['a string', () => '1'],
  ])('that gives %s is refused at creation', (_what, clock) => {
    expect(() => createSessions({ authentication, clock: clock as never })).toThrow(
      ConfigurationError,
    );
  });

  it('that breaks later refuses every token, cached or not', async () => {
    const own = createTestClock();
    const kit = await createTestIssuer({ clock: own });
    let isBroken = false;
    const clock = (): number => (isBroken ? NaN : own());
    const sessions = createSessions({ authentication: kit.authentication, clock });
    const token = (await kit.signIn('user-1')).accessToken;
    await sessions.authenticateToken(token);
    isBroken = true;
    await expect(sessions.authenticateToken(token)).rejects.toThrow(ConfigurationError);
    await expect(sessions.authenticateToken(await kit.sign())).rejects.toThrow(ConfigurationError);
  });
});

describe('A logged session', () => {
  it('is printed as its JSON, without claims', async () => {
    const session = await createSessions({ authentication }).authenticateToken(accessToken);
    expect(inspect(session)).toContain("userId: 'user-1'");
    expect(inspect(session)).not.toContain('project_id');
  });
});
