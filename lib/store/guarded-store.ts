/**
 * The app's store behind a time limit and a circuit breaker: every failure becomes
 * `store_unavailable`, no request waits longer than a second, and not every request waits that long.
 */
import type { Clock } from '../clock.js';
import { SessionError } from '../errors.js';
import { publish } from '../events/channel.js';
import { isMeasured, measure } from '../events/measurements.js';
import type { StoreVerb } from '../events/session-event.js';
import { noteOn, summaryOf, type EventCause } from '../refusal-note.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { Deadline } from './deadline.js';
import type { SessionStore } from './session-store.js';
import { isPromiseLike, type MaybePromise } from '../maybe-promise.js';

const TIMEOUT_MS = 1_000;
/** After a connection was lost; most calls are answered much sooner. */
const WARY_TIMEOUT_MS = 200;

/** Codes, names and messages of a lost connection in Node, node-redis, ioredis, pg and undici. */
const LOST_CONNECTION =
  /^(E(CONN(REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|NOTFOUND|HOSTUNREACH|NETUNREACH|AI_AGAIN)|NR_CLOSED|CONNECTION_BROKEN|(Socket|Connection|Client|Disconnects|Reconnect|MaxRetries|ClusterAllFailed)\w*Error|Connection (is closed\.|terminated.*)|UND_ERR_(SOCKET|CONNECT_TIMEOUT)|CLUSTERDOWN .*)$/;

/** How many levels of `error.cause` are examined. */
const MAX_CAUSES = 3;

/** A call, for events and metrics. */
interface StoreCall {
  readonly verb: StoreVerb;
  /** The keys and values of the call, which an error may quote. */
  readonly texts: readonly string[];
  readonly startedAt: number;
}

export class GuardedStore {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #breaker = new CircuitBreaker();
  readonly #deadline = new Deadline(TIMEOUT_MS);
  readonly #waryDeadline = new Deadline(WARY_TIMEOUT_MS);
  #lastFailure: unknown;
  #lastCause: EventCause | undefined;
  /** When the first call failed since the last one that succeeded; `performance.now()`. */
  #failingSince: number | undefined;

  constructor(store: SessionStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws SessionError `store_unavailable`, as every verb here */
  read(keys: readonly string[]): MaybePromise<readonly (string | undefined)[]> {
    return this.#guard(
      'read',
      keys,
      () => this.#store.read(keys),
      (values) => Array.isArray(values) && values.length === keys.length && values.every(isValue),
    );
  }

  write(
    key: string,
    value: string,
    ttlSeconds: number,
    options?: { keep?: boolean },
  ): MaybePromise<void> {
    return this.#guard(
      'write',
      [key, value],
      () => this.#store.write(key, value, wholeSeconds(ttlSeconds), options),
      () => true,
    );
  }

  add(key: string, ttlSeconds: number): MaybePromise<boolean> {
    return this.#guard(
      'add',
      [key],
      () => this.#store.add(key, wholeSeconds(ttlSeconds)),
      (added) => typeof added === 'boolean',
    );
  }

  raise(key: string, value: string, ttlSeconds: number): MaybePromise<void> {
    return this.#guard(
      'raise',
      [key, value],
      () => this.#store.raise(key, value, wholeSeconds(ttlSeconds)),
      () => true,
    );
  }

  remove(key: string): MaybePromise<void> {
    return this.#guard(
      'remove',
      [key],
      () => this.#store.remove(key),
      () => true,
    );
  }

  move(from: string, to: string): MaybePromise<boolean> {
    return this.#guard(
      'move',
      [from, to],
      () => this.#store.move(from, to),
      (moved) => typeof moved === 'boolean',
    );
  }

  #guard<T>(
    verb: StoreVerb,
    texts: readonly string[],
    ask: () => MaybePromise<T>,
    isSound: (answer: T) => boolean,
  ): MaybePromise<T> {
    if (this.#breaker.isOpen()) throw unavailable(this.#lastFailure, this.#lastCause);
    const startedAt = isMeasured() ? performance.now() : 0;
    let answer: MaybePromise<T>;
    try {
      answer = ask();
    } catch (error) {
      throw this.#failed(error, { verb, texts, startedAt: startedAt || performance.now() });
    }
    if (isPromiseLike(answer)) return this.#wait(answer, isSound, verb, texts);
    if (!isSound(answer)) {
      throw this.#unsound({ verb, texts, startedAt: startedAt || performance.now() });
    }
    if (startedAt > 0 || this.#failingSince !== undefined) this.#succeeded(verb, startedAt);
    return answer;
  }

  #wait<T>(
    answer: PromiseLike<T>,
    isSound: (answer: T) => boolean,
    verb: StoreVerb,
    texts: readonly string[],
  ): Promise<T> {
    const deadline = this.#breaker.isWary() ? this.#waryDeadline : this.#deadline;
    return new Promise((resolve, reject) => {
      const waiting = deadline.begin((startedAt) => {
        this.#breaker.timedOut(startedAt);
        const waitedMs = Math.round(performance.now() - startedAt);
        const timeout = new Error(`the store did not answer within ${waitedMs} ms`);
        reject(this.#noteFailure(timeout, { verb, texts, startedAt }));
      });
      const { startedAt } = waiting;
      // An answer after the time limit has no effect any more.
      Promise.resolve(answer).then(
        (value) => {
          this.#breaker.answered();
          if (!deadline.end(waiting)) return;
          if (!isSound(value)) {
            reject(this.#unsound({ verb, texts, startedAt }));
            return;
          }
          if (isMeasured() || this.#failingSince !== undefined) this.#succeeded(verb, startedAt);
          resolve(value);
        },
        (error: unknown) => {
          if (deadline.end(waiting)) reject(this.#failed(error, { verb, texts, startedAt }));
        },
      );
    });
  }

  #failed(error: unknown, call: StoreCall): SessionError {
    if (isLostConnection(error)) this.#breaker.lostConnection();
    else this.#breaker.answered();
    return this.#noteFailure(error, call);
  }

  #unsound(call: StoreCall): SessionError {
    return this.#noteFailure(new Error('the store answered with a value of the wrong type'), call);
  }

  #noteFailure(error: unknown, { verb, texts, startedAt }: StoreCall): SessionError {
    const now = performance.now();
    this.#lastFailure = error;
    this.#failingSince ??= startedAt;
    const cause = summaryOf(error, texts);
    this.#lastCause = cause;
    const durationMs = Math.round(now - startedAt);
    publish(this.#clock(), { type: 'store.failed', verb, durationMs, cause });
    if (isMeasured()) measure({ name: 'store', verb, durationMs: now - startedAt, isGood: false });
    return unavailable(error, cause);
  }

  /** @param startedAt 0 if the duration is not asked for */
  #succeeded(verb: StoreVerb, startedAt: number): void {
    const now = performance.now();
    if (startedAt > 0 && isMeasured()) {
      measure({ name: 'store', verb, durationMs: now - startedAt, isGood: true });
    }
    if (this.#failingSince === undefined) return;
    const durationMs = Math.round(now - this.#failingSince);
    this.#failingSince = undefined;
    publish(this.#clock(), { type: 'store.recovered', verb, durationMs });
  }
}

function wholeSeconds(ttlSeconds: number): number {
  return Math.max(1, Math.ceil(ttlSeconds));
}

function unavailable(error: unknown, cause: EventCause | undefined): SessionError {
  const refusal = new SessionError('store_unavailable', { cause: error });
  return cause === undefined ? refusal : noteOn(refusal, { cause });
}

function isValue(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

/** A refusal, such as that of a write to a full store, does not count: the next call may succeed. */
function isLostConnection(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > MAX_CAUSES) return false;
  const { code } = error as { code?: unknown };
  const isOne = [code, error.name, error.constructor.name, error.message].some(
    (mark) => typeof mark === 'string' && LOST_CONNECTION.test(mark),
  );
  return isOne || isLostConnection(error.cause, depth + 1);
}
