/**
 * Shared by the tests of the contract: their type, keys of their own, and assertions by `node:assert`.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MaybePromise } from '../../maybe-promise.js';
import type { SessionStore } from '../../store/session-store.js';

/**
 * Tests, by the sentence that each proves. `second` is the same store over another connection, or
 * the first again.
 */
export type ContractTests = Readonly<
  Record<string, (store: SessionStore, second: SessionStore) => Promise<void>>
>;

/** Longer than any test takes, and short enough to leave nothing behind on a server for long. */
export const LONG_SECONDS = 300;

/** Makes keys that are unique to one test and lie in one slot of a Redis Cluster. */
export function newHashTag(): (name: string) => string {
  const tag = randomUUID();
  return (name) => `{${tag}}:${name}`;
}

/** How many calls are made at once, half of them over each connection. */
export const CONTENDERS = 200;

/** More entries than a store with little room keeps. */
const FLOOD = 1000;

/** Calls `ask` for each index at once, with the two connections in turn. */
export function fromBoth<T>(
  [store, second]: readonly [SessionStore, SessionStore],
  count: number,
  ask: (store: SessionStore, index: number) => MaybePromise<T>,
): Promise<T[]> {
  return Promise.all(times(count, async (index) => ask(index % 2 === 0 ? store : second, index)));
}

/** Makes many entries, and returns the keys of those that were not refused for lack of room. */
export async function flood(
  key: (name: string) => string,
  make: (key: string) => MaybePromise<unknown>,
): Promise<string[]> {
  const keys = times(FLOOD, (n) => key(`flood ${n}`));
  const made = await Promise.allSettled(
    keys.map(async (one) => {
      await make(one);
    }),
  );
  return keys.filter((_, index) => made[index]?.status === 'fulfilled');
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

export async function assertRead(
  store: SessionStore,
  expected: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const keys = Object.keys(expected);
  const values = await store.read(keys);
  assert.equal(values.length, keys.length);
  assert.deepEqual(Object.fromEntries(keys.map((key, index) => [key, values[index]])), expected);
}

export async function untilAbsent(
  store: SessionStore,
  keys: readonly string[],
  patienceMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const values = await store.read(keys);
    if (values.every((value) => value === undefined)) return;
    const left = keys.filter((_, index) => values[index] !== undefined);
    assert.ok(performance.now() < giveUpAt, `should have expired: ${left.join(', ')}`);
    await sleep(50);
  }
}
