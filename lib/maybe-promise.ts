/**
 * Answers that may be there at once: no request waits on a promise for what is known.
 */

export type MaybePromise<T> = T | Promise<T>;

/** Goes on with a value that may have to be waited for, without making a promise where there is none. */
export function andThen<T, R>(
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
