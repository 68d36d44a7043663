/**
 * The code of docs/approvals.md, run as it stands there: recipes, the script of the auditor and its
 * test vectors.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import express, { type Express, type RequestHandler } from 'express';
import {
  getSession,
  getApproval,
  requireApproval,
  SessionError,
  type MfaApproval,
  type MfaChallenge,
} from 'express-wallet-session';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { recipe } from '../support/documentation.js';
import { expectProblem } from '../support/expect-problem.js';
import {
  expectApproved,
  expectChallenge,
  expectPaid,
  PaymentClient,
} from '../support/payment-client.js';
import { PAYMENT, payments } from '../support/payments.js';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis.js';
import { useTestIssuer } from '../support/use-test-issuer.js';

const page = await readFile('docs/approvals.md', 'utf8');
const kit = useTestIssuer({ authentication: 'custom' });

interface Audit {
  readonly requestDigest: (method: string, url: string, body?: unknown) => string;
  readonly operationDigest: (operation: unknown) => string;
  readonly passkeyChallenge: (issuer: string, userId: string, approval: MfaApproval) => string;
}

/** The routes of a recipe, and those of payments. */
function apiWith(title: string, scope: Readonly<Record<string, unknown>>): Express {
  const code = recipe(title);
  const names = ['app', 'express', 'getSession', 'SessionError', ...Object.keys(scope)];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is the documentation's own
  const mount = new Function(...names, code) as (...values: unknown[]) => void;
  const { routes } = payments();
  return kit.api(undefined, {
    routes(app, sessions) {
      mount(app, express, getSession, SessionError, ...Object.values(scope));
      routes?.(app, sessions);
    },
  });
}

describe('The recipe for a route', () => {
  it('pays once for an approval, whose id it hands on, and keeps the evidence', async () => {
    const paid: unknown[] = [];
    const kept: unknown[] = [];
    const scope = {
      requireApproval,
      getApproval,
      validatePayment: ((_req, _res, next) => {
        next();
      }) as RequestHandler,
      ledger: {
        pay(payment: unknown, options: unknown) {
          paid.push([payment, options]);
          return { id: 'p1' };
        },
      },
      evidence: { keep: (one: unknown) => kept.push(one) },
    };
    const alice = await signIn(apiWith('A route behind an approval', scope));
    const id = expectChallenge(await alice.pay(), { methods: ['hwk', 'totp'] }).challengeId;
    const approval = expectApproved(await alice.approve(id), id);
    const answer = await alice.pay(id);
    expect([answer.status, answer.body]).toEqual([201, { id: 'p1' }]);
    expect(paid).toEqual([[PAYMENT, { idempotencyKey: id }]]);
    expect(JSON.parse(JSON.stringify(kept))).toEqual([{ payment: { id: 'p1' }, approval }]);
  });
});

async function signIn(api: Express, userId = 'alice'): Promise<PaymentClient> {
  return new PaymentClient(api, (await kit.issuer.signIn(userId)).accessToken);
}

describeWithRedis('The recipe for TOTP', () => {
  let redis: RedisServer;
  let client: ReturnType<typeof createClient>;

  beforeAll(async () => {
    redis = await startRedis();
    client = createClient({ url: redis.url });
    await client.connect();
  });

  afterAll(async () => {
    client.destroy();
    await redis.stop();
  });

  it('approves with a good code, and checks no code after five wrong ones of one account', async () => {
    const checked: string[] = [];
    const isGoodCode = (_userId: string, code: string): boolean => {
      checked.push(code);
      return code === '123456';
    };
    const api = apiWith('Approve with TOTP', { RateLimiterRedis, redis: client, isGoodCode });
    const [alice, bob] = [await signIn(api), await signIn(api, 'bob')];
    const approve = (user: PaymentClient, id: string, code: string) =>
      user.send('post', `/approvals/${id}/totp`).send({ code });

    const id = await alice.ask();
    expect((await approve(alice, id, '123456')).status).toBe(204);
    expectPaid(await alice.pay(id));

    for (let guess = 0; guess < 5; guess += 1) {
      expectProblem(await approve(alice, await alice.ask(), '000000'), 'mfa_invalid_code');
    }
    const limited = await approve(alice, await alice.ask(), '123456');
    expect(limited.status).toBe(429);
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(890);
    expect(checked).toHaveLength(6);
    expect((await approve(bob, await bob.ask(), '123456')).status).toBe(204);
  });
});

describe('The recipe for SMS', () => {
  it('sends a code that is specific to the challenge, with its description', async () => {
    const messages: string[] = [];
    const sendSms = (_userId: string, message: string): void => void messages.push(message);
    const scope = { createHmac, timingSafeEqual, smsKey: 'a key', sendSms };
    const alice = await signIn(apiWith('Approve with SMS', scope));
    const [id, other] = [await alice.ask(), await alice.ask()];
    for (const one of [id, other]) {
      expect((await alice.send('post', `/approvals/${one}/sms`)).status).toBe(202);
    }
    const [code, otherCode] = messages.map((message) => /code is (\d{6})\.$/.exec(message)?.[1]);
    expect(messages[0]).toBe(`Pay 50.00 to Bob? The code is ${String(code)}.`);
    expect(code).not.toBe(otherCode);
    const approve = (one: string, given: unknown) =>
      alice.send('post', `/approvals/${one}/sms/code`).send({ code: given });
    expectProblem(await approve(other, code), 'mfa_invalid_code');
    expect((await approve(id, code)).status).toBe(204);
    expectPaid(await alice.pay(id));
    expectProblem(await approve(await alice.ask(), { length: 6 }), 'mfa_invalid_code');
    expectProblem(await alice.send('post', '/approvals/7.x/sms'), 'mfa_flow_expired');
  });
});

describe('The script of the auditor', () => {
  const file = '__tests__/approvals/.audit.mjs';
  let audit: Audit;

  beforeAll(async () => {
    await writeFile(file, recipe('audit.js'));
    const script = './.audit.mjs';
    audit = (await import(script)) as Audit;
  });

  afterAll(async () => {
    await rm(file, { force: true });
  });

  const vectors = [...page.matchAll(/^\| `(\w+Digest\(.*?\))` +\| `([\w-]*)` +\|$/gm)].map(
    ([, call = '', digest = '']) => [call, digest] as const,
  );

  it('has five test vectors', () => {
    expect(vectors).toHaveLength(5);
  });

  it.each(vectors)('gives the digest of the page for %s', (call, digest) => {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is the documentation's own
    const compute = new Function('requestDigest', 'operationDigest', `return ${call};`) as (
      ...digests: unknown[]
    ) => string;
    expect(compute(audit.requestDigest, audit.operationDigest)).toBe(digest);
  });

  it('gives the digests and passkey challenges of the library, from what is to be kept', async () => {
    const session = await kit
      .sessions()
      .authenticateToken((await kit.issuer.signIn('a"b')).accessToken);
    const operation = { send: { amount: '50.00', to: 'Bob' }, 10: [null, -0], 9: '\ud800', z: {} };
    const description = { text: 'Grüße', 2: true, 10: false };
    const error: unknown = await session.mfa
      .requireApproval({ operation, description })
      .catch((reason: unknown) => reason);
    const { challengeId = '' } = (error as SessionError).toProblem();
    let challenge: MfaChallenge | undefined;
    const approval = await session.mfa.approve(challengeId, (given) => {
      challenge = given;
      return { method: 'hwk' };
    });
    expect(approval.digest).toBe(audit.operationDigest(operation));
    expect(challenge?.webAuthn.expectedChallenge).toBe(
      audit.passkeyChallenge(session.issuer, session.userId, approval),
    );
  });

  it('gives the digest of a request that was sent', async () => {
    const alice = await signIn(kit.api(undefined, payments()));
    const body = {
      to: 'Bob',
      amount: '50.00',
      memo: 'née "Ünal"\u2028',
      tags: [{ b: 1, a: 1e-7 }],
    };
    const answer = await alice.send('post', '/payments?a=%20&b').send(body);
    const { challengeId } = answer.body as { challengeId: string };
    const { digest } = (await alice.challenge(challengeId)).body as { digest: string };
    expect(digest).toBe(audit.requestDigest('POST', '/payments?a=%20&b', body));
    const hash = createHash('sha256').update('["request/1"', 'utf8').digest('base64url');
    expect(digest).not.toBe(hash);
  });
});
