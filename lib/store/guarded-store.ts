/**
 * The app's store behind a time limit and a circuit breaker: every failure becomes
 * `store_unavailable`, no request waits longer than a second, and not every request waits that long.
 */
import { SessionError } from '../errors.js';
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

export class GuardedStore {
  readonly #store: SessionStore;
  readonly #breaker = new CircuitBreaker();
  readonly #deadline = new Deadline(TIMEOUT_MS);
  readonly #waryDeadline = new Deadline(WARY_TIMEOUT_MS);
  #lastFailure: unknown;

  constructor(store: SessionStore) {
    this.#store = store;
  }

  /** @throws SessionError `store_unavailable`, as every verb here */
  read(keys: readonly string[]): MaybePromise<readonly (string | undefined)[]> {
    return this.#guard(
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
      () => this.#store.write(key, value, wholeSeconds(ttlSeconds), options),
      () => true,
    );
  }

  add(key: string, ttlSeconds: number): MaybePromise<boolean> {
    return this.#guard(
      () => this.#store.add(key, wholeSeconds(ttlSeconds)),
      (added) => typeof added === 'boolean',
    );
  }

  raise(key: string, value: string, ttlSeconds: number): MaybePromise<void> {
    return this.#guard(
      () => this.#store.raise(key, value, wholeSeconds(ttlSeconds)),
      () => true,
    );
  }

  remove(key: string): MaybePromise<void> {
    return this.#guard(
      () => this.#store.remove(key),
      () => true,
    );
  }

  move(from: string, to: string): MaybePromise<boolean> {
    return this.#guard(
      () => this.#store.move(from, to),
      (moved) => typeof moved === 'boolean',
    );
  }

  #guard<T>(ask: () => MaybePromise<T>, isSound: (answer: T) => boolean): MaybePromise<T> {
    if (this.#breaker.isOpen()) throw unavailable(this.#lastFailure);
    let answer: MaybePromise<T>;
    try {
      answer = ask();
    } catch (error) {
      throw this.#failed(error);
    }
    if (isPromiseLike(answer)) return this.#wait(answer, isSound);
    if (isSound(answer)) return answer;
    throw unsound();
  }

  #wait<T>(answer: PromiseLike<T>, isSound: (answer: T) => boolean): Promise<T> {
    const deadline = this.#breaker.isWary() ? this.#waryDeadline : this.#deadline;
    return new Promise((resolve, reject) => {
      const waiting = deadline.begin((startedAt) => {
        this.#breaker.timedOut(startedAt);
        const waitedMs = Math.round(performance.now() - startedAt);
        this.#lastFailure = new Error(`the store did not answer within ${waitedMs} ms`);
        reject(unavailable(this.#lastFailure));
      });
      // An answer after the time limit has no effect any more.
      Promise.resolve(answer).then(
        (value) => {
          this.#breaker.answered();
          if (!deadline.end(waiting)) return;
          if (isSound(value)) resolve(value);
          else reject(unsound());
        },
        (error: unknown) => {
          if (deadline.end(waiting)) reject(this.#failed(error));
        },
      );
    });
  }

  #failed(error: unknown): SessionError {
    this.#lastFailure = error;
    if (isLostConnection(error)) this.#breaker.lostConnection();
    else this.#breaker.answered();
    return unavailable(error);
  }
}

function wholeSeconds(ttlSeconds: number): number {
  return Math.max(1, Math.ceil(ttlSeconds));
}

function unavailable(cause: unknown): SessionError {
  return new SessionError('store_unavailable', { cause });
}

function unsound(): SessionError {
  return unavailable(new Error('the store answered with a value of the wrong type'));
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
