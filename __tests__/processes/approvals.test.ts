/**
 * Approvals in several processes on one Redis. Rules 2, 3, 17, 23 and 29.
 */
import { createClient } from 'redis';
import { startApiProcesses, type ApiProcesses } from './api-processes.js';
import { expectProblem } from '../support/expect-problem.js';
import {
  expectApproved,
  expectChallenge,
  expectNewChallenge,
  expectPaid,
  PaymentClient,
} from '../support/payment-client.js';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis.js';

describeWithRedis('Two processes on one Redis', () => {
  let redis: RedisServer;
  let api: ApiProcesses;

  beforeAll(async () => {
    redis = await startRedis();
    api = await startApiProcesses(redis.url, 2);
  }, 90_000);

  afterAll(async () => {
    await api.stop();
    await redis.stop();
  });

  /** A client that talks to both processes. */
  async function signIn(userId: string): Promise<readonly [PaymentClient, PaymentClient]> {
    const { accessToken } = await api.issuer.signIn(userId);
    const [first = '', second = ''] = api.urls;
    return [new PaymentClient(first, accessToken), new PaymentClient(second, accessToken)];
  }

  async function keysOf(pattern: string): Promise<string[]> {
    const client = await createClient({ url: redis.url }).connect();
    const keys = await client.keys(pattern);
    await client.close();
    return keys;
  }

  it('refuse in one, approve in the other, and pass in the first, once', async () => {
    const [first, second] = await signIn('elsewhere');
    const id = await first.ask();
    expectChallenge(await second.pay(id), { id, expiresInSeconds: expect.any(Number) as number });
    expectApproved(await second.approve(id), id);
    expectPaid(await first.pay(id));
    expectNewChallenge(await second.pay(id), [id]);
  });

  it('let one of 20 equal retries at once pass, and give the others new challenges', async () => {
    const clients = await signIn('retries');
    const id = await clients[0].askAndApprove();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => clients[index % 2 === 0 ? 0 : 1].pay(id)),
    );
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(19);
    const ids = refused.map((answer) => expectChallenge(answer).challengeId);
    expect(new Set([id, ...ids]).size).toBe(20);
  });

  it('let one of 20 approve() at once pass', async () => {
    const clients = await signIn('approvals');
    const id = await clients[0].ask();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => clients[index % 2 === 0 ? 0 : 1].approve(id)),
    );
    const [passed, refused] = [200, 410].map((status) =>
      answers.filter((answer) => answer.status === status),
    );
    expect([passed?.length, refused?.length]).toEqual([1, 19]);
    for (const answer of refused ?? []) expectProblem(answer, 'mfa_flow_expired');
  });

  it('void in one what the other has asked and approved', async () => {
    const [first, second] = await signIn('ended');
    const [pending, approved] = [await first.ask(), await first.askAndApprove()];
    await second.send('delete', '/mfa/everywhere').expect(200);
    expectProblem(await first.approve(pending), 'mfa_flow_expired');
    expectNewChallenge(await first.pay(approved), [pending, approved]);
    expectPaid(await first.pay(await second.askAndApprove()));
  });

  it('keep no key of a denied or failed challenge, and let every key expire', async () => {
    const before = new Set(await keysOf('*approval*'));
    const [first, second] = await signIn('tidy');
    expect((await second.deny(await first.ask())).status).toBe(200);
    expectProblem(await second.approve(await first.ask(), '000000'), 'mfa_invalid_code');
    expect((await keysOf('*approval*')).filter((key) => !before.has(key))).toEqual([]);
    await first.pay(await second.askAndApprove());
    await first.ask();
    const client = await createClient({ url: redis.url }).connect();
    const added = (await keysOf('*approval*')).filter((key) => !before.has(key));
    const seconds = await Promise.all(added.map((key) => client.ttl(key)));
    await client.close();
    expect(added).toHaveLength(2);
    for (const one of seconds) expect(one).toBeGreaterThan(290);
    for (const one of seconds) expect(one).toBeLessThanOrEqual(360);
  });

  it('keep at most 256 open challenges of one user, also if both refuse at once', async () => {
    const clients = await signIn('flood');
    const before = new Set(await keysOf('*:open:*'));
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(
        Array.from({ length: 16 }, (_, index) => clients[index % 2 === 0 ? 0 : 1].pay()),
      );
    }
    const open = (await keysOf('*:open:*')).filter((key) => !before.has(key));
    expect(open.length).toBeLessThanOrEqual(256);
    expect(open.length).toBeGreaterThan(200);
  }, 60_000);
});
