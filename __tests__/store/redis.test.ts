import { Redis } from 'ioredis';
import { Redis as UpstashRedis } from '@upstash/redis';
import { createClient } from 'redis';
// @ts-expect-error it has no types
import * as redis3 from 'redis3';
import * as redis4 from 'redis4';
import { ConfigurationError } from 'express-wallet-session';
import { redisStore, type RedisClient } from 'express-wallet-session/redis';
import { describeStore } from 'express-wallet-session/testing';
import { type ConnectedClient, clientsOfOneServer } from './redis-clients.js';
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.js';
import { complaintsAbout } from './store-complaints.js';

interface Redis3 {
  createClient(options: object): {
    on(event: 'error', listener: () => void): void;
    end(flush: boolean): void;
  };
}

describeWithRedis('redisStore', () => {
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

  for (const [name, connect] of Object.entries(clientsOfOneServer)) {
    describe(`over ${name}`, () => {
      let connected: ConnectedClient;

      beforeAll(async () => {
        connected = await connect(server);
      });

      afterAll(() => {
        connected.close();
      });

      describeStore(
        'keeps the contract',
        () => ({ store: redisStore(connected.client), second: redisStore(admin) }),
        { describe, it, expect },
      );

      it('gives every key the prefix and an expiry, rounded up to a millisecond', async () => {
        await admin.flushall();
        const store = redisStore(connected.client);
        await store.write('{u}:a', 'A', 60);
        await store.write('{u}:b', 'B', 60, { keep: true });
        await store.write('{u}:c', 'C', 60);
        await store.move('{u}:c', '{u}:d');
        await store.write('{u}:e', 'E', 0.0001);
        const keys = await admin.keys('*');
        expect(keys.filter((key) => key !== 'ews:{u}:e').sort()).toEqual([
          'ews:{u}:a',
          'ews:{u}:b',
          'ews:{u}:d',
        ]);
        for (const key of ['a', 'b', 'd']) {
          const milliseconds = await admin.pttl(`ews:{u}:${key}`);
          expect(milliseconds).toBeGreaterThan(50_000);
          expect(milliseconds).toBeLessThanOrEqual(60_000);
        }
      });

      it('asks one question by one command', async () => {
        const store = redisStore(connected.client);
        await store.write('{u}:a', 'A', 60);
        expect(await commandsOf(() => store.read(['{u}:a', '{s}:b', '{u}:c']))).toEqual(['mget 1']);
        expect(await commandsOf(() => store.write('{u}:a', 'A', 60))).toEqual(['psetex 1']);
        expect(await commandsOf(() => store.add('{u}:b', 60))).toEqual(['set 1']);
        expect([...(await commandsOf(() => store.raise('{u}:b', 'B', 60)))].sort()).toEqual([
          'eval 1',
          'get 1',
          'pttl 1',
          'set 1',
        ]);
        await store.remove('{u}:b');
        expect(await commandsOf(() => store.move('{u}:a', '{u}:moved'))).toEqual(['renamenx 1']);
        expect(await commandsOf(() => store.remove('{u}:moved'))).toEqual(['del 1']);
        expect(await commandsOf(() => store.read([]))).toEqual([]);
      });

      it('rejects a write that a full server refuses, and still reads and removes', async () => {
        const store = redisStore(connected.client);
        await store.write('{u}:a', 'A', 60);
        await admin.config('SET', 'maxmemory', '1');
        try {
          await expect(async () => store.write('{u}:refused', 'R', 60)).rejects.toThrow(/OOM/);
          expect(await store.read(['{u}:a', '{u}:refused'])).toEqual(['A', undefined]);
          await store.remove('{u}:a');
          expect(await store.read(['{u}:a', '{u}:refused'])).toEqual([undefined, undefined]);
        } finally {
          await admin.config('SET', 'maxmemory', '0');
        }
        await store.write('{u}:refused', 'R', 60);
        expect(await store.read(['{u}:refused'])).toEqual(['R']);
      });

      it('refuses to write without a finite expiry, and keeps what is there', async () => {
        const store = redisStore(connected.client);
        await store.write('{u}:a', 'old', 60);
        for (const ttlSeconds of [NaN, Infinity]) {
          await expect(async () => store.write('{u}:a', 'new', ttlSeconds)).rejects.toThrow();
        }
        expect(await store.read(['{u}:a'])).toEqual(['old']);
      });
    });
  }

  it('moves once, however many clients move at once', async () => {
    const connected = await Promise.all(
      Object.values(clientsOfOneServer).map(async (connect) => connect(server)),
    );
    const stores = connected.map(({ client }) => redisStore(client));
    for (let round = 0; round < 20; round += 1) {
      await stores[0]?.write('{u}:from', 'value', 60);
      const targets = stores.map((_, n) => `{u}:to ${n}`);
      const moved = await Promise.all(
        stores.map(async (store, n) => store.move('{u}:from', targets[n] ?? '')),
      );
      expect(moved.filter(Boolean)).toEqual([true]);
      expect(await stores[0]?.read(['{u}:from', ...targets])).toEqual([
        undefined,
        ...moved.map((was) => (was ? 'value' : undefined)),
      ]);
      for (const target of targets) await stores[0]?.remove(target);
    }
    for (const { close } of connected) close();
  });

  it('keeps stores of different prefixes apart', async () => {
    const client = new Redis(server.url);
    const [one, other] = [
      redisStore(client, { prefix: 'a:' }),
      redisStore(client, { prefix: 'b:' }),
    ];
    await one.write('{u}:x', 'of one', 60);
    expect(await other.read(['{u}:x'])).toEqual([undefined]);
    await other.write('{u}:x', 'of the other', 60);
    expect(await one.read(['{u}:x'])).toEqual(['of one']);
    expect((await admin.keys('?:{u}:x')).sort()).toEqual(['a:{u}:x', 'b:{u}:x']);
    client.disconnect();
  });

  it.each([
    [
      'node-redis',
      async (): Promise<RedisClient> => {
        const client = await createClient({ url: server.url }).connect();
        client.destroy();
        return client;
      },
    ],
    [
      'ioredis',
      (): Promise<RedisClient> => {
        const client = new Redis(server.url);
        client.disconnect();
        return Promise.resolve(client);
      },
    ],
  ])('rejects what a closed client of %s cannot do', async (_, closedClient) => {
    const store = redisStore(await closedClient());
    await expect(async () => store.read(['a'])).rejects.toThrow(/closed/);
    await expect(async () => store.write('a', 'A', 60)).rejects.toThrow(/closed/);
    await expect(async () => store.remove('a')).rejects.toThrow(/closed/);
    await expect(async () => store.move('a', 'b')).rejects.toThrow(/closed/);
  });

  async function commandsOf(question: () => unknown): Promise<readonly string[]> {
    await admin.config('RESETSTAT');
    await question();
    const stats = await admin.info('commandstats');
    return Array.from(
      stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g),
      ([, command, calls]) => `${command ?? ''} ${calls ?? ''}`,
    ).filter((line) => !line.startsWith('config'));
  }
});

describe('redisStore does not take an answer that makes no sense for one', () => {
  const sound = {
    isCluster: false,
    mget: (): Promise<unknown> => Promise.resolve(['value']),
    psetex: (): Promise<unknown> => Promise.resolve('OK'),
    set: (): Promise<unknown> => Promise.resolve('OK'),
    eval: (): Promise<unknown> => Promise.resolve(1),
    del: (): Promise<unknown> => Promise.resolve(1),
    renamenx: (): Promise<unknown> => Promise.resolve(1),
  };

  it.each([
    ['mget', 'QUEUED', 'MGET: a string'],
    ['mget', null, 'MGET: null'],
    ['mget', [], 'MGET: 0 values for 1 keys'],
    ['mget', ['secret', 'secret'], 'MGET: 2 values for 1 keys'],
    ['mget', [Buffer.from('secret')], 'MGET: an object among the values'],
    ['mget', [['secret']], 'MGET: an array among the values'],
    ['mget', [undefined], 'MGET: nothing among the values'],
    ['psetex', null, 'PSETEX: null'],
    ['psetex', 'QUEUED', 'PSETEX: a string'],
    ['set', undefined, 'SET: nothing'],
    ['set', 'QUEUED', 'SET: a string'],
    ['set', 1, 'SET: 1'],
    ['eval', null, 'EVAL: null'],
    ['eval', 'QUEUED', 'EVAL: a string'],
    ['eval', 0, 'EVAL: 0'],
    ['del', 'OK', 'DEL: a string'],
    ['renamenx', 'OK', 'RENAMENX: a string'],
    ['renamenx', 2, 'RENAMENX: 2'],
    ['renamenx', null, 'RENAMENX: null'],
  ])('%s answered by %j', async (command, answer, complaint) => {
    const store = redisStore({ ...sound, [command]: () => Promise.resolve(answer) });
    const question = {
      mget: () => store.read(['a']),
      psetex: () => store.write('a', 'A', 60),
      set: () => store.add('a', 60),
      eval: () => store.raise('a', 'A', 60),
      del: () => store.remove('a'),
      renamenx: () => store.move('a', 'b'),
    }[command];
    await expect(async () => question?.()).rejects.toThrow(
      new Error(`redisStore: an unexpected reply to ${complaint}`),
    );
  });

  it.each([
    [1, 0],
    [1n, 0n],
    ['1', '0'],
    [true, false],
  ])('but takes %p and %p for yes and no, as clients write them', async (yes, no) => {
    const moved = (reply: unknown): unknown =>
      redisStore({ ...sound, renamenx: () => Promise.resolve(reply) }).move('a', 'b');
    expect(await moved(yes)).toBe(true);
    expect(await moved(no)).toBe(false);
    const removed = (reply: unknown): unknown =>
      redisStore({ ...sound, del: () => Promise.resolve(reply) }).remove('a');
    expect(await removed(yes)).toBeUndefined();
    expect(await removed(no)).toBeUndefined();
    const raised = redisStore({ ...sound, eval: () => Promise.resolve(yes) });
    await raised.raise('a', 'A', 60);
  });

  it('passes the errors of the client on as they are', async () => {
    const error = new Error('READONLY You can not write against a read only replica.');
    const fail = (): Promise<never> => Promise.reject(error);
    const store = redisStore({
      isCluster: false,
      mget: fail,
      psetex: fail,
      set: fail,
      eval: fail,
      del: fail,
      renamenx: fail,
    });
    await expect(async () => store.read(['a'])).rejects.toBe(error);
    await expect(async () => store.write('a', 'A', 60)).rejects.toBe(error);
    await expect(async () => store.write('a', 'A', 0)).rejects.toBe(error);
    await expect(async () => store.add('a', 60)).rejects.toBe(error);
    await expect(async () => store.raise('a', 'A', 60)).rejects.toBe(error);
    await expect(async () => store.remove('a')).rejects.toBe(error);
    await expect(async () => store.move('a', 'b')).rejects.toBe(error);
  });
});

describe('redisStore refuses what makes no sense, in a complaint and not by throwing', () => {
  const neverConnected = createClient();
  const noClient = 'expects a client of node-redis (4 to 6) or ioredis (5 or 6), not';

  it.each([
    [undefined, {}, [`${noClient} nothing.`]],
    [null, {}, [`${noClient} null.`]],
    ['redis://127.0.0.1', {}, [`${noClient} a string.`]],
    [{ url: 'redis://127.0.0.1' }, {}, [`${noClient} an object.`]],
    [
      Promise.resolve(neverConnected),
      {},
      ['expects a client, not a promise of one: await it first.'],
    ],
    [neverConnected, { prefix: 5 }, ['`prefix` must be a non-empty string, not 5.']],
    [neverConnected, { prefix: '{ews}:' }, ['`prefix` must not contain braces.']],
    [neverConnected, { prefix: 'ews}' }, ['`prefix` must not contain braces.']],
    [neverConnected, { prefx: 'a:' }, ['there is no option `prefx`. Did you mean `prefix`?']],
    [{}, { prefix: '{' }, [`${noClient} an object.`, '`prefix` must not contain braces.']],
  ])('the client %p with %p', async (client, options, complaints) => {
    const expected = complaints.map((complaint) => `redisStore(): ${complaint}`);
    const store = redisStore(client as unknown as RedisClient, options as { prefix: string });
    expect(complaintsAbout(store)).toEqual(expected);
    const refusal = new ConfigurationError(expected);
    await expect(async () => store.read(['a'])).rejects.toThrow(refusal);
    await expect(async () => store.write('a', 'A', 60)).rejects.toThrow(refusal);
    await expect(async () => store.add('a', 60)).rejects.toThrow(refusal);
    await expect(async () => store.raise('a', 'A', 60)).rejects.toThrow(refusal);
    await expect(async () => store.remove('a')).rejects.toThrow(refusal);
    await expect(async () => store.move('a', 'b')).rejects.toThrow(refusal);
  });

  it.each([
    [
      'node-redis 3',
      () => {
        const client = (redis3 as Redis3).createClient({
          port: 1,
          retry_strategy: () => undefined,
        });
        client.on('error', () => undefined);
        client.end(true);
        return client;
      },
      'one of node-redis 3.',
    ],
    [
      '@upstash/redis',
      () => new UpstashRedis({ url: 'https://redis.example', token: 'token' }),
      'one of @upstash/redis.',
    ],
    [
      '@upstash/redis that gives texts as they are',
      () =>
        new UpstashRedis({
          url: 'https://redis.example',
          token: 'token',
          automaticDeserialization: false,
        }),
      'one of @upstash/redis.',
    ],
    [
      'a cluster of node-redis 4',
      () => redis4.createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:1' }] }),
      'a cluster of node-redis 4.',
    ],
    [
      'the legacy interface of node-redis 6',
      () => createClient().legacy(),
      'the legacy (callback) interface of node-redis.',
    ],
    [
      'node-redis 4 in its legacy mode',
      () => redis4.createClient({ legacyMode: true }),
      'the legacy (callback) interface of node-redis.',
    ],
  ])('a client of %s, by its name', (_, createUnsupported, name) => {
    const store = redisStore(createUnsupported() as unknown as RedisClient);
    expect(complaintsAbout(store)).toEqual([`redisStore(): ${noClient} ${name}`]);
  });

  it('but not a client that is yet to connect', () => {
    expect(complaintsAbout(redisStore(neverConnected))).toEqual([]);
    expect(complaintsAbout(redisStore(neverConnected, { prefix: undefined }))).toEqual([]);
    expect(complaintsAbout(redisStore(neverConnected, { prefix: '' }))).toEqual([]);
  });
});
