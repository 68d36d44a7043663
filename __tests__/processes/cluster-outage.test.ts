/**
 * A Redis Cluster of which one primary is frozen or killed under load, with every answer counted:
 * users of the others are served, all of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createSessions, type SessionError, type Sessions } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { createTestIssuer } from 'express-wallet-session/testing';
import { eventually } from '../support/eventually.js';
import { type ConnectedClient, clientsOfACluster } from '../store/redis-clients.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { describeWithRedis } from '../support/redis.js';
import { wrapStore } from '../support/stores.js';

const USERS = 60;
/** The primary of slots 10,923 and above. */
const DEAD = 2;
/** How long a healthy node takes at most, unless the machine is busy with something else. */
const IN_TIME_MS = 150;
/** The longest wait for the store, and the time after it in which calls are refused at once. */
const AFTERMATH_MS = 2500;

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
  /** A client of the same kind without the library: what it waits for is not the library's doing. */
  let control: ConnectedClient;
  let sessions: Sessions;
  let users: readonly User[];

  beforeEach(async () => {
    // Otherwise the whole cluster refuses every command while a slot has no primary.
    cluster = await startRedisCluster({ args: ['--cluster-require-full-coverage', 'no'] });
  }, 30_000);

  afterEach(async () => {
    connected.close();
    control.close();
    await cluster.stop();
  });

  async function connect(name: keyof typeof clientsOfACluster): Promise<void> {
    const create = clientsOfACluster[name];
    if (create === undefined) throw new Error(`there is no ${name}`);
    connected = await create(cluster);
    control = await create(cluster);
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

  async function ask({ token }: User): Promise<string> {
    return sessions.authenticateToken(token).then(
      () => 'admitted',
      (error: unknown) => (error as SessionError).errorType,
    );
  }

  /**
   * Sends a request of each user every 100 ms for five seconds, beginning with the outage, and a
   * command of the control client. Answers around its late ones are counted as those of a busy machine.
   */
  async function load(outage: () => unknown): Promise<{ healthy: Answers; others: Answers }> {
    const key = await healthyKey();
    const given: Promise<{ user: User; askedAt: number; answer: string }>[] = [];
    const waits: Promise<{ askedAt: number; tookMs: number }>[] = [];
    for (let round = 0; round < 50; round += 1) {
      if (round === 5) await outage();
      const askedAt = performance.now();
      for (const user of users) {
        given.push(ask(user).then((answer) => ({ user, askedAt, answer })));
      }
      waits.push(controlWait(key));
      await sleep(100);
    }
    const late = (await Promise.all(waits)).filter(({ tookMs }) => tookMs > IN_TIME_MS);
    const [healthy, others]: [Answers, Answers] = [{}, {}];
    for (const { user, askedAt, answer } of await Promise.all(given)) {
      const isMachine = late.some((wait) => Math.abs(wait.askedAt - askedAt) < AFTERMATH_MS);
      const answers = user.isHealthy ? healthy : others;
      const name = isMachine && answer !== 'admitted' ? 'busy' : answer;
      answers[name] = (answers[name] ?? 0) + 1;
    }
    return { healthy, others };
  }

  async function controlWait(key: string): Promise<{ askedAt: number; tookMs: number }> {
    const askedAt = performance.now();
    await Promise.allSettled([redisStore(control.client, { prefix: '' }).read([key])]);
    return { askedAt, tookMs: performance.now() - askedAt };
  }

  async function healthyKey(): Promise<string> {
    for (let n = 0; ; n += 1) {
      const key = `control:${n}`;
      if ((await cluster.nodeOf(key)) !== DEAD) return key;
    }
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
      delete healthy.busy;
      expect(healthy).toEqual({ admitted: expect.any(Number) as number });
      const known = new Set(['admitted', 'store_unavailable', 'busy']);
      expect(Object.keys(others).filter((answer) => !known.has(answer))).toEqual([]);
      expect(others.admitted).toBeGreaterThan(0);
      expect((others.store_unavailable ?? 0) + (others.busy ?? 0)).toBeGreaterThan(0);

      if (how === 'killed') return;
      dead?.resume();
      await eventually(
        async () => {
          const after = await Promise.all(users.map(ask));
          expect(after).toEqual(users.map(() => 'admitted'));
        },
        { withinMs: 20_000, everyMs: 200 },
      );
    },
    60_000,
  );
});
