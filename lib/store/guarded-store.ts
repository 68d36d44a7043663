/**
 * The app's store with its failures made into one answer, `store_unavailable`, and its slowness
 * bounded: no request waits longer than a second, and not every request waits that second.
 */
import { performance } from 'node:perf_hooks';
import { SessionError } from '../errors.js';
import { isPromiseLike, type MaybePromise, type SessionStore } from './session-store.js';

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
      (values) => areValues(values, keys.length),
    );
  }

  write(
    key: string,
    value: string,
    ttlSeconds: number,
    options?: { keep?: boolean },
  ): MaybePromise<void> {
    return this.#guard(
      () => this.#store.write(key, value, Math.max(1, Math.ceil(ttlSeconds)), options),
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
    if (this.#isPaused()) throw this.#unavailable(this.#lastFailure);
    let answer: MaybePromise<T>;
    try {
      answer = ask();
    } catch (error) {
      throw this.#failed(error);
    }
    return isPromiseLike(answer) ? this.#wait(answer, isSound) : this.#checked(answer, isSound);
  }

  #isPaused(): boolean {
    return this.#pausedUntil > 0 && performance.now() < this.#pausedUntil;
  }

  async #wait<T>(answer: PromiseLike<T>, isSound: (answer: T) => boolean): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.#pausedUntil = performance.now() + PAUSE_MS;
        reject(new Error(`the store did not answer within ${TIMEOUT_MS} ms`));
      }, TIMEOUT_MS);
    });
    try {
      return this.#checked(await Promise.race([answer, timeout]), isSound);
    } catch (error) {
      throw error instanceof SessionError ? error : this.#failed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #checked<T>(answer: T, isSound: (answer: T) => boolean): T {
    if (isSound(answer)) return answer;
    throw this.#unavailable(new Error('the store answered something that is no answer'));
  }

  #failed(error: unknown): SessionError {
    this.#lastFailure = error;
    if (isLostConnection(error)) this.#pausedUntil = performance.now() + PAUSE_MS;
    return this.#unavailable(error);
  }

  #unavailable(cause: unknown): SessionError {
    return new SessionError('store_unavailable', { cause });
  }
}

function areValues(values: unknown, count: number): boolean {
  if (!Array.isArray(values) || values.length !== count) return false;
  for (const value of values as unknown[]) {
    if (value !== undefined && typeof value !== 'string') return false;
  }
  return true;
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
