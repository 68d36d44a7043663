/**
 * A Redis Cluster of which one primary is frozen or killed under load, with every answer counted:
 * users of the others are served, all of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createSessions, type SessionError, type Sessions } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { createTestIssuer } from 'express-wallet-session/testing';
import { eventually } from '../support/eventually.js';
import { type ConnectedClient, clientsOfACluster } from '../support/redis-clients.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { describeWithRedis } from '../support/redis.js';
import { wrapStore } from '../support/stores.js';

const USERS = 60;
/** The primary of slots 10,923 and above. */
const DEAD = 2;

interface User {
  readonly token: string;
  /** Whether all of its records lie on the primaries that stay. */
  readonly isHealthy: boolean;
}

/** How often each answer was given. */
type Answers = Record<string, number>;

describeWithRedis('A Redis Cluster without one of its primaries', () => {
  let cluster: RedisCluster;
  let connected: ConnectedClient;
  let sessions: Sessions;
  let users: readonly User[];

  beforeEach(async () => {
    // Otherwise the whole cluster refuses every command while a slot has no primary.
    cluster = await startRedisCluster({ args: ['--cluster-require-full-coverage', 'no'] });
  }, 30_000);

  afterEach(async () => {
    connected.close();
    await cluster.stop();
  });

  async function connect(name: keyof typeof clientsOfACluster): Promise<void> {
    const create = clientsOfACluster[name];
    if (create === undefined) throw new Error(`there is no ${name}`);
    connected = await create(cluster);
    const issuer = await createTestIssuer({ authentication: 'custom' });
    let keys: readonly string[] = [];
    const store = wrapStore((work, verb, given) => {
      if (verb === 'read') keys = given[0] as readonly string[];
      return work();
    }, redisStore(connected.client));
    sessions = createSessions({ authentication: issuer.authentication, store });
    const found: User[] = [];
    for (let n = 0; n < USERS; n += 1) {
      const { accessToken } = await issuer.signIn(`user-${n}`);
      await sessions.authenticateToken(accessToken);
      const nodes = await Promise.all(keys.map((key) => cluster.nodeOf(`ews:${key}`)));
      found.push({ token: accessToken, isHealthy: !nodes.includes(DEAD) });
    }
    users = found;
    expect(users.filter(({ isHealthy }) => isHealthy).length).toBeGreaterThan(10);
    expect(users.filter(({ isHealthy }) => !isHealthy).length).toBeGreaterThan(10);
  }

  async function ask({ token }: User, answers: Answers): Promise<void> {
    const answer = await sessions.authenticateToken(token).then(
      () => 'admitted',
      (error: unknown) => (error as SessionError).errorType,
    );
    answers[answer] = (answers[answer] ?? 0) + 1;
  }

  /** Sends a request of each user every 100 ms for five seconds, beginning with the outage. */
  async function load(outage: () => unknown): Promise<{ healthy: Answers; others: Answers }> {
    const [healthy, others]: [Answers, Answers] = [{}, {}];
    const pending: Promise<void>[] = [];
    for (let round = 0; round < 50; round += 1) {
      if (round === 5) await outage();
      for (const user of users) pending.push(ask(user, user.isHealthy ? healthy : others));
      await sleep(100);
    }
    await Promise.all(pending);
    return { healthy, others };
  }

  it.each([
    ['frozen', 'ioredis 6'],
    ['killed', 'ioredis 6'],
    ['frozen', 'node-redis 6'],
    ['killed', 'node-redis 6'],
  ] as const)(
    'that was %s serves all users of the others over %s, and recovers',
    async (how, name) => {
      await connect(name);
      const dead = cluster.nodes[DEAD];
      const { healthy, others } = await load(() =>
        how === 'frozen' ? dead?.pause() : dead?.kill(),
      );
      if (process.env.SHOW_FIGURES === '1') {
        process.stdout.write(`${name}, ${how}: ${JSON.stringify({ healthy, others })}\n`);
      }
      // None, but for those that a busy machine itself answers late.
      const { admitted = 0, store_unavailable: refused = 0, ...wrong } = healthy;
      expect(wrong).toEqual({});
      expect(refused).toBeLessThanOrEqual(admitted / 100);
      expect(others).toMatchObject({
        admitted: expect.any(Number) as number,
        store_unavailable: expect.any(Number) as number,
      });
      expect(Object.keys(others)).toHaveLength(2);

      if (how === 'killed') return;
      dead?.resume();
      await eventually(
        async () => {
          const after: Answers = {};
          await Promise.all(users.map((user) => ask(user, after)));
          expect(after).toEqual({ admitted: USERS });
        },
        { withinMs: 20_000, everyMs: 200 },
      );
    },
    60_000,
  );
});
