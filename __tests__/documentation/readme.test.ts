/**
 * The snippets of the README, run as they stand there.
 */
import { readFile } from 'node:fs/promises';
import express, { type Express, type RequestHandler } from 'express';
import * as library from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';
import { createClient } from 'redis';
import request from 'supertest';
import { expectProblem } from '../support/expect-problem.js';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions } from '../support/wallet-api.js';
import { answerOf } from '../support/wallet-client.js';

const kit = useTestIssuer({ authentication: 'custom' });
const isGoodCode = (_userId: string, code: unknown): Promise<boolean> =>
  Promise.resolve(code === '123456');

const readme = await readFile('README.md', 'utf8');

/** The one snippet that holds this text. */
function snippet(text: string): string {
  const all = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code = '']) => code);
  const [code, ...others] = all.filter((one) => one.includes(text));
  if (code === undefined || others.length > 0) throw new Error(`not one snippet holds ${text}`);
  return code;
}

/** Runs a snippet with everything that the library exports, and these names of its reader. */
async function run(code: string, reader: Readonly<Record<string, unknown>>): Promise<void> {
  const scope: Record<string, unknown> = { ...library, express, ...reader };
  const body = `return (async () => { ${code.replace(/^import .*$/gm, '')} })();`;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code of the documentation
  const work = new Function(...Object.keys(scope), body) as (...given: unknown[]) => Promise<void>;
  await work(...Object.values(scope));
}

async function bearer(userId = 'alice'): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${(await kit.issuer.signIn(userId)).accessToken}` };
}

describe.each(expressVersions)('The route that verifies MFA, on %s', (_version, create) => {
  async function mounted(options?: library.SessionOptions): Promise<Express> {
    const app = create().use(library.validateSession(kit.options(options)));
    app.post('/transfers', library.requireMfa(), (_req, res) => void res.status(201).end());
    await run(snippet("app.post('/mfa/verify'"), { app, isGoodCode });
    return app;
  }

  it('opens the protected operation after a good code, for 5 minutes', async () => {
    const [app, headers] = [await mounted(), await bearer()];
    const verify = (code: string) => request(app).post('/mfa/verify').set(headers).send({ code });
    expect(answerOf(await verify('000000'))).toEqual([422, {}]);
    expectProblem(await request(app).post('/transfers').set(headers), 'mfa_required');
    expect(answerOf(await verify('123456'))).toEqual([204, {}]);
    expect((await request(app).post('/transfers').set(headers)).status).toBe(201);
    kit.clock.advance(300);
    expectProblem(await request(app).post('/transfers').set(headers), 'mfa_expired', {
      detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
    });
  });

  it('answers store_unavailable if the store cannot keep it', async () => {
    const store = library.memoryStore();
    store.write = () => {
      throw new Error('full');
    };
    const [app, headers] = [await mounted({ store }), await bearer()];
    const answer = await request(app).post('/mfa/verify').set(headers).send({ code: '123456' });
    expectProblem(answer, 'store_unavailable');
  });
});

describe('The mount of cors()', () => {
  it('allows the headers of the client, ahead of validation, which keeps what it exposes', async () => {
    const given: unknown[] = [];
    const cors = (options: unknown): RequestHandler => {
      given.push(options);
      return (_req, res, next) => {
        res.setHeader('Access-Control-Expose-Headers', 'X-Total');
        next();
      };
    };
    const app = express();
    const validateSession = () => library.validateSession(kit.options());
    const origin = 'https://wallet.example';
    await run(snippet('cors({'), { app, cors, origin, validateSession });
    const sent = ['Authorization', 'Content-Type', 'Previous-Access-Token', 'X-Mfa-Challenge-Id'];
    expect(given).toEqual([{ origin, allowedHeaders: [...sent, 'DPoP'] }]);
    const { status, headers } = await request(app).get('/me');
    expect([status, headers['access-control-expose-headers']]).toEqual([
      401,
      'X-Total, WWW-Authenticate',
    ]);
  });
});

describe('The routes of an approval', () => {
  it('pay once for a good code, and keep the approval', async () => {
    const paid: unknown[] = [];
    const app = express().use(library.validateSession(kit.options()));
    await run(snippet("'/payouts'"), {
      app,
      isGoodCode,
      validatePayout: ((_req, _res, next) => {
        next();
      }) as RequestHandler,
      pay: (order: unknown, approval: library.MfaApproval) => {
        paid.push(order, approval.challengeId);
        return { paid: true };
      },
    });
    app.use(library.problemHandler());
    const headers = await bearer();
    const payout = { amount: '50.00', to: 'bob' };
    const pay = (id = '') =>
      request(app).post('/payouts').set(headers).set('x-mfa-challenge-id', id).send(payout);
    const refusal = await pay();
    const { challengeId, description } = refusal.body as Record<
      'challengeId' | 'description',
      string
    >;
    expect(description).toEqual({ action: 'payout', ...payout });
    const approve = await request(app)
      .post(`/approvals/${challengeId}`)
      .set(headers)
      .send({ code: '123456' });
    expect(answerOf(approve)).toEqual([204, {}]);
    expect(answerOf(await pay(challengeId))).toEqual([201, { paid: true }]);
    expect((await pay(challengeId)).status).toBe(403);
    expect(paid).toEqual([payout, challengeId]);
  });

  it('refuse a wrong code', async () => {
    const app = express().use(library.validateSession(kit.options()));
    const validatePayout: RequestHandler = (_req, _res, next) => {
      next();
    };
    await run(snippet("'/payouts'"), { app, isGoodCode, validatePayout, pay: () => ({}) });
    app.use(library.problemHandler());
    const headers = await bearer();
    const refusal = await request(app).post('/payouts').set(headers).send({ amount: '1', to: 'b' });
    const { challengeId } = refusal.body as { challengeId: string };
    expectProblem(
      await request(app).post(`/approvals/${challengeId}`).set(headers).send({ code: '0' }),
      'mfa_invalid_code',
    );
  });
});

describe('The authentications', () => {
  it('are accepted side by side', async () => {
    const app = express();
    await run(snippet('// Your own identity provider'), {
      app,
      projectId: 'project',
      jwksUri: 'https://issuer.example/jwks.json',
      client: {},
    });
    expectProblem(await request(app).get('/'), 'token_missing');
  });
});

describe('The test of an app', () => {
  it('passes', async () => {
    const createApp = (options: library.SessionOptions): Express =>
      express()
        .use(library.validateSession(options))
        .get('/me', (_req, res) => void res.end());
    const code = snippet('const clock = createTestClock()');
    await run(code, { createTestClock, createTestIssuer, createApp, request });
    await expect(
      run(code.replace(/clock.advance.*/, ''), {
        ...{ createTestClock, createTestIssuer, createApp, request },
      }),
    ).rejects.toThrow('expected 401');
  });
});

describeWithRedis('The store in Redis', () => {
  it('is shared by two processes', async () => {
    const redis = await startRedis();
    const clients: { destroy(): void }[] = [];
    const processOf = async (): Promise<Express> => {
      const app = express();
      const create = (options: object) => {
        const client = createClient({ ...options, url: redis.url });
        clients.push(client);
        return client;
      };
      const validateSession = (options: library.SessionOptions) =>
        library.validateSession(kit.options(options));
      await run(snippet('redisStore(client)'), {
        ...{ app, createClient: create, redisStore, validateSession },
      });
      app.post('/sign-out', async (req, res) => {
        await library.getSession(req).signOut();
        res.status(204).end();
      });
      return app.get('/', (_req, res) => void res.end());
    };
    try {
      const [first, second, headers] = [await processOf(), await processOf(), await bearer()];
      expect((await request(second).get('/').set(headers)).status).toBe(200);
      expect((await request(first).post('/sign-out').set(headers)).status).toBe(204);
      expectProblem(await request(second).get('/').set(headers), 'session_revoked');
    } finally {
      for (const client of clients) client.destroy();
      await redis.stop();
    }
  });
});
