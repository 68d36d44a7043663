/**
 * The clients of Redis that `redisStore` can use, told apart by what they can do, behind one set of
 * commands. Nothing is imported from them, so that any version with these methods will do.
 */
import { describe } from '../option-reader.js';

/** How `set` is told "only if it is absent, with this expiry": the words of node-redis 5 and 6, and of 4. */
export interface NodeRedisSetOptions {
  readonly condition: 'NX';
  readonly expiration: { readonly type: 'PX'; readonly value: number };
  readonly NX: true;
  readonly PX: number;
}

/** What is needed of node-redis (5 and 6): `createClient`, `createClientPool`, `createCluster`, `createSentinel`. */
export interface NodeRedisClient {
  mGet(keys: string[]): Promise<unknown>;
  pSetEx(key: string, milliseconds: number, value: string): Promise<unknown>;
  set(key: string, value: string, options: NodeRedisSetOptions): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  renameNX(key: string, newKey: string): Promise<unknown>;
  /** There when client-side caching is switched on. */
  readonly clientSideCache?: { invalidate(key: string): void } | undefined;
}

/** What is needed of ioredis (5 and 6): `new Redis()` and `new Redis.Cluster()`. */
export interface IoredisClient {
  readonly isCluster: boolean;
  mget(keys: string[]): Promise<unknown>;
  psetex(key: string, milliseconds: number, value: string): Promise<unknown>;
  set(
    key: string,
    value: string,
    px: 'PX',
    milliseconds: number,
    condition: 'NX',
  ): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  renamenx(key: string, newKey: string): Promise<unknown>;
}

/** A client of node-redis or of ioredis, connected or about to be. */
export type RedisClient = NodeRedisClient | IoredisClient;

/** The commands a store is made of, whichever the client; the answers are as they came. */
export interface RedisCommands {
  /** The keys of one command have to lie in one slot. */
  readonly isCluster: boolean;
  mget(keys: string[]): Promise<unknown>;
  psetex(key: string, milliseconds: number, value: string): Promise<unknown>;
  /** SET with NX and PX. */
  setnx(key: string, milliseconds: number, value: string): Promise<unknown>;
  /** EVAL of a script with one key. */
  eval(script: string, key: string, args: string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  renamenx(key: string, newKey: string): Promise<unknown>;
  /** Called with every key that was changed, for a client that caches. */
  changed(key: string): void;
}

/** @returns a sentence on what is wrong where this is no client that can be used */
export function redisCommands(client: unknown): RedisCommands | string {
  if (isNodeRedis(client)) return nodeRedisCommands(client);
  if (isIoredis(client)) return ioredisCommands(client);
  if (client instanceof Promise) return 'expects a client, not a promise of one: await it first.';
  return `expects a client of node-redis (5 or 6) or ioredis (5 or 6), not ${describe(client)}.`;
}

function isNodeRedis(client: unknown): client is NodeRedisClient {
  return hasMethods(client, ['mGet', 'pSetEx', 'set', 'eval', 'del', 'renameNX']);
}

function isIoredis(client: unknown): client is IoredisClient {
  return hasMethods(client, ['mget', 'psetex', 'set', 'eval', 'del', 'renamenx']);
}

function hasMethods(client: unknown, names: readonly string[]): client is object {
  return (
    typeof client === 'object' &&
    client !== null &&
    names.every((name) => typeof Reflect.get(client, name) === 'function')
  );
}

function nodeRedisCommands(client: NodeRedisClient): RedisCommands {
  return {
    isCluster: hasMethods(client, ['nodeClient']),
    mget: (keys) => client.mGet(keys),
    psetex: (key, milliseconds, value) => client.pSetEx(key, milliseconds, value),
    setnx(key, milliseconds, value) {
      const expiration = { type: 'PX', value: milliseconds } as const;
      return client.set(key, value, { condition: 'NX', expiration, NX: true, PX: milliseconds });
    },
    eval: (script, key, args) => client.eval(script, { keys: [key], arguments: args }),
    del: (key) => client.del(key),
    renamenx: (key, newKey) => client.renameNX(key, newKey),
    // The server's own invalidation comes after the reply, and in a pool on another connection.
    changed: (key) => client.clientSideCache?.invalidate(key),
  };
}

function ioredisCommands(client: IoredisClient): RedisCommands {
  return {
    isCluster: client.isCluster,
    mget: (keys) => client.mget(keys),
    psetex: (key, milliseconds, value) => client.psetex(key, milliseconds, value),
    setnx: (key, milliseconds, value) => client.set(key, value, 'PX', milliseconds, 'NX'),
    eval: (script, key, args) => client.eval(script, 1, key, ...args),
    del: (key) => client.del(key),
    renamenx: (key, newKey) => client.renamenx(key, newKey),
    changed: () => undefined,
  };
}
