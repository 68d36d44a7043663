import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { memoryStore } from 'express-wallet-session';
import { describeStore } from 'express-wallet-session/testing';
import { faultyStores } from '../support/faulty-stores.js';

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

  it('runs under node:test', async () => {
    const script = fileURLToPath(new URL('../support/store-under-node-test.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--import', 'tsx', '--test', '--test-reporter', 'tap', script],
    ]);
    expect(stdout).toContain('# Subtest: memoryStore under node:test');
    expect(stdout).toMatch(/# pass 22\n# fail 0/);
  }, 30_000);
});

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
