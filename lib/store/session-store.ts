/**
 * The contract between sessions and whatever keeps their records: strings with an expiry.
 * A store knows nothing of sessions, and a session nothing of Redis.
 */

export type MaybePromise<T> = T | Promise<T>;

/**
 * Four verbs. A store may answer synchronously, and then no request waits on a promise for it.
 * Every failure is thrown (or rejected) and never turned into "absent": a store that says "absent"
 * says that nobody signed out.
 */
export interface SessionStore {
  /**
   * The values in the order of the keys, `undefined` where there is none; `[]` for `[]`.
   * The keys of one call may lie in two Redis Cluster slots.
   */
  read(keys: readonly string[]): MaybePromise<readonly (string | undefined)[]>;

  /**
   * Writes or overwrites, with an expiry in seconds of real time.
   * With `keep`, the entry must never be dropped to make room: what cannot be kept is refused by
   * throwing.
   */
  write(
    key: string,
    value: string,
    ttlSeconds: number,
    options?: { keep?: boolean },
  ): MaybePromise<void>;

  /** Removes; a key that is absent is no error. */
  remove(key: string): MaybePromise<void>;

  /**
   * Renames, atomically, keeping value and expiry; `false` where `from` is absent or `to` is there.
   * Both keys carry the same Redis Cluster hash tag.
   */
  move(from: string, to: string): MaybePromise<boolean>;
}

/** Goes on with a value that may have to be waited for, without making a promise where there is none. */
export function then<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isPromiseLike(value) ? Promise.resolve(value).then(next) : next(value);
}

/**
 * Whether something has to be waited for, whoever made the promise. `instanceof Promise` would let a
 * request pass unchecked where the app has put another class in the place of the global one.
 */
export function isPromiseLike<T>(value: MaybePromise<T> | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
