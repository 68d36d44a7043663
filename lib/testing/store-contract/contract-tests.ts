/**
 * What the tests of the contract have in common: their type, keys of their own, and `node:assert`.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** Names keys that nobody else uses and that lie in one slot of a Redis Cluster. */
export function newHashTag(): (name: string) => string {
  const tag = randomUUID();
  return (name) => `{${tag}}:${name}`;
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
