/**
 * The store in Redis or Valkey, shared by all processes: six verbs, one atomic command each.
 * It knows the commands and what their answers have to look like, and neither sessions nor clients.
 */
import { carriedComplaints, ConfigurationError, describe, OptionReader } from '../option-reader.js';
import { type RedisClient, redisCommands, type RedisCommands } from './redis-client.js';
import type { SessionStore } from './session-store.js';

export type { IoredisClient, NodeRedisClient, RedisClient } from './redis-client.js';

/** Options of `redisStore()`. */
export interface RedisStoreOptions {
  /**
   * What every key begins with; no braces, because those of the key decide its cluster slot.
   * @defaultValue 'ews:'
   */
  readonly prefix?: string | undefined;
}

/**
 * Keeps MFA sessions and sign-outs in Redis: node-redis or ioredis, one server or a cluster. The
 * client stays the app's own, which connects and closes it and listens to its errors.
 *
 * Every key has an expiry, so a server that evicts keys when its memory is full would drop sign-outs:
 * it needs `maxmemory-policy noeviction`; the `volatile-` policies are no better than the others.
 * Reads must go to the primary, because a replica learns of a sign-out late.
 *
 * With node-redis's client-side caching (`RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100_000 }`)
 * reads are answered within the process, and the server tells it what has changed. A connection that
 * died without a sign goes unnoticed for long; `pingInterval: 300` and
 * `socket: { socketTimeout: 1000, reconnectStrategy: (retries) => Math.min(retries * 50, 1000) }`
 * make it a second.
 *
 * The factory never throws; `createSessions()` says what is wrong with the client or the options.
 */
export function redisStore(client: RedisClient, options?: RedisStoreOptions): SessionStore {
  const complaints: string[] = [];
  const option = new OptionReader<RedisStoreOptions>('redisStore()', options, complaints);
  const commands = redisCommands(client);
  if (typeof commands === 'string') option.complain(commands);
  // An empty one is for a database, or a client, that sees to it.
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
    const answer = await redis.del(key);
    redis.changed(key);
    if (typeof answer !== 'number') throw unexpected('DEL', describe(answer));
  }

  return {
    read(keys) {
      if (keys.length === 0) return [];
      const prefixed = keys.map((key) => prefix + key);
      return redis.isCluster ? readBySlot(mget, prefixed) : mget(prefixed);
    },

    async write(key, value, ttlSeconds) {
      if (ttlSeconds <= 0) return remove(prefix + key);
      const answer = await redis.psetex(prefix + key, milliseconds(ttlSeconds), value);
      redis.changed(prefix + key);
      if (answer !== 'OK') throw unexpected('PSETEX', describe(answer));
    },

    async add(key, ttlSeconds) {
      const answer = await redis.setnx(prefix + key, milliseconds(ttlSeconds), '');
      redis.changed(prefix + key);
      if (answer !== 'OK' && answer !== null) throw unexpected('SET', describe(answer));
      return answer === 'OK';
    },

    async raise(key, value, ttlSeconds) {
      const args = [value, String(milliseconds(ttlSeconds))];
      const answer = await redis.eval(RAISE, prefix + key, args);
      redis.changed(prefix + key);
      if (answer !== 1) throw unexpected('EVAL', describe(answer));
    },

    remove: (key) => remove(prefix + key),

    async move(from, to) {
      // RENAMENX takes the expiry along, and in the same step refuses where `to` is there.
      const answer = await redis.renamenx(prefix + from, prefix + to).catch(zeroWhereAbsent);
      redis.changed(prefix + from);
      redis.changed(prefix + to);
      if (answer !== 0 && answer !== 1) throw unexpected('RENAMENX', describe(answer));
      return answer === 1;
    },
  };
}

/** At least 1, because Redis refuses an expiry of 0. */
function milliseconds(ttlSeconds: number): number {
  return Math.max(1, Math.ceil(ttlSeconds * 1000));
}

/** In a cluster one command reaches one slot: a command for each hash tag, all under way at once. */
async function readBySlot(
  mget: (keys: string[]) => Promise<readonly (string | undefined)[]>,
  keys: readonly string[],
): Promise<readonly (string | undefined)[]> {
  const groups = new Map<string, string[]>();
  for (const key of keys) {
    const tag = hashTag(key);
    const group = groups.get(tag);
    if (group === undefined) groups.set(tag, [key]);
    else group.push(key);
  }
  const found = new Map<string, string | undefined>();
  await Promise.all(
    Array.from(groups.values(), async (group) => {
      const values = await mget(group);
      group.forEach((key, index) => found.set(key, values[index]));
    }),
  );
  return keys.map((key) => found.get(key));
}

/** The part of a key that decides its slot: what stands in the first braces, else all of it. */
function hashTag(key: string): string {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;
}

function valuesOf(answer: unknown, count: number): readonly (string | undefined)[] {
  if (!Array.isArray(answer)) throw unexpected('MGET', describe(answer));
  if (answer.length !== count)
    throw unexpected('MGET', `${answer.length} values for ${count} keys`);
  return answer.map((value: unknown) => {
    if (typeof value === 'string') return value;
    if (value === null) return undefined;
    throw unexpected('MGET', `${describe(value)} among the values`);
  });
}

function zeroWhereAbsent(error: unknown): number {
  if (error instanceof Error && error.message.includes('no such key')) return 0;
  throw error;
}

/** Names the kind of an answer, never what was in it. */
function unexpected(command: string, answer: string): Error {
  return new Error(`redisStore: an unexpected answer to ${command}: ${answer}`);
}

/** Stands in for a store that cannot work, for those who use it without `createSessions()`. */
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
