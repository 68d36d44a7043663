/**
 * Entries that stay until they expire, and are found by their expiry without looking at all of them.
 */

interface Expiring {
  /** Milliseconds of `performance.now()`. */
  readonly expiresAt: number;
}

export class ExpiringEntries<E extends Expiring> {
  readonly #entries = new Map<string, E>();
  /** The keys by the second in which they expire. */
  readonly #keysBySecond = new Map<number, Set<string>>();
  /** No entry expires before this. */
  #earliest = Infinity;

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): E | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: E): void {
    this.delete(key);
    this.#entries.set(key, entry);
    const second = secondOf(entry);
    const keys = this.#keysBySecond.get(second);
    if (keys === undefined) this.#keysBySecond.set(second, new Set([key]));
    else keys.add(key);
    this.#earliest = Math.min(this.#earliest, entry.expiresAt);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const second = secondOf(entry);
    const keys = this.#keysBySecond.get(second);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysBySecond.delete(second);
  }

  /** Examines the entries of this second and before, if any can have expired. */
  deleteExpired(now: number): void {
    if (now < this.#earliest) return;
    let earliest = Infinity;
    for (const [second, keys] of this.#keysBySecond) {
      if (second * 1000 > now) {
        earliest = Math.min(earliest, second * 1000);
        continue;
      }
      for (const key of keys) {
        const expiresAt = this.#entries.get(key)?.expiresAt ?? 0;
        if (expiresAt <= now) this.delete(key);
        else earliest = Math.min(earliest, expiresAt);
      }
    }
    this.#earliest = earliest;
  }
}

function secondOf({ expiresAt }: Expiring): number {
  return Math.floor(expiresAt / 1000);
}
