/**
 * The store inside the process: bounded, and synchronous so that no request waits on a promise.
 * It is shared with no other process; for that there is `redisStore`.
 */
import { LRUCache } from 'lru-cache';
import { carriedComplaints, OptionReader } from '../configuration.js';
import type { SessionStore } from './session-store.js';

/** Options of `memoryStore()`. */
export interface MemoryStoreOptions {
  /**
   * How many entries there is room for, 1 to 10,000,000. @defaultValue 100_000
   */
  readonly maxEntries?: number | undefined;
}

/**
 * Keeps MFA sessions and sign-outs in the memory of this process, at most `maxEntries` of them.
 * To make room it drops what was used least recently, so that a user may be asked for MFA again.
 * What was written with `keep` (a sign-out) stays until it expires; while there is nothing else to
 * drop, `write` throws.
 *
 * The factory never throws; `createSessions()` says what is wrong with its options.
 */
export function memoryStore(options?: MemoryStoreOptions): SessionStore {
  const complaints: string[] = [];
  const option = new OptionReader<MemoryStoreOptions>('memoryStore()', options, complaints);
  const bounds = { min: 1, max: 10_000_000, integer: true };
  const entries = new BoundedEntries(option.number('maxEntries', bounds, 100_000));
  option.end();

  const store: SessionStore & { [carriedComplaints]: readonly string[] } = {
    read: (keys) => keys.map((key) => entries.get(key)?.value),

    write(key, value, ttlSeconds, options) {
      if (!Number.isFinite(ttlSeconds))
        throw new RangeError('memoryStore: `ttlSeconds` is not finite');
      // What is overwritten leaves its room to the new entry, so a write that throws loses nothing.
      entries.delete(key);
      if (ttlSeconds <= 0) return;
      const now = performance.now();
      entries.makeRoom(now);
      const expiresAt = now + ttlSeconds * 1000;
      entries.set(key, { value, expiresAt, keep: options?.keep === true });
    },

    remove(key) {
      entries.delete(key);
    },

    move(from, to) {
      const entry = entries.get(from);
      if (entry === undefined || entries.get(to) !== undefined) return false;
      entries.delete(from);
      entries.set(to, entry);
      return true;
    },

    [carriedComplaints]: complaints,
  };
  return store;
}

interface Entry {
  readonly value: string;
  /** Milliseconds of `performance.now()`, which no change of the system clock moves. */
  readonly expiresAt: number;
  readonly keep: boolean;
}

/** Entries that may be dropped and entries that may not, in one bound. */
class BoundedEntries {
  readonly #maxEntries: number;
  #droppable: LRUCache<string, Entry> | undefined;
  readonly #kept = new Map<string, Entry>();
  /** No kept entry expires before this. */
  #keptUntil = Infinity;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): Entry | undefined {
    const entry = this.#droppable?.get(key) ?? this.#kept.get(key);
    // Most requests ask for what is not there, and need no clock for that.
    if (entry === undefined || entry.expiresAt > performance.now()) return entry;
    this.delete(key);
    return undefined;
  }

  set(key: string, entry: Entry): void {
    if (entry.keep) {
      this.#kept.set(key, entry);
      this.#keptUntil = Math.min(this.#keptUntil, entry.expiresAt);
      return;
    }
    // Made when it is needed, because it takes all of its room (6 ms of 100,000 entries) at once.
    // Not with its own ttl: there 0 and NaN mean "for ever", and its clock costs a timer.
    this.#droppable ??= new LRUCache({ max: this.#maxEntries });
    this.#droppable.set(key, entry);
  }

  delete(key: string): void {
    this.#droppable?.delete(key);
    this.#kept.delete(key);
  }

  /** Makes sure that one more entry fits. */
  makeRoom(now: number): void {
    if (this.#hasRoom()) return;
    if (this.#keptUntil <= now) this.#deleteExpiredOfKept(now);
    if (this.#hasRoom() || this.#droppable?.pop() !== undefined) return;
    throw new Error(
      `memoryStore: it is full; none of the ${this.#maxEntries} entries may be dropped before it expires. Raise \`maxEntries\`, or use redisStore().`,
    );
  }

  #hasRoom(): boolean {
    return (this.#droppable?.size ?? 0) + this.#kept.size < this.#maxEntries;
  }

  #deleteExpiredOfKept(now: number): void {
    this.#keptUntil = Infinity;
    for (const [key, { expiresAt }] of this.#kept) {
      if (expiresAt <= now) this.#kept.delete(key);
      else this.#keptUntil = Math.min(this.#keptUntil, expiresAt);
    }
  }
}
