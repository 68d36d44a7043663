import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient, createClientPool, createCluster } from 'redis';
import * as redis5 from 'redis5';
import type { SessionStore } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { describeStore } from 'express-wallet-session/testing';
import { eventually } from '../support/eventually.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.js';

const clientSideCache = { ttl: 0, maxEntries: 10_000 };

describeWithRedis('redisStore with client-side caching', () => {
  let server: RedisServer;
  let other: OtherProcess;

  beforeAll(async () => {
    server = await startRedis();
    other = new OtherProcess(server.url);
  }, 30_000);

  afterAll(async () => {
    await other.end();
    await server.stop();
  });

  describe.each([
    ['node-redis 6', () => createClient({ url: server.url, RESP: 3, clientSideCache })],
    ['node-redis 5', () => redis5.createClient({ url: server.url, RESP: 3, clientSideCache })],
    [
      'a pool of node-redis 6',
      () => createClientPool({ url: server.url, RESP: 3 }, { clientSideCache, minimum: 4 }),
    ],
  ])('over %s', (_, create) => {
    let client: ReturnType<typeof create>;
    let store: SessionStore;

    beforeAll(async () => {
      client = create();
      client.on('error', () => undefined);
      await client.connect();
      store = redisStore(client);
    });

    afterAll(() => {
      client.destroy();
    });

    describeStore('keeps the contract', () => store, { describe, it });

    it('answers from the process what it has read before, and what was not there too', async () => {
      await other.call('write', '{u}:a', 'A', 60);
      await other.call('remove', '{u}:b');
      await untilRead(store, { '{u}:a': 'A', '{s}:absent': undefined, '{u}:b': undefined });

      server.pause();
      try {
        for (let n = 0; n < 100; n += 1) {
          expect(await store.read(['{u}:a', '{s}:absent', '{u}:b'])).toEqual([
            'A',
            undefined,
            undefined,
          ]);
        }
      } finally {
        server.resume();
      }
    });

    it('sees within a second what another process changes', async () => {
      await other.call('remove', '{u}:b');
      await other.call('write', '{u}:a', 'A', 60);
      await untilRead(store, { '{u}:a': 'A', '{u}:b': undefined });
      await other.call('write', '{u}:a', 'changed', 60);
      await untilRead(store, { '{u}:a': 'changed', '{u}:b': undefined });
      await other.call('move', '{u}:a', '{u}:b');
      await untilRead(store, { '{u}:a': undefined, '{u}:b': 'changed' });
      await other.call('remove', '{u}:b');
      await untilRead(store, { '{u}:a': undefined, '{u}:b': undefined });
      await other.call('write', '{u}:a', 'short', 1.5);
      await untilRead(store, { '{u}:a': 'short', '{u}:b': undefined });
      await sleep(1500);
      await untilRead(store, { '{u}:a': undefined, '{u}:b': undefined });
    });

    it('sees its own changes at once, on whichever connection it made them', async () => {
      const changes = Array.from({ length: 10 }, async (_, n) => {
        const [key, moved] = [`{${n}}:own`, `{${n}}:moved`];
        for (let round = 0; round < 100; round += 1) {
          await store.write(key, `${round}`, 60);
          expect(await store.read([key, moved])).toEqual([`${round}`, undefined]);
          expect(await store.move(key, moved)).toBe(true);
          expect(await store.read([key, moved])).toEqual([undefined, `${round}`]);
          await store.remove(moved);
          expect(await store.read([key, moved])).toEqual([undefined, undefined]);
        }
      });
      await Promise.all(changes);
    });

    it('trusts nothing that it read over a connection that was lost', async () => {
      await store.write('{u}:a', 'A', 60);
      await untilRead(store, { '{u}:a': 'A' });
      await server.restart();
      await untilRead(store, { '{u}:a': undefined });
    });
  });

  it('notices a server that fell silent, where the client is told to look', async () => {
    const client = createClient({
      url: server.url,
      RESP: 3,
      clientSideCache,
      pingInterval: 300,
      socket: {
        socketTimeout: 1000,
        reconnectStrategy: (retries) => Math.min(retries * 50, 1000),
      },
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const store = redisStore(client);
      await store.write('{u}:a', 'A', 60);
      await untilRead(store, { '{u}:a': 'A' });
      server.pause();
      expect(await store.read(['{u}:a'])).toEqual(['A']);
      const { answer } = await eventually(
        async () => {
          const pending = store.read(['{u}:a']);
          expect(await Promise.race([pending, sleep(200, 'no answer')])).toBe('no answer');
          return { answer: pending };
        },
        { withinMs: 10_000, everyMs: 100 },
      );
      server.resume();
      expect(await answer).toEqual(['A']);
    } finally {
      server.resume();
      client.destroy();
    }
  });
});

describeWithRedis('redisStore with client-side caching in a Redis Cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 30_000);

  afterAll(async () => {
    await cluster.stop();
  });

  it('answers from the process what it has read of any node before', async () => {
    const client = createCluster({ rootNodes: [...cluster.nodes], RESP: 3, clientSideCache });
    await client.connect();
    try {
      const store = redisStore(client);
      for (const key of ['{a}:x', '{b}:x', '{c}:x']) await store.write(key, key, 60);
      const expected = { '{a}:x': '{a}:x', '{b}:x': '{b}:x', '{c}:x': '{c}:x', '{c}:y': undefined };
      await untilRead(store, expected);
      for (const node of cluster.nodes) node.pause();
      expect(await store.read(Object.keys(expected))).toEqual(Object.values(expected));
    } finally {
      for (const node of cluster.nodes) node.resume();
      client.destroy();
    }
  });
});

/** Reads until the answer is as expected, for a second at most. */
async function untilRead(
  store: SessionStore,
  expected: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const giveUpAt = performance.now() + 1000;
  let values = await store.read(Object.keys(expected));
  while (performance.now() < giveUpAt && !isDeeplyEqual(values, Object.values(expected))) {
    await sleep(10);
    values = await store.read(Object.keys(expected));
  }
  expect(values).toEqual(Object.values(expected));
}

function isDeeplyEqual(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

class OtherProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: Interface;

  constructor(url: string) {
    const script = fileURLToPath(new URL('./redis-process.ts', import.meta.url));
    this.#child = spawn(process.execPath, ['--import', 'tsx', script, url], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = createInterface(this.#child.stdout);
  }

  async call(method: string, ...args: unknown[]): Promise<unknown> {
    const answer = once(this.#answers, 'line');
    this.#child.stdin.write(`${JSON.stringify([method, ...args])}\n`);
    const [line] = (await answer) as [string];
    return JSON.parse(line) as unknown;
  }

  async end(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    await exited;
  }
}
