/**
 * The app's store with its failures made into one answer, `store_unavailable`, and its slowness
 * bounded: no request waits longer than a second, and not every request waits that second.
 */
import { performance } from 'node:perf_hooks';
import { SessionError } from '../errors.js';
import { Deadline } from './deadline.js';
import type { SessionStore } from './session-store.js';
import { isPromiseLike, type MaybePromise } from '../maybe-promise.js';

const TIMEOUT_MS = 1_000;
/** How long a store that hung or lost its connection is not waited for again. */
const PAUSE_MS = 1_000;

/**
 * What Node, node-redis, ioredis, pg and undici call a connection that is gone, by code, name or
 * message.
 */
const LOST_CONNECTION =
  /^(E(CONN(REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|NOTFOUND|HOSTUNREACH|NETUNREACH|AI_AGAIN)|NR_CLOSED|CONNECTION_BROKEN|(Socket|Connection|Client|Disconnects|Reconnect|MaxRetries|ClusterAllFailed)\w*Error|Connection (is closed\.|terminated.*)|UND_ERR_(SOCKET|CONNECT_TIMEOUT)|CLUSTERDOWN .*)$/;

/** How far a wrapped error is looked into. */
const MAX_CAUSES = 3;

export class GuardedStore {
  readonly #store: SessionStore;
  readonly #deadline = new Deadline(TIMEOUT_MS);
  /** On a monotonic clock; the clock of sessions may be a test's. */
  #pausedUntil = 0;
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
    if (this.#isPaused()) throw unavailable(this.#lastFailure);
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

  #isPaused(): boolean {
    return this.#pausedUntil > 0 && performance.now() < this.#pausedUntil;
  }

  #wait<T>(answer: PromiseLike<T>, isSound: (answer: T) => boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = this.#deadline.begin(() => {
        this.#pausedUntil = performance.now() + PAUSE_MS;
        reject(this.#failed(new Error(`the store did not answer within ${TIMEOUT_MS} ms`)));
      });
      // What comes too late changes nothing any more.
      Promise.resolve(answer).then(
        (value) => {
          if (!this.#deadline.end(waiting)) return;
          if (isSound(value)) resolve(value);
          else reject(unsound());
        },
        (error: unknown) => {
          if (this.#deadline.end(waiting)) reject(this.#failed(error));
        },
      );
    });
  }

  #failed(error: unknown): SessionError {
    this.#lastFailure = error;
    if (isLostConnection(error)) this.#pausedUntil = performance.now() + PAUSE_MS;
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
  return unavailable(new Error('the store answered something that is no answer'));
}

function isValue(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

/** A store that refuses one write because it is full is well otherwise, and so not left alone. */
function isLostConnection(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > MAX_CAUSES) return false;
  const { code } = error as { code?: unknown };
  const isOne = [code, error.name, error.constructor.name, error.message].some(
    (mark) => typeof mark === 'string' && LOST_CONNECTION.test(mark),
  );
  return isOne || isLostConnection(error.cause, depth + 1);
}
