/**
 * Runs the contract of `SessionStore` (`store-contract.ts`) against a store, under any test runner
 * that has `describe` and `it`: Jest, Vitest, Mocha, node:test.
 */
import type { SessionStore } from '../store/session-store.js';
import type { MaybePromise } from '../maybe-promise.js';
import { storeContract } from './store-contract.js';

/** The functions used of a test runner. */
export interface StoreTestRunner {
  /** Declares a group of tests. */
  readonly describe: (name: string, declareTests: () => void) => unknown;
  /** Declares a test. */
  readonly it: (name: string, test: () => Promise<void>) => unknown;
  /** Accepted and unused: the tests assert by `node:assert`. */
  readonly expect?: unknown;
}

/** A store for one test, with a second connection and a function that closes both. */
export interface CreatedStore {
  /** The store under test. */
  readonly store: SessionStore;
  /**
   * The same entries over another connection, as another process has them. Calls at once then come
   * from both, which finds a store that is atomic within one process alone.
   *
   * @defaultValue `store`
   */
  readonly second?: SessionStore | undefined;
  /** Called after the test, whether it passed or failed. */
  readonly close?: (() => unknown) | undefined;
}

/** Makes the store for one test. */
export type CreateStore = () => MaybePromise<SessionStore | CreatedStore>;

/**
 * Declares the tests that every store has to pass: order and text of what is read, expiry, bounds, and
 * `add`, `raise` and `move` with 200 calls at once. Three tests wait for a second, for entries to
 * expire. Keys are random and their entries expire within minutes, so the server may be shared.
 *
 * @param createStore makes the store for each test; with a `second` connection if it can
 *
 * @example
 * import { describe, it } from 'node:test';
 *
 * describeStore(
 *   'my store',
 *   () => ({ store: myStore(connection), second: myStore(otherConnection) }),
 *   { describe, it },
 * );
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
        const {
          store,
          second = store,
          close,
        }: CreatedStore = 'store' in created ? created : { store: created };
        try {
          await test(store, second);
        } finally {
          await close?.();
        }
      });
    }
  });
}
