/**
 * Which clients `redisStore` takes, as types: checked by `npm run types`, never run.
 */
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import * as redis4 from 'redis4';
import * as redis5 from 'redis5';
import type { SessionStore } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';

const rootNodes = [{ url: 'redis://127.0.0.1:7000' }];
const startupNodes = [{ host: '127.0.0.1', port: 7000 }];
const sentinel = { name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 26379 }] };
const clientSideCache = { ttl: 0, maxEntries: 10_000 };

export const accepted: readonly SessionStore[] = [
  redisStore(createClient()),
  redisStore(createClient({ url: 'redis://127.0.0.1', RESP: 2 })),
  redisStore(createClient({ RESP: 3, clientSideCache })),
  redisStore(await createClient().connect()),
  redisStore(createClientPool()),
  redisStore(createClientPool({ RESP: 3 }, { clientSideCache })),
  redisStore(createCluster({ rootNodes })),
  redisStore(createCluster({ rootNodes, RESP: 3, clientSideCache })),
  redisStore(createSentinel(sentinel)),

  redisStore(redis5.createClient()),
  redisStore(redis5.createClient({ RESP: 3, clientSideCache })),
  redisStore(redis5.createClientPool()),
  redisStore(redis5.createCluster({ rootNodes })),
  redisStore(redis5.createSentinel(sentinel)),

  redisStore(redis4.createClient()),

  redisStore(new Redis()),
  redisStore(new Redis({ replyMapping: 'resp3' })),
  redisStore(new Cluster(startupNodes)),
  redisStore(new Redis5()),
  redisStore(new Cluster5(startupNodes)),

  redisStore(new Redis(), { prefix: 'wallet:' }),
  redisStore(new Redis(), { prefix: undefined }),
];

// @ts-expect-error a promise of a client: await it first
redisStore(createClient().connect());
// @ts-expect-error the options of a client
redisStore({ url: 'redis://127.0.0.1' });
// @ts-expect-error the client is left out
redisStore();
// @ts-expect-error a misspelt option
redisStore(new Redis(), { prefx: 'wallet:' });
