/**
 * The keys of one issuer over time: fetched once for all waiting requests, refreshed before they are
 * stale, kept through an outage, and fetched no more often because of the tokens that are sent.
 */
import type { Clock } from '../clock.js';
import { SessionError } from '../errors.js';
import { hasSubscribers, publish, type Loose } from '../events/channel.js';
import { addGaugeSource, type GaugeSource } from '../events/measurements.js';
import type { KeysFailed } from '../events/session-event.js';
import type { FetchedKeys } from './fetch-jwks.js';
import { KeySnapshot, type KeyOwner } from './key-snapshot.js';
import { areSameKeys, type PublishedKeys } from './parse-jwks.js';
import { summaryOf } from '../refusal-note.js';

/** The source of keys for verification. */
export interface KeySet {
  /** The source of the keys, for messages: an address, or the option `jwks`. */
  readonly source: string;
  /** @throws SessionError `verification_unavailable` if there are no keys, and they cannot be fetched */
  current(): KeySnapshot | Promise<KeySnapshot>;
  /**
   * The newest keys, for a token that `seen` does not verify; `seen` itself if it is the newest, or
   * if keys were fetched for such a token less than 30 s ago.
   *
   * @throws SessionError `verification_unavailable` if the fetch failed
   */
  newerThan(seen: KeySnapshot): Promise<KeySnapshot>;
  /**
   * Fetches the keys now, regardless of back-off, cool-down and fetches in flight.
   *
   * @throws SessionError `verification_unavailable`; the known keys stay in use
   */
  refresh(): Promise<void>;
}

/** Keys that were given, which never change. */
export function fixedKeySet(keys: PublishedKeys): KeySet {
  const snapshot = new KeySnapshot(keys, { isTrusted: () => true });
  return {
    source: 'the option `jwks`',
    current: () => snapshot,
    newerThan: () => Promise.resolve(snapshot),
    refresh: () => Promise.resolve(),
  };
}

const MAX_STALE_MS = 86_400_000;
/** The part of their lifetime after which keys are refreshed. */
const REFRESH_AHEAD = 0.8;
const COOL_DOWN_MS = 30_000;
const FIRST_BACK_OFF_MS = 1_000;
/** Without keys every request is refused, so the wait is shorter than with old ones. */
const MAX_BACK_OFF_MS = 4_000;
const MAX_BACK_OFF_WITH_KEYS_MS = 8_000;

/** The place that keys are fetched from. */
export interface KeyLocation {
  readonly issuer: string;
  /** The address as far as it is known: discovery may change it. */
  readonly address: () => string;
  readonly fetch: () => Promise<FetchedKeys>;
}

/** Keys at an address. */
export class FetchedKeySet implements KeySet, KeyOwner, GaugeSource {
  readonly #location: KeyLocation;
  readonly #clock: Clock;
  #snapshot: KeySnapshot | undefined;
  #fetchedAt = 0;
  #maxAgeMs = 0;
  #inFlight: Promise<void> | undefined;
  #fetches = 0;
  /** The number of the last fetch that was good. Older ones that end later do not count. */
  #lastGood = 0;
  /** Failures since the last good fetch, the last of them, and the end of the back-off. */
  #failures = 0;
  #failure: unknown;
  #retryAt = 0;
  #coolDownFrom = -Infinity;

  constructor(location: KeyLocation, clock: Clock) {
    this.#location = location;
    this.#clock = clock;
    addGaugeSource(this);
  }

  get source(): string {
    return this.#location.address();
  }

  get keysAgeSeconds(): number | undefined {
    const now = this.#clock();
    return this.#usableAt(now) && Math.max(0, now - this.#fetchedAt) / 1000;
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
    const since = now - this.#coolDownFrom;
    if (since >= 0 && since < COOL_DOWN_MS) return seen;
    await this.#fetchUnlessBackingOff(now);
    if (this.#failures > 0) throw this.#unavailable();
    this.#coolDownFrom = now;
    return this.#snapshot ?? seen;
  }

  async refresh(): Promise<void> {
    try {
      await this.#beginFetch();
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /** The keys that are trusted now, without waiting. */
  #trusted(now: number): KeySnapshot | undefined {
    const usable = this.#usableAt(now);
    // No request waits for it.
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
    // After a clock was set back, the age of the keys is unknown.
    return age < 0 || age >= this.#maxAgeMs * REFRESH_AHEAD;
  }

  #usableAt(now: number): KeySnapshot | undefined {
    return now - this.#fetchedAt < MAX_STALE_MS ? this.#snapshot : undefined;
  }

  /** Settles without throwing; the result is in the state. */
  #fetchUnlessBackingOff(now: number): Promise<void> {
    if (this.#inFlight === undefined) {
      if (this.#isBackingOff(now)) return Promise.resolve();
      void this.#beginFetch().catch(() => undefined);
    }
    return this.#inFlight ?? Promise.resolve();
  }

  #beginFetch(): Promise<void> {
    const fetch = this.#fetchOnce();
    const settled: Promise<void> = fetch
      .catch(() => undefined)
      .then(() => {
        if (this.#inFlight === settled) this.#inFlight = undefined;
      });
    this.#inFlight = settled;
    return fetch;
  }

  #isBackingOff(now: number): boolean {
    const wait = this.#retryAt - now;
    // A clock that was set back does not prolong the wait, nor do keys that ran out meanwhile.
    return this.#failures > 0 && wait > 0 && wait <= this.#longestBackOffAt(now);
  }

  #longestBackOffAt(now: number): number {
    return this.#usableAt(now) === undefined ? MAX_BACK_OFF_MS : MAX_BACK_OFF_WITH_KEYS_MS;
  }

  async #fetchOnce(): Promise<void> {
    this.#fetches += 1;
    const fetch = this.#fetches;
    const startedAt = performance.now();
    try {
      const fetched = await this.#location.fetch();
      if (fetch > this.#lastGood) this.#accept(fetched, fetch, startedAt);
    } catch (error) {
      if (fetch > this.#lastGood) this.#backOff(error, startedAt);
      throw error;
    }
  }

  #accept({ keys, maxAgeSeconds }: FetchedKeys, fetch: number, startedAt: number): void {
    if (this.#snapshot === undefined || !areSameKeys(this.#snapshot.published, keys)) {
      this.#snapshot = new KeySnapshot(keys, this);
    }
    this.#lastGood = fetch;
    this.#fetchedAt = this.#clock();
    this.#maxAgeMs = maxAgeSeconds * 1000;
    this.#failures = 0;
    this.#failure = undefined;
    this.#publish({ type: 'keys.fetched', keys: keys.usable.length }, startedAt);
  }

  #backOff(error: unknown, startedAt: number): void {
    const now = this.#clock();
    const wait = Math.min(this.#longestBackOffAt(now), FIRST_BACK_OFF_MS * 2 ** this.#failures);
    // Jitter, so that many processes do not come back in the same moment.
    this.#retryAt = now + wait * (0.75 + Math.random() / 4);
    this.#failures += 1;
    this.#failure = error;
    if (!hasSubscribers()) return;
    const ageSeconds = this.keysAgeSeconds;
    const keys = ageSeconds === undefined ? undefined : this.#snapshot?.published.usable.length;
    const facts = { type: 'keys.failed', keys, ageSeconds, cause: summaryOf(error) } as const;
    this.#publish(facts, startedAt);
  }

  #publish(
    facts:
      | { readonly type: 'keys.fetched'; readonly keys: number }
      | Omit<Loose<KeysFailed>, 'address' | 'durationMs'>,
    startedAt: number,
  ): void {
    if (!hasSubscribers()) return;
    const { issuer } = this.#location;
    const durationMs = Math.round(performance.now() - startedAt);
    publish(this.#clock(), { ...facts, address: this.source, durationMs }, { issuer });
  }

  #unavailable(cause = this.#failure): SessionError {
    return new SessionError('verification_unavailable', {
      retryAfterSeconds: (this.#retryAt - this.#clock()) / 1000,
      cause,
    });
  }
}
