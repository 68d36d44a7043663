/**
 * The Redis clients that `redisStore` supports, told apart by their methods, behind one set of
 * commands. They are not imported, so any version with these methods works.
 */
import { describe } from '../option-reader.js';

/** SET with NX and PX: `condition` and `expiration` for node-redis 5 and 6, `NX` and `PX` for 4. */
export interface NodeRedisSetOptions {
  readonly condition: 'NX';
  readonly expiration: { readonly type: 'PX'; readonly value: number };
  readonly NX: true;
  readonly PX: number;
}

/**
 * The methods used of node-redis (5 and 6): `createClient`, `createClientPool`, `createCluster`,
 * `createSentinel`; and of `createClient` of 4.
 */
export interface NodeRedisClient {
  /** MGET. */
  mGet(keys: string[]): Promise<unknown>;
  /** PSETEX. */
  pSetEx(key: string, milliseconds: number, value: string): Promise<unknown>;
  /** SET with NX and PX. */
  set(key: string, value: string, options: NodeRedisSetOptions): Promise<unknown>;
  /** EVAL. */
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  /** DEL. */
  del(key: string): Promise<unknown>;
  /** RENAMENX. */
  renameNX(key: string, newKey: string): Promise<unknown>;
  /** Present when client-side caching is switched on. */
  readonly clientSideCache?: { invalidate(key: string): void } | undefined;
}

/** The methods used of ioredis (5 and 6): `new Redis()` and `new Redis.Cluster()`. */
export interface IoredisClient {
  /** Whether it is a `Redis.Cluster`. */
  readonly isCluster: boolean;
  /** MGET. */
  mget(keys: string[]): Promise<unknown>;
  /** PSETEX. */
  psetex(key: string, milliseconds: number, value: string): Promise<unknown>;
  /** SET with PX and NX. */
  set(
    key: string,
    value: string,
    px: 'PX',
    milliseconds: number,
    condition: 'NX',
  ): Promise<unknown>;
  /** EVAL. */
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
  /** DEL. */
  del(key: string): Promise<unknown>;
  /** RENAMENX. */
  renamenx(key: string, newKey: string): Promise<unknown>;
}

/** A client of node-redis or of ioredis, connected or about to connect. */
export type RedisClient = NodeRedisClient | IoredisClient;

/** The commands of a store, the same for every client. The replies are passed on unchecked. */
export interface RedisCommands {
  /** Whether the keys of one command must lie in one slot. */
  readonly isCluster: boolean;
  mget(keys: string[]): Promise<unknown>;
  psetex(key: string, milliseconds: number, value: string): Promise<unknown>;
  /** SET with NX and PX. */
  setnx(key: string, milliseconds: number, value: string): Promise<unknown>;
  /** EVAL of a script with one key. */
  eval(script: string, key: string, args: string[]): Promise<unknown>;
  del(key: string): Promise<unknown>;
  renamenx(key: string, newKey: string): Promise<unknown>;
  /** Called with every changed key, for a client with a cache. */
  changed(key: string): void;
}

/** @returns a complaint, if the client is not supported */
export function redisCommands(client: unknown): RedisCommands | string {
  if (client instanceof Promise) return 'expects a client, not a promise of one: await it first.';
  const unsupported = unsupportedClient(client);
  if (unsupported !== undefined) return `expects ${SUPPORTED}, not ${unsupported}.`;
  if (isNodeRedis(client)) return nodeRedisCommands(client);
  if (isIoredis(client)) return ioredisCommands(client);
  return `expects ${SUPPORTED}, not ${describe(client)}.`;
}

const SUPPORTED = 'a client of node-redis (4 to 6) or ioredis (5 or 6)';

function isNodeRedis(client: unknown): client is NodeRedisClient {
  return hasMethods(client, ['mGet', 'pSetEx', 'set', 'eval', 'del', 'renameNX']);
}

function isIoredis(client: unknown): client is IoredisClient {
  return (
    hasMethods(client, ['mget', 'psetex', 'set', 'eval', 'del', 'renamenx']) &&
    typeof Reflect.get(client, 'isCluster') === 'boolean'
  );
}

/** Names the clients whose methods look right, and whose arguments or replies are others. */
function unsupportedClient(client: unknown): string | undefined {
  if (hasMethods(client, ['internal_send_command'])) return 'one of node-redis 3';
  if (hasMethods(client, ['mget', 'psetex', 'createScript'])) return 'one of @upstash/redis';
  // It sends EVAL to a node at random, and gives up after some redirections.
  if (isCluster(client) && !hasMethods(client, ['destroy'])) return 'a cluster of node-redis 4';
  if (isLegacy(client)) return 'the legacy (callback) interface of node-redis';
  return undefined;
}

/** `createCluster` of node-redis. */
function isCluster(client: unknown): boolean {
  return hasMethods(client, ['mGet', 'nodeClient']);
}

/** `legacyMode: true` of node-redis 4, and `client.legacy()` of 5 and 6. */
function isLegacy(client: unknown): boolean {
  if (!isNodeRedis(client)) return false;
  const { options, constructor } = client as { options?: { legacyMode?: unknown } } & object;
  return options?.legacyMode === true || constructor.name === 'RedisLegacyClient';
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
    isCluster: isCluster(client),
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
