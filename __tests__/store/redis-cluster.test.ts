import { redisStore } from 'express-wallet-session/redis';
import { describeStore } from 'express-wallet-session/testing';
import { type ConnectedClient, clientsOfACluster } from './redis-clients.js';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { describeWithRedis } from '../support/redis.js';

describeWithRedis('redisStore in a Redis Cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startRedisCluster();
  }, 30_000);

  afterAll(async () => {
    await cluster.stop();
  });

  for (const [name, connect] of Object.entries(clientsOfACluster)) {
    describe(`over ${name}`, () => {
      let connected: ConnectedClient;
      let other: ConnectedClient;

      beforeAll(async () => {
        [connected, other] = await Promise.all([connect(cluster), connect(cluster)]);
      });

      afterAll(() => {
        connected.close();
        other.close();
      });

      describeStore(
        'keeps the contract',
        () => ({ store: redisStore(connected.client), second: redisStore(other.client) }),
        { describe, it, expect },
      );

      it('reads keys of all three nodes at once, with and without hash tags', async () => {
        const store = redisStore(connected.client);
        // Slots 3,300 (first node), 7,365 (second) and 15,495 (third) by CLUSTER KEYSLOT of the tag.
        const keys = [
          '{b}:1',
          '{c}:1',
          '{a}:1',
          '{b}:2',
          'no tag',
          '{}:empty tag',
          'a{c}',
          '{c}:2',
        ];
        for (const key of keys) await store.write(key, `value of ${key}`, 60);
        expect(await store.read([...keys, '{a}:absent'])).toEqual([
          ...keys.map((key) => `value of ${key}`),
          undefined,
        ]);
      });

      it('answers from a slot whose move to another node was interrupted', async () => {
        const store = redisStore(connected.client);
        const keys = ['{b}:moved', '{b}:left', '{b}:absent', '{c}:elsewhere'];
        for (const key of keys) await store.write(key, `value of ${key}`, 60);
        await store.remove('{b}:absent');
        const close = await cluster.openSlot(3300, ['ews:{b}:moved']);
        try {
          expect(await store.read(keys)).toEqual([
            'value of {b}:moved',
            'value of {b}:left',
            undefined,
            'value of {c}:elsewhere',
          ]);
          await store.raise('{b}:moved', 'value raised', 60);
          await store.raise(`{b}:raised ${name}`, '1', 60);
          expect(await store.add(`{b}:added ${name}`, 60)).toBe(true);
          expect(await store.add(`{b}:added ${name}`, 60)).toBe(false);
          await store.write('{b}:left', 'later', 60);
          await store.remove('{b}:absent');
          expect(await store.read([...keys, `{b}:raised ${name}`])).toEqual([
            'value raised',
            'later',
            undefined,
            'value of {c}:elsewhere',
            '1',
          ]);
        } finally {
          await close();
        }
      });
    });
  }
});
