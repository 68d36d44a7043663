/**
 * Runs the contract of `SessionStore` against a store, under any test runner that has `describe` and
 * `it`: Jest, Vitest, Mocha, node:test. What the contract says is in `store-contract.ts`.
 */
import type { MaybePromise, SessionStore } from '../store/session-store.js';
import { storeContract } from './store-contract.js';

/** What is needed of a test runner. */
export interface StoreTestRunner {
  readonly describe: (name: string, declareTests: () => void) => unknown;
  readonly it: (name: string, test: () => Promise<void>) => unknown;
  /** Accepted, and not needed: the tests assert by `node:assert`. */
  readonly expect?: unknown;
}

/** Makes the store for one test: the store alone, or with what is to be closed after the test. */
export type CreateStore = () => MaybePromise<
  SessionStore | { readonly store: SessionStore; readonly close: () => unknown }
>;

/**
 * Declares the tests that every store has to pass. One of them waits for a second, for entries to
 * expire. Keys are random and their entries expire within minutes, so a server that others use as
 * well will do.
 *
 * @example
 * import { describe, it } from 'node:test';
 * describeStore('my store', () => myStore(connection), { describe, it });
 */
export function describeStore(
  name: string,
  createStore: CreateStore,
  { describe, it }: StoreTestRunner,
): void {
  describe(name, () => {
    for (const [sentence, test] of Object.entries(storeContract)) {
      it(sentence, async () => {
        const created = await createStore();
        const { store, close } =
          'store' in created ? created : { store: created, close: undefined };
        try {
          await test(store);
        } finally {
          await close?.();
        }
      });
    }
  });
}
