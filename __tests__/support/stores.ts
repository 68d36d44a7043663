/**
 * Memory stores whose calls a test records, delays or replaces.
 */
import { memoryStore, type SessionStore } from 'express-wallet-session';

export type StoreVerb = keyof SessionStore;

const VERBS: readonly StoreVerb[] = ['read', 'write', 'add', 'raise', 'remove', 'move'];

/** A store that returns the result of `around` for each call; `work` makes the call itself. */
export function wrapStore(
  around: (work: () => unknown, verb: StoreVerb, given: readonly unknown[]) => unknown,
  store: SessionStore = memoryStore(),
): SessionStore {
  const wrapped = VERBS.map((verb) => {
    const call = store[verb].bind(store) as (...given: unknown[]) => unknown;
    return [verb, (...given: unknown[]) => around(() => call(...given), verb, given)] as const;
  });
  return Object.fromEntries(wrapped) as unknown as SessionStore;
}

export interface TestStore extends SessionStore {
  /** The verbs that were called, in order. */
  readonly calls: StoreVerb[];
  /**
   * Replaces the work of a verb if it returns a function, which gets the keys of a `read`. Set it
   * between requests.
   */
  fault: (verb: StoreVerb) => ((keys: readonly string[]) => unknown) | undefined;
}

export function testStore(): TestStore {
  const calls: StoreVerb[] = [];
  const store: TestStore = {
    ...wrapStore((work, verb, [keys]) => {
      calls.push(verb);
      return (store.fault(verb) ?? work)(keys as string[]);
    }),
    calls,
    fault: () => undefined,
  };
  return store;
}

/** A `fault`, or any other callback that throws. */
export function throwing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

/** A store whose entries expire by the clock of the test, as those of Redis do by real time. */
export function expiringStore(clock: () => number): SessionStore {
  const entries = new Map<string, { value: string; expiresAtMs: number }>();
  const find = (key: string): { value: string; expiresAtMs: number } | undefined => {
    const entry = entries.get(key);
    return entry !== undefined && entry.expiresAtMs > clock() ? entry : undefined;
  };
  const put = (key: string, value: string, expiresAtMs: number): void => {
    entries.set(key, { value, expiresAtMs });
  };
  const inSeconds = (ttlSeconds: number): number => clock() + ttlSeconds * 1000;
  return {
    read: (keys) => keys.map((key) => find(key)?.value),
    write: (key, value, ttlSeconds) => {
      put(key, value, inSeconds(ttlSeconds));
    },
    add: (key, ttlSeconds) => {
      if (find(key) !== undefined) return false;
      put(key, '', inSeconds(ttlSeconds));
      return true;
    },
    raise: (key, value, ttlSeconds) => {
      const found = find(key);
      const greater = found !== undefined && found.value > value ? found.value : value;
      put(key, greater, Math.max(inSeconds(ttlSeconds), found?.expiresAtMs ?? 0));
    },
    remove: (key) => {
      entries.delete(key);
    },
    move: (from, to) => {
      const found = find(from);
      if (found === undefined || find(to) !== undefined) return false;
      entries.delete(from);
      put(to, found.value, found.expiresAtMs);
      return true;
    },
  };
}
