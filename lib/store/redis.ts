/**
 * The store in Redis or Valkey, shared by all processes: six verbs, one atomic command each. This
 * file knows the commands and their replies, and neither sessions nor clients.
 */
import { carriedComplaints, ConfigurationError, describe, OptionReader } from '../option-reader.js';
import { type RedisClient, redisCommands, type RedisCommands } from './redis-client.js';
import type { SessionStore } from './session-store.js';

export type { IoredisClient, NodeRedisClient, RedisClient } from './redis-client.js';

/** Options of `redisStore()`. */
export interface RedisStoreOptions {
  /**
   * The prefix of every key; no braces, because those of the key decide its cluster slot. An empty
   * one is allowed.
   * @defaultValue 'ews:'
   */
  readonly prefix?: string | undefined;
}

/**
 * Keeps MFA sessions and sign-outs in Redis 6.2 to 8 or Valkey, through node-redis or ioredis: one
 * server, Sentinel or Cluster. The app keeps the client: it connects and closes it and listens to its
 * `error` events.
 *
 * The server needs `maxmemory-policy noeviction`: every key has an expiry, so each of the other
 * policies may evict sign-outs. Reads must go to the primary, because a replica learns of a sign-out
 * late. `raise` is a script (EVAL). An ACL has to allow `mget`, `psetex`, `set`, `get`, `pttl`,
 * `eval`, `del` and `renamenx`.
 *
 * With client-side caching of node-redis (`RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100_000 }`)
 * reads are answered within the process, and the server invalidates changed keys. A connection that
 * died without a sign goes unnoticed for long; `pingInterval: 300` and
 * `socket: { socketTimeout: 1000, reconnectStrategy: (retries) => Math.min(retries * 50, 1000) }`
 * make it a second.
 *
 * The factory never throws. `createSessions()` reports an unsupported client or a bad option.
 *
 * @example
 * import { createClient } from 'redis';
 *
 * const client = createClient({ url: process.env.REDIS_URL, disableOfflineQueue: true });
 * client.on('error', (error) => console.error(error));
 * await client.connect();
 * app.use(validateSession({ store: redisStore(client) }));
 *
 * @see https://redis.io/docs/latest/develop/clients/
 */
export function redisStore(client: RedisClient, options?: RedisStoreOptions): SessionStore {
  const complaints: string[] = [];
  const option = new OptionReader<RedisStoreOptions>('redisStore()', options, complaints);
  const commands = redisCommands(client);
  if (typeof commands === 'string') option.complain(commands);
  // An empty prefix suits a database of its own, or a client with a prefix.
  const prefix = option.value('prefix') === '' ? '' : option.string('prefix', 'ews:');
  if (/[{}]/.test(prefix)) option.complain('`prefix` must not contain braces.');
  option.end();

  const unusable = typeof commands === 'string' || complaints.length > 0;
  const store = unusable ? refusingStore(complaints) : storeOf(commands, prefix);
  return Object.assign(store, { [carriedComplaints]: complaints });
}

/**
 * KEYS[1] is the key, ARGV[1] the value and ARGV[2] its expiry in milliseconds. A script, because no
 * command of Redis 6.2 to 8 compares strings. Lua's own `<` goes by the locale of the server, so the
 * bytes are compared one by one.
 */
const RAISE = `
local function isGreater(a, b)
  for i = 1, #a do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return y == nil or x > y end
  end
  return false
end
local value, milliseconds = ARGV[1], tonumber(ARGV[2])
local present = redis.call('GET', KEYS[1])
if present then
  if isGreater(present, value) then value = present end
  milliseconds = math.max(milliseconds, redis.call('PTTL', KEYS[1]))
end
redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', milliseconds))
return 1
`;

function storeOf(redis: RedisCommands, prefix: string): SessionStore {
  async function mget(keys: string[]): Promise<readonly (string | undefined)[]> {
    return valuesOf(await redis.mget(keys), keys.length);
  }

  async function remove(key: string): Promise<void> {
    const reply = await redis.del(key);
    redis.changed(key);
    flagOf('DEL', reply);
  }

  return {
    async read(keys) {
      if (keys.length === 0) return [];
      const prefixed = keys.map((key) => prefix + key);
      if (!redis.isCluster) return mget(prefixed);
      // One MGET reaches one slot, and is refused (TRYAGAIN) while that slot is being moved. The
      // clients send the commands of one tick together.
      const values = await Promise.all(prefixed.map((key) => mget([key])));
      return values.flat();
    },

    async write(key, value, ttlSeconds) {
      if (ttlSeconds <= 0) return remove(prefix + key);
      const reply = await redis.psetex(prefix + key, milliseconds(ttlSeconds), value);
      redis.changed(prefix + key);
      if (reply !== 'OK') throw unexpected('PSETEX', describe(reply));
    },

    async add(key, ttlSeconds) {
      const reply = await redis.setnx(prefix + key, milliseconds(ttlSeconds), '');
      redis.changed(prefix + key);
      if (reply !== 'OK' && reply !== null) throw unexpected('SET', describe(reply));
      return reply === 'OK';
    },

    async raise(key, value, ttlSeconds) {
      const args = [value, String(milliseconds(ttlSeconds))];
      const reply = await redis.eval(RAISE, prefix + key, args);
      redis.changed(prefix + key);
      if (!flagOf('EVAL', reply)) throw unexpected('EVAL', describe(reply));
    },

    remove: (key) => remove(prefix + key),

    async move(from, to) {
      // RENAMENX keeps the expiry, and refuses in the same step if `to` is there.
      const reply = await redis.renamenx(prefix + from, prefix + to).catch(zeroIfAbsent);
      redis.changed(prefix + from);
      redis.changed(prefix + to);
      return flagOf('RENAMENX', reply);
    },
  };
}

/** At least 1, because Redis refuses an expiry of 0. */
function milliseconds(ttlSeconds: number): number {
  return Math.max(1, Math.ceil(ttlSeconds * 1000));
}

function valuesOf(reply: unknown, count: number): readonly (string | undefined)[] {
  if (!Array.isArray(reply)) throw unexpected('MGET', describe(reply));
  if (reply.length !== count) throw unexpected('MGET', `${reply.length} values for ${count} keys`);
  return reply.map((value: unknown) => {
    if (typeof value === 'string') return value;
    if (value === null) return undefined;
    throw unexpected('MGET', `${describe(value)} among the values`);
  });
}

/** Strings come from ioredis with `stringNumbers`, booleans from node-redis 4. */
const FLAGS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...[1, 1n, '1', true].map((reply) => [reply, true] as const),
  ...[0, 0n, '0', false].map((reply) => [reply, false] as const),
]);

/** The boolean that a command replies as an integer. */
function flagOf(command: string, reply: unknown): boolean {
  const flag = FLAGS.get(reply);
  if (flag === undefined) throw unexpected(command, describe(reply));
  return flag;
}

function zeroIfAbsent(error: unknown): number {
  if (error instanceof Error && error.message.includes('no such key')) return 0;
  throw error;
}

/** Names the kind of a reply, never its content. */
function unexpected(command: string, reply: string): Error {
  return new Error(`redisStore: an unexpected reply to ${command}: ${reply}`);
}

/** The store of an unsupported client, for use without `createSessions()`. */
function refusingStore(complaints: readonly string[]): SessionStore {
  const refuse = (): Promise<never> => Promise.reject(new ConfigurationError(complaints));
  return {
    read: refuse,
    write: refuse,
    add: refuse,
    raise: refuse,
    remove: refuse,
    move: refuse,
  };
}
