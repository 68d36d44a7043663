/**
 * `ready()` finds a store on which requests would fail, and is content with one that can serve.
 */
import { Redis } from 'ioredis';
import { createClient, createCluster, RESP_TYPES } from 'redis';
import { createSessions, memoryStore, type SessionStore } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.js';

/** The commands of redisStore(), the script's included. */
const COMMANDS = ['mget', 'psetex', 'set', 'get', 'pttl', 'eval', 'del', 'renamenx'];

let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await createTestIssuer();
});

function ready(store: SessionStore): Promise<void> {
  return createSessions({ authentication: issuer.authentication, store }).ready();
}

async function expectNotReady(store: SessionStore, message: RegExp): Promise<void> {
  await expect(ready(store)).rejects.toMatchObject({
    errorType: 'store_unavailable',
    cause: { message: expect.stringMatching(message) as unknown },
  });
}

describe('sessions.ready() with a store of which one verb', () => {
  const sound = memoryStore();

  it.each<[string, Partial<SessionStore>, RegExp]>([
    ['does not write', { write: () => undefined }, /`write`/],
    ['reads parsed JSON', { read: (keys) => keys.map(() => ({ v: 1 })) as never }, /wrong type/],
    ['reads what is not there', { read: (keys) => keys.map(() => '{"v":1}') }, /`write`/],
    ['does not raise', { raise: () => undefined }, /`raise`/],
    ['raises to any value', { raise: (...args) => sound.write(...args) }, /`raise`/],
    ['adds what is there', { add: () => true }, /`add`/],
    ['adds nothing', { add: () => false }, /`add`/],
    ['does not move', { move: () => true }, /`move`/],
    ['denies the move', { move: (...args) => void sound.move(...args) as never }, /wrong type/],
    ['moves and says it did not', { move: (...args) => !sound.move(...args) }, /`move`/],
    ['does not remove', { remove: () => undefined }, /`remove`/],
  ])('%s rejects, and says which', async (_, fault, message) => {
    await expectNotReady({ ...sound, ...fault }, message);
  });

  it('fails rejects with its error', async () => {
    const fail = (): never => {
      throw new Error('it is full');
    };
    for (const verb of ['read', 'write', 'add', 'raise', 'remove', 'move']) {
      await expectNotReady({ ...sound, [verb]: fail }, /^it is full$/);
    }
    await expectNotReady({ ...sound, add: () => Promise.reject(new Error('down')) }, /^down$/);
  });

  it('takes part in a full store rejects', async () => {
    const full = memoryStore({ maxEntries: 1 });
    await full.write('a', 'A', 60, { keep: true });
    await expectNotReady(full, /it is full/);
  });
});

describeWithRedis('sessions.ready() with redisStore', () => {
  let server: RedisServer;
  let admin: Redis;

  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
  });

  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  async function withClient(url: string, use: (client: Redis) => Promise<void>): Promise<void> {
    const client = new Redis(url);
    client.on('error', () => undefined);
    try {
      await use(client);
    } finally {
      client.disconnect();
    }
  }

  it('resolves, and leaves no key behind', async () => {
    await ready(redisStore(admin));
    expect(await admin.dbsize()).toBe(0);
  });

  it('resolves with a client that replies with numbers as strings', async () => {
    const client = new Redis(server.url, { stringNumbers: true });
    await ready(redisStore(client));
    client.disconnect();
  });

  it('rejects with a client that replies with Buffers', async () => {
    const client = await createClient({ url: server.url }).connect();
    const buffers = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    await expectNotReady(redisStore(buffers), /MGET: an object/);
    client.destroy();
  });

  it('resolves for a user with the documented commands, and rejects if one is missing', async () => {
    const { port } = server;
    const url = `redis://wallet:secret@127.0.0.1:${port}`;
    // What the client itself sends when it connects.
    const ofClient = ['+info', '+client', '+ping'];
    async function allow(commands: readonly string[]): Promise<void> {
      const rules = ['reset', 'on', '>secret', '~ews:*', ...ofClient];
      await admin.call('ACL', 'SETUSER', 'wallet', ...rules, ...commands.map((c) => `+${c}`));
    }
    await allow(COMMANDS);
    await withClient(url, (client) => ready(redisStore(client)));
    const nodeRedis = await createClient({ url }).connect();
    await ready(redisStore(nodeRedis));
    nodeRedis.destroy();
    for (const missing of COMMANDS) {
      await allow(COMMANDS.filter((command) => command !== missing));
      await withClient(url, (client) =>
        expectNotReady(redisStore(client), /NOPERM|can't run this command/),
      );
    }
    await allow(COMMANDS);
    await withClient(url, (client) =>
      expectNotReady(redisStore(client, { prefix: 'other:' }), /NOPERM/),
    );
  });

  it('rejects on a read-only replica', async () => {
    const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(server.port)] });
    await withClient(replica.url, (client) => expectNotReady(redisStore(client), /READONLY/));
    await replica.stop();
  });

  it('rejects on a full server', async () => {
    await admin.config('SET', 'maxmemory', '1');
    try {
      await expectNotReady(redisStore(admin), /OOM/);
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
    await ready(redisStore(admin));
  });
});

describeWithRedis('sessions.ready() with a Redis Cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 30_000);

  afterAll(async () => {
    await cluster.stop();
  });

  it('rejects with clients for one server', async () => {
    for (const { url } of cluster.nodes) {
      const [nodeRedis, ioredis] = [await createClient({ url }).connect(), new Redis(url)];
      await expectNotReady(redisStore(nodeRedis), /MOVED|CROSSSLOT/);
      await expectNotReady(redisStore(ioredis), /MOVED|CROSSSLOT/);
      nodeRedis.destroy();
      ioredis.disconnect();
    }
  });

  it('resolves with a client of the cluster, also while one of three nodes hangs', async () => {
    const client = await createCluster({ rootNodes: [...cluster.nodes] }).connect();
    await ready(redisStore(client));
    cluster.nodes[2]?.pause();
    try {
      await ready(redisStore(client));
    } finally {
      cluster.nodes[2]?.resume();
    }
    client.destroy();
  });
});
