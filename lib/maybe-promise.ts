/**
 * Values that may be known at once, so that a request waits on a promise only if it has to.
 */

/** A value, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** Continues with a value once it is known. It makes no promise if the value is known already. */
export function andThen<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isPromiseLike(value) ? Promise.resolve(value).then(next) : next(value);
}

/**
 * Whether a value is a promise of any make. With `instanceof Promise` a request would pass unchecked
 * if the app has replaced the global class.
 */
export function isPromiseLike<T>(value: MaybePromise<T> | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
