/**
 * The keys of one issuer over time: fetched once for all who wait, refreshed ahead of their end,
 * kept through an outage, and never fetched at the will of whoever sends tokens.
 */
import type { Clock } from '../clock.js';
import { SessionError } from '../errors.js';
import type { FetchedKeys } from './fetch-jwks.js';
import { KeySnapshot, type KeyOwner } from './key-snapshot.js';
import { areSameKeys, type PublishedKeys } from './parse-jwks.js';

/** Where verification gets its keys. */
export interface KeySet {
  /** @throws SessionError `verification_unavailable` where there are no keys and none to be had */
  current(): KeySnapshot | Promise<KeySnapshot>;
  /** Newer keys for a `kid` that `seen` does not know, or `seen` itself where it is the newest. */
  newerThan(seen: KeySnapshot): Promise<KeySnapshot>;
}

/** Keys that were given: nothing to fetch, nothing that changes. */
export function fixedKeySet(keys: PublishedKeys): KeySet {
  const snapshot = new KeySnapshot(keys, { isTrusted: () => true });
  return {
    current: () => snapshot,
    newerThan: () => Promise.resolve(snapshot),
  };
}

const MAX_STALE_MS = 86_400_000;
/** How much of their age keys have reached when newer ones are asked for. */
const REFRESH_AHEAD = 0.8;
const UNKNOWN_KID_COOL_DOWN_MS = 30_000;
const FIRST_BACK_OFF_MS = 1_000;
/** Without keys nobody gets in, so it is tried again soon; with old ones there is time. */
const MAX_BACK_OFF_MS = 4_000;
const MAX_BACK_OFF_WITH_KEYS_MS = 8_000;

/** Keys behind an address. */
export class FetchedKeySet implements KeySet, KeyOwner {
  readonly #fetch: () => Promise<FetchedKeys>;
  readonly #clock: Clock;
  #snapshot: KeySnapshot | undefined;
  #fetchedAt = 0;
  #maxAgeMs = 0;
  #inFlight: Promise<void> | undefined;
  /** Failures since the last good fetch, the last of them, and when to try again. */
  #failures = 0;
  #failure: unknown;
  #retryAt = 0;
  #unknownKidFetchedAt = -Infinity;

  constructor(fetch: () => Promise<FetchedKeys>, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  isTrusted(keys: KeySnapshot, nowMs: number): boolean {
    return keys === this.#trusted(nowMs);
  }

  current(): KeySnapshot | Promise<KeySnapshot> {
    return this.#trusted(this.#clock()) ?? this.#firstKeys();
  }

  async newerThan(seen: KeySnapshot): Promise<KeySnapshot> {
    const now = this.#clock();
    const usable = this.#usableAt(now);
    if (usable !== undefined && usable !== seen) return usable;
    const since = now - this.#unknownKidFetchedAt;
    if (since >= 0 && since < UNKNOWN_KID_COOL_DOWN_MS) return seen;
    await this.#fetchUnlessBackingOff(now);
    if (this.#failures > 0) throw this.#unavailable();
    this.#unknownKidFetchedAt = now;
    return this.#snapshot ?? seen;
  }

  /** The keys that are trusted now, without waiting. */
  #trusted(now: number): KeySnapshot | undefined {
    const usable = this.#usableAt(now);
    // Ahead of the end, and behind the request's back.
    if (usable !== undefined && this.#isDueAt(now)) void this.#fetchUnlessBackingOff(now);
    return usable;
  }

  async #firstKeys(): Promise<KeySnapshot> {
    await this.#fetchUnlessBackingOff(this.#clock());
    const usable = this.#usableAt(this.#clock());
    if (usable === undefined) throw this.#unavailable();
    return usable;
  }

  #isDueAt(now: number): boolean {
    const age = now - this.#fetchedAt;
    // After a clock was set back nobody knows how old the keys are.
    return age < 0 || age >= this.#maxAgeMs * REFRESH_AHEAD;
  }

  #usableAt(now: number): KeySnapshot | undefined {
    return now - this.#fetchedAt < MAX_STALE_MS ? this.#snapshot : undefined;
  }

  /** Settles without throwing; whoever waits looks at what it left. */
  #fetchUnlessBackingOff(now: number): Promise<void> {
    if (this.#inFlight === undefined && this.#isBackingOff(now)) return Promise.resolve();
    this.#inFlight ??= this.#fetchOnce().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  #isBackingOff(now: number): boolean {
    const wait = this.#retryAt - now;
    // Neither a clock that was set back nor keys that ran out since then stretch the wait.
    return this.#failures > 0 && wait > 0 && wait <= this.#longestBackOffAt(now);
  }

  #longestBackOffAt(now: number): number {
    return this.#usableAt(now) === undefined ? MAX_BACK_OFF_MS : MAX_BACK_OFF_WITH_KEYS_MS;
  }

  async #fetchOnce(): Promise<void> {
    try {
      const { keys, maxAgeSeconds } = await this.#fetch();
      if (this.#snapshot === undefined || !areSameKeys(this.#snapshot.published, keys)) {
        this.#snapshot = new KeySnapshot(keys, this);
      }
      this.#fetchedAt = this.#clock();
      this.#maxAgeMs = maxAgeSeconds * 1000;
      this.#failures = 0;
      this.#failure = undefined;
    } catch (error) {
      const now = this.#clock();
      const wait = Math.min(this.#longestBackOffAt(now), FIRST_BACK_OFF_MS * 2 ** this.#failures);
      // Jitter, so that many processes do not come back in the same moment.
      this.#retryAt = now + wait * (0.75 + Math.random() / 4);
      this.#failures += 1;
      this.#failure = error;
    }
  }

  #unavailable(): SessionError {
    return new SessionError('verification_unavailable', {
      retryAfterSeconds: (this.#retryAt - this.#clock()) / 1000,
      cause: this.#failure,
    });
  }
}
