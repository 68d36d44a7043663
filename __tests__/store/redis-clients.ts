/**
 * The Redis clients that `redisStore` is for, connected to a test's server or cluster.
 */
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { createClient, createClientPool, createCluster } from 'redis';
import * as redis4 from 'redis4';
import * as redis5 from 'redis5';
import type { RedisClient } from 'express-wallet-session/redis';
import type { RedisCluster } from '../support/redis-cluster.js';
import type { RedisServer } from '../support/redis.js';

export interface ConnectedClient {
  readonly client: RedisClient;
  readonly close: () => void;
}

export const clientsOfOneServer: Readonly<
  Record<string, (server: RedisServer) => ConnectedClient | Promise<ConnectedClient>>
> = {
  'node-redis 6': async ({ url }) => nodeRedis(await createClient({ url }).connect()),
  'a pool of node-redis 6': async ({ url }) => {
    const pool = createClientPool({ url });
    await pool.connect();
    return nodeRedis(pool);
  },
  'node-redis 5': async ({ url }) => nodeRedis(await redis5.createClient({ url }).connect()),
  'node-redis 4': async ({ url }) => nodeRedis4(await redis4.createClient({ url }).connect()),
  'ioredis 6': ({ url }) => ioredis(new Redis(url)),
  'ioredis 6 with numbers as strings': ({ url }) =>
    ioredis(new Redis(url, { stringNumbers: true })),
  'ioredis 6 with RESP3': ({ url }) => ioredis(new Redis(url, { replyMapping: 'resp3' })),
  'ioredis 5': ({ url }) => ioredis(new Redis5(url)),
};

export const clientsOfACluster: Readonly<
  Record<string, (cluster: RedisCluster) => ConnectedClient | Promise<ConnectedClient>>
> = {
  'node-redis 6': async ({ nodes }) =>
    nodeRedis(await createCluster({ rootNodes: [...nodes] }).connect()),
  'node-redis 5': async ({ nodes }) => {
    const client = redis5.createCluster({ rootNodes: [...nodes] });
    await client.connect();
    return nodeRedis(client);
  },
  'ioredis 6': ({ nodes }) => ioredis(new Cluster(nodes.map(({ url }) => url))),
  'ioredis 5': ({ nodes }) => ioredis(new Cluster5(nodes.map(({ url }) => url))),
};

function nodeRedis(client: RedisClient & { destroy(): void }): ConnectedClient {
  return {
    client,
    close: () => {
      client.destroy();
    },
  };
}

function nodeRedis4(client: RedisClient & { disconnect(): Promise<void> }): ConnectedClient {
  return {
    client,
    close: () => {
      void client.disconnect();
    },
  };
}

function ioredis(client: RedisClient & { disconnect(): void }): ConnectedClient {
  return {
    client,
    close: () => {
      client.disconnect();
    },
  };
}
