import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setImmediate } from 'node:timers/promises';
import { memoryStore, type MaybePromise, type SessionStore } from 'express-wallet-session';
import { describeStore } from 'express-wallet-session/testing';
import { faultyStores } from './faulty-stores.js';

describe('describeStore', () => {
  it.concurrent.each(faultyStores)(
    'finds out a store that $fault: it $sentence',
    async ({ sentence, store }) => {
      await expect(testsOf(store).get(sentence)?.()).rejects.toThrow();
    },
  );

  it('has no sentence that no faulty store would fail', () => {
    const proven = new Set(faultyStores.map(({ sentence }) => sentence));
    expect(proven).toEqual(new Set(testsOf(memoryStore).keys()));
  });

  it('makes a store for each test, and closes it after the test, failed or not', async () => {
    const events: string[] = [];
    const tests = testsOf(() => {
      events.push('made');
      const store = { ...memoryStore(), read: () => Promise.reject(new Error('lost')) };
      return Promise.resolve({ store, close: () => events.push('closed') });
    });
    const [first, second] = tests.values();
    expect(events).toEqual([]);
    await expect(first?.()).rejects.toThrow('lost');
    expect(events).toEqual(['made', 'closed']);
    await expect(second?.()).rejects.toThrow('lost');
    expect(events).toEqual(['made', 'closed', 'made', 'closed']);
  });

  it('finds out a store that is atomic in one process alone, given a second connection', async () => {
    const sentences = [
      'adds a key once, however many add it at once',
      'raises to the greatest value, however many raise at once',
      'moves once, however many move it to the same place at once',
      'moves one of many to the same place, and leaves the others where they are',
    ];
    const alone = testsOf(() => oneAfterAnother(unhurried(memoryStore())));
    const together = testsOf(() => {
      const shared = unhurried(memoryStore());
      return { store: oneAfterAnother(shared), second: oneAfterAnother(shared) };
    });
    for (const sentence of sentences) {
      await alone.get(sentence)?.();
      await expect(together.get(sentence)?.()).rejects.toThrow();
    }
  });

  it('runs under node:test', async () => {
    const script = fileURLToPath(new URL('./store-under-node-test.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--import', 'tsx', '--test', '--test-reporter', 'tap', script],
    ]);
    expect(stdout).toContain('# Subtest: memoryStore under node:test');
    expect(stdout).toMatch(/# pass 26\n# fail 0/);
  }, 30_000);
});

/** Looks first and acts then, as commands that are sent one after another do. */
function unhurried(sound: SessionStore): SessionStore {
  const valueOf = async (key: string): Promise<string | undefined> => {
    const [value] = await sound.read([key]);
    await setImmediate();
    return value;
  };
  return {
    ...sound,
    async add(key, ttlSeconds) {
      if ((await valueOf(key)) !== undefined) return false;
      await sound.write(key, '', ttlSeconds);
      return true;
    },
    async raise(key, value, ttlSeconds) {
      const present = await valueOf(key);
      if (present === undefined || present <= value) await sound.write(key, value, ttlSeconds);
    },
    async move(from, to) {
      const value = await valueOf(from);
      if (value === undefined || (await valueOf(to)) !== undefined) return false;
      await sound.remove(from);
      await sound.write(to, value, 300);
      return true;
    },
  };
}

/** Makes each call wait for the one before it, as a lock within the process does. */
function oneAfterAnother(store: SessionStore): SessionStore {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(call: () => MaybePromise<T>): Promise<T> => {
    const result = last.then(call);
    last = result.catch(() => undefined);
    return result;
  };
  return {
    read: (keys) => inTurn(() => store.read(keys)),
    write: (...given) => inTurn(() => store.write(...given)),
    add: (...given) => inTurn(() => store.add(...given)),
    raise: (...given) => inTurn(() => store.raise(...given)),
    remove: (key) => inTurn(() => store.remove(key)),
    move: (...given) => inTurn(() => store.move(...given)),
  };
}

/** The tests that `describeStore` declares, by their sentences. */
function testsOf(
  createStore: Parameters<typeof describeStore>[1],
): ReadonlyMap<string, () => Promise<void>> {
  const tests = new Map<string, () => Promise<void>>();
  describeStore('a store', createStore, {
    describe: (_, declareTests) => {
      declareTests();
    },
    it: (sentence, test) => tests.set(sentence, test),
  });
  return tests;
}
