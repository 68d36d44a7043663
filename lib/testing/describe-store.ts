/**
 * Runs the contract of `SessionStore` against a store, under any test runner that has `describe` and
 * `it`: Jest, Vitest, Mocha, node:test. What the contract says is in `store-contract.ts`.
 */
import type { SessionStore } from '../store/session-store.js';
import type { MaybePromise } from '../maybe-promise.js';
import { storeContract } from './store-contract.js';

/** What is needed of a test runner. */
export interface StoreTestRunner {
  readonly describe: (name: string, declareTests: () => void) => unknown;
  readonly it: (name: string, test: () => Promise<void>) => unknown;
  /** Accepted, and not needed: the tests assert by `node:assert`. */
  readonly expect?: unknown;
}

/** A store for one test, and what belongs to it. */
export interface CreatedStore {
  readonly store: SessionStore;
  /**
   * The same entries over another connection, as another process has them. Many calls at once then
   * come from both, which finds a store that is atomic within one process alone.
   *
   * @defaultValue `store`
   */
  readonly second?: SessionStore | undefined;
  /** Called after the test, whether it passed or failed. */
  readonly close?: (() => unknown) | undefined;
}

/** Makes the store for one test: the store alone, or with what belongs to it. */
export type CreateStore = () => MaybePromise<SessionStore | CreatedStore>;

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
