/**
 * Reads that several guards of one request share. What was read for a request counts for a moment,
 * unless this process has changed one of its keys since.
 */
import { performance } from 'node:perf_hooks';
import { andThen, isPromiseLike, type MaybePromise } from '../maybe-promise.js';
import type { SessionStore } from './session-store.js';

/** Where records are read from: the store itself, or what was read of it for this request. */
export type RecordReads = Pick<SessionStore, 'read'>;

/** How long an answer of the store counts, in milliseconds of real time. */
const COUNTS_MS = 250;

/** The store of the core; every change that this process makes goes through it. */
export class TrackedStore implements SessionStore {
  readonly #store: SessionStore;
  /** When a key was changed last, the oldest first. */
  readonly #changes = new Map<string, number>();
  /** Whether it has answered, and never with a promise. */
  #answersAtOnce: boolean | undefined;

  constructor(store: SessionStore) {
    this.#store = store;
  }

  /**
   * Reads for one request. A store that answers at once is asked each time; another one is asked
   * for all that is expected at the first time.
   */
  readsOf(expected: () => readonly string[]): RecordReads {
    return this.#answersAtOnce === true ? this : new StoreSnapshot(this, expected());
  }

  read(keys: readonly string[]): MaybePromise<readonly (string | undefined)[]> {
    const values = this.#store.read(keys);
    if (isPromiseLike(values)) this.#answersAtOnce = false;
    else this.#answersAtOnce ??= true;
    return values;
  }

  write(...given: Parameters<SessionStore['write']>): MaybePromise<void> {
    return this.#change([given[0]], () => this.#store.write(...given));
  }

  add(...given: Parameters<SessionStore['add']>): MaybePromise<boolean> {
    return this.#change([given[0]], () => this.#store.add(...given));
  }

  raise(...given: Parameters<SessionStore['raise']>): MaybePromise<void> {
    return this.#change([given[0]], () => this.#store.raise(...given));
  }

  remove(key: string): MaybePromise<void> {
    return this.#change([key], () => this.#store.remove(key));
  }

  move(from: string, to: string): MaybePromise<boolean> {
    return this.#change([from, to], () => this.#store.move(from, to));
  }

  /** Whether one of the keys was changed by this process at or after a time of `performance.now()`. */
  hasChangedSince(keys: Iterable<string>, sinceMs: number): boolean {
    for (const key of keys) {
      const changedAtMs = this.#changes.get(key);
      if (changedAtMs !== undefined && changedAtMs >= sinceMs) return true;
    }
    return false;
  }

  #change<T>(keys: readonly string[], change: () => MaybePromise<T>): MaybePromise<T> {
    const note = (): void => {
      this.#note(keys);
    };
    // Noted when it ends too: a read may be answered in between, from before the change.
    note();
    const done = change();
    if (isPromiseLike(done)) void done.then(note, note);
    return done;
  }

  #note(keys: readonly string[]): void {
    const now = performance.now();
    for (const key of keys) {
      this.#changes.delete(key);
      this.#changes.set(key, now);
    }
    for (const [key, changedAtMs] of this.#changes) {
      if (now - changedAtMs <= COUNTS_MS) return;
      this.#changes.delete(key);
    }
  }
}

/** What one request has read. It is never shared with another. */
class StoreSnapshot implements RecordReads {
  readonly #store: TrackedStore;
  readonly #expected: readonly string[];
  readonly #values = new Map<string, string | undefined>();
  #readAtMs = -Infinity;

  constructor(store: TrackedStore, expected: readonly string[]) {
    this.#store = store;
    this.#expected = expected;
  }

  read(keys: readonly string[]): MaybePromise<readonly (string | undefined)[]> {
    if (this.#holds(keys)) return keys.map((key) => this.#values.get(key));
    const wanted = this.#readAtMs === -Infinity ? [...new Set([...keys, ...this.#expected])] : keys;
    const readAtMs = performance.now();
    return andThen(this.#store.read(wanted), (values) => {
      this.#readAtMs = readAtMs;
      this.#values.clear();
      wanted.forEach((key, index) => this.#values.set(key, values[index]));
      return keys.map((key) => this.#values.get(key));
    });
  }

  #holds(keys: readonly string[]): boolean {
    return (
      performance.now() - this.#readAtMs < COUNTS_MS &&
      keys.every((key) => this.#values.has(key)) &&
      !this.#store.hasChangedSince(keys, this.#readAtMs)
    );
  }
}
