/**
 * The store inside the process: bounded, and synchronous so that no request waits on a promise.
 * It is shared with no other process; for that there is `redisStore`.
 */
import { LRUCache } from 'lru-cache';
import { carriedComplaints, OptionReader } from '../option-reader.js';
import { ExpiringEntries } from './expiring-entries.js';
import type { SessionStore } from './session-store.js';

/** Options of `memoryStore()`. */
export interface MemoryStoreOptions {
  /**
   * How many entries there is room for, 1 to 10,000,000; and for as many again of those that are
   * added (identifiers that may be used once). @defaultValue 100_000
   */
  readonly maxEntries?: number | undefined;
}

/**
 * Keeps MFA sessions and sign-outs in the memory of this process, at most `maxEntries` of them.
 * To make room it drops what was used least recently, so that a user may be asked for MFA again.
 * What was written with `keep` or raised (a sign-out) stays until it expires; while there is nothing
 * else to drop, `write` and `raise` throw. What was added stays until it expires, too, and when there
 * are `maxEntries` of that, `add` throws.
 *
 * The factory never throws; `createSessions()` says what is wrong with its options.
 *
 * @example
 * validateSession({
 *   store: memoryStore({ maxEntries: 1_000_000 }),
 * });
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
      const expiresAt = expiryOf(ttlSeconds);
      if (ttlSeconds <= 0) entries.delete(key);
      else entries.set(key, { value, expiresAt, room: options?.keep === true ? 'kept' : 'spare' });
    },

    add(key, ttlSeconds) {
      const expiresAt = expiryOf(ttlSeconds);
      if (entries.get(key) !== undefined) return false;
      entries.set(key, { value: '', expiresAt, room: 'added' });
      return true;
    },

    raise(key, value, ttlSeconds) {
      const expiresAt = expiryOf(ttlSeconds);
      const present = entries.get(key);
      const isLower = present === undefined || present.value <= value;
      entries.set(key, {
        value: isLower ? value : present.value,
        expiresAt: Math.max(expiresAt, present?.expiresAt ?? 0),
        room: 'kept',
      });
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

/**
 * Which bound an entry counts against, and whether it may be dropped: `spare` and `kept` share one, of
 * which only the spare are dropped, and `added` has one of its own.
 */
type Room = 'spare' | 'kept' | 'added';

interface Entry {
  readonly value: string;
  /** Milliseconds of `performance.now()`, which no change of the system clock moves. */
  readonly expiresAt: number;
  readonly room: Room;
}

function expiryOf(ttlSeconds: number): number {
  if (!Number.isFinite(ttlSeconds)) {
    throw new RangeError('memoryStore: `ttlSeconds` is not finite');
  }
  return performance.now() + ttlSeconds * 1000;
}

/** Entries that may be dropped and entries that may not, in their bounds. */
class BoundedEntries {
  readonly #maxEntries: number;
  #spare: LRUCache<string, Entry> | undefined;
  readonly #kept = new ExpiringEntries<Entry>();
  readonly #added = new ExpiringEntries<Entry>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): Entry | undefined {
    const entry = this.#spare?.get(key) ?? this.#kept.get(key) ?? this.#added.get(key);
    // Most requests ask for what is not there, and need no clock for that.
    if (entry === undefined || entry.expiresAt > performance.now()) return entry;
    this.delete(key);
    return undefined;
  }

  /** @throws Error when it is full; then nothing has changed */
  set(key: string, entry: Entry): void {
    const present = this.get(key);
    const takesItsRoom = present !== undefined && isAdded(present) === isAdded(entry);
    if (!takesItsRoom) this.#makeRoom(isAdded(entry));
    if (present !== undefined) this.delete(key);
    if (entry.room === 'kept') this.#kept.set(key, entry);
    else if (entry.room === 'added') this.#added.set(key, entry);
    else {
      // Made when it is needed, because it takes all of its room (6 ms of 100,000 entries) at once.
      // Not with its own ttl: there 0 and NaN mean "for ever", and its clock costs a timer.
      this.#spare ??= new LRUCache({ max: this.#maxEntries });
      this.#spare.set(key, entry);
    }
  }

  delete(key: string): void {
    this.#spare?.delete(key);
    this.#kept.delete(key);
    this.#added.delete(key);
  }

  #makeRoom(forAdded: boolean): void {
    if (this.#hasRoom(forAdded)) return;
    (forAdded ? this.#added : this.#kept).deleteExpired(performance.now());
    if (this.#hasRoom(forAdded)) return;
    if (!forAdded && this.#spare?.pop() !== undefined) return;
    throw new Error(
      `memoryStore: it is full; none of the ${this.#maxEntries} entries may be dropped before it expires. Raise \`maxEntries\`, or use redisStore().`,
    );
  }

  #hasRoom(forAdded: boolean): boolean {
    const used = forAdded ? this.#added.size : this.#kept.size + (this.#spare?.size ?? 0);
    return used < this.#maxEntries;
  }
}

function isAdded({ room }: Entry): boolean {
  return room === 'added';
}
