/**
 * All watches of one `Sessions`: one timer, and reads of the store that several watches share.
 */
import { AsyncResource } from 'node:async_hooks';
import { LRUCache } from 'lru-cache';
import { checkLifetime, type LifetimeRules } from '../authentication/claims.js';
import { idsOf, type Identity } from '../authentication/token-verifier.js';
import type { Clock } from '../clock.js';
import { isBoundToKey, nameDpop } from '../dpop/dpop-guard.js';
import { SessionError } from '../errors.js';
import type { SessionReports } from '../events/session-reports.js';
import { startSecondOf, type Revocation } from '../revocation.js';
import type { SignOut } from '../sign-outs.js';
import type { RecordReads } from '../store/tracked-store.js';
import { ReadSchedule, TICK_MS } from './read-schedule.js';
import { parseWatchOptions, type SessionWatch, type SessionWatchOptions } from './session-watch.js';

/** How many reads of the store may be in flight. */
const MAX_READS = 64;
/** How many watches one read asks for. */
const MAX_WATCHES_PER_READ = 50;
/** Sign-outs of this process that a new watch knows of before its first read. */
const MAX_RECENT_SIGN_OUTS = 1_000;
/** Multiples of the golden ratio, modulo 1, are spread evenly, however many they are. */
const PHASE_STEP = 0.618_034;

/** The options that watches depend on. */
export interface WatchRules extends LifetimeRules {
  /** Whether watches go on if the store cannot say which sessions are signed out. */
  readonly whenAvailable: boolean;
}

interface Watched {
  readonly identity: Identity;
  readonly controller: AbortController;
  readonly schedule: ReadSchedule;
  /** Whether a read that it shared failed: the cause may be the records of another session. */
  isAlone: boolean;
  isInFlight: boolean;
}

export class SessionWatches {
  readonly #revocation: Revocation;
  readonly #store: RecordReads;
  readonly #clock: Clock;
  readonly #rules: WatchRules;
  readonly #reports: SessionReports;
  readonly #watches = new Set<Watched>();
  /** Those that wait for a read, the first one first. */
  readonly #queue = new Set<Watched>();
  readonly #recentSignOuts = new LRUCache<string, number>({ max: MAX_RECENT_SIGN_OUTS });
  // The timer would else run in the async context of the request that started the first watch.
  readonly #context = new AsyncResource('SessionWatches');
  #timer: NodeJS.Timeout | undefined;
  #readsInFlight = 0;
  #phase = 0;

  constructor(
    revocation: Revocation,
    store: RecordReads,
    clock: Clock,
    rules: WatchRules,
    reports: SessionReports,
  ) {
    this.#revocation = revocation;
    this.#store = store;
    this.#clock = clock;
    this.#rules = rules;
    this.#reports = reports;
  }

  /** @throws ConfigurationError */
  watch(identity: Identity, options: SessionWatchOptions | undefined): SessionWatch {
    const { everySeconds } = parseWatchOptions(options);
    this.#phase = (this.#phase + PHASE_STEP) % 1;
    const watched: Watched = {
      identity,
      controller: new AbortController(),
      schedule: new ReadSchedule(everySeconds, performance.now(), this.#phase),
      isAlone: false,
      isInFlight: false,
    };
    const reason = this.#endOf(identity, this.#clock() / 1000) ?? this.#recentEndOf(identity);
    if (reason === undefined) this.#start(watched);
    else this.#end(watched, reason);
    const stop = (): void => {
      this.#remove(watched);
    };
    return Object.freeze({ signal: watched.controller.signal, stop, [Symbol.dispose]: stop });
  }

  /** Ends the watches of the sessions that this process has signed out. */
  signedOut(signOut: SignOut): void {
    for (const [digest, lastSecond] of signOut) {
      const before = this.#recentSignOuts.get(digest) ?? -Infinity;
      this.#recentSignOuts.set(digest, Math.max(before, lastSecond));
    }
    for (const watched of this.#watches) {
      if (isEndedBy(signOut, watched.identity)) this.#abort(watched, revoked());
    }
  }

  #start(watched: Watched): void {
    this.#watches.add(watched);
    this.#queue.add(watched);
    this.#context.runInAsyncScope(() => {
      this.#timer ??= setInterval(() => {
        this.#tick();
      }, TICK_MS).unref();
      this.#readQueued();
    });
  }

  #tick(): void {
    const nowSeconds = this.#clock() / 1000;
    const nowMs = performance.now();
    for (const watched of this.#watches) {
      const end = this.#endOf(watched.identity, nowSeconds) ?? this.#silenceOf(watched, nowMs);
      if (end !== undefined) this.#abort(watched, end);
      else if (!watched.isInFlight && watched.schedule.isDue(nowMs)) this.#queue.add(watched);
    }
    this.#readQueued();
  }

  #readQueued(): void {
    while (this.#readsInFlight < MAX_READS && this.#queue.size > 0) {
      this.#readsInFlight += 1;
      void this.#read(this.#nextBatch()).finally(() => {
        this.#readsInFlight -= 1;
        this.#readQueued();
      });
    }
  }

  #nextBatch(): Watched[] {
    const batch: Watched[] = [];
    for (const watched of this.#queue) {
      if (watched.isAlone && batch.length > 0) break;
      this.#queue.delete(watched);
      batch.push(watched);
      if (watched.isAlone || batch.length === MAX_WATCHES_PER_READ) break;
    }
    return batch;
  }

  async #read(batch: readonly Watched[]): Promise<void> {
    const nowMs = performance.now();
    for (const watched of batch) {
      watched.schedule.asked(nowMs);
      watched.isInFlight = true;
    }
    const keys = [...new Set(batch.flatMap(({ identity }) => this.#revocation.keysOf(identity)))];
    try {
      const values = await this.#store.read(keys);
      const records = new Map(keys.map((key, index) => [key, values[index]]));
      await Promise.all(batch.map((watched) => this.#judge(watched, records)));
    } catch {
      for (const watched of batch) {
        if (batch.length === 1) watched.schedule.failed();
        watched.isAlone = batch.length > 1;
      }
    }
    for (const watched of batch) {
      watched.isInFlight = false;
      if (watched.isAlone && this.#watches.has(watched)) this.#queue.add(watched);
    }
  }

  async #judge(watched: Watched, records: ReadonlyMap<string, string | undefined>): Promise<void> {
    watched.isAlone = false;
    const values = this.#revocation.keysOf(watched.identity).map((key) => records.get(key));
    try {
      await this.#revocation.judge(watched.identity, values);
      watched.schedule.answered(performance.now());
    } catch (error) {
      if (error instanceof SessionError && error.errorType === 'session_revoked') {
        this.#abort(watched, error);
      } else {
        // The record is unreadable.
        watched.schedule.failed();
      }
    }
  }

  #endOf(identity: Identity, nowSeconds: number): unknown {
    try {
      checkLifetime(identity, nowSeconds, this.#rules);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #recentEndOf(identity: Identity): SessionError | undefined {
    return isEndedBy(this.#recentSignOuts, identity) ? revoked() : undefined;
  }

  #silenceOf({ schedule }: Watched, nowMs: number): SessionError | undefined {
    if (this.#rules.whenAvailable || !schedule.isSilent(nowMs)) return undefined;
    return new SessionError('store_unavailable', {
      cause: new Error('the store gave no answer about a watched session for 30 s'),
    });
  }

  #abort(watched: Watched, reason: unknown): void {
    if (this.#remove(watched)) this.#end(watched, reason);
  }

  #end({ identity, controller }: Watched, reason: unknown): void {
    if (reason instanceof SessionError) {
      const { errorType } = reason;
      this.#reports.event({ type: 'session.ended', errorType }, idsOf(identity));
    }
    controller.abort(isBoundToKey(identity) ? nameDpop(reason) : reason);
  }

  /** False if it was removed before. */
  #remove(watched: Watched): boolean {
    const wasThere = this.#watches.delete(watched);
    this.#queue.delete(watched);
    if (this.#watches.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    return wasThere;
  }
}

function isEndedBy(signOut: Pick<SignOut, 'get'>, identity: Identity): boolean {
  const { userDigest, sessionDigest, tokenDigest } = identity;
  const startSecond = startSecondOf(identity);
  return [userDigest, sessionDigest, tokenDigest].some(
    (digest) => digest !== undefined && startSecond <= (signOut.get(digest) ?? -Infinity),
  );
}

function revoked(): SessionError {
  return new SessionError('session_revoked');
}
