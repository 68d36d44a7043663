/**
 * The shape of a middleware in Node's own types, which fits Express 4, Express 5 and every other
 * caller of `(req, res, next)`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isPromiseLike, type MaybePromise } from '../maybe-promise.js';

/** Passes a request to the next handler or, with an error, to the next error handler. */
export type Next = (error?: unknown) => void;

/** A request handler, for `app.use()` and for routes. */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** An error handler, for `app.use()` after the routes. */
export type ErrorMiddleware = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
) => void;

/**
 * Passes a thrown value to `next` as an error. Express takes a falsy value for no error, and
 * `'route'` and `'router'` for a jump past the next handlers: either would open the guarded route.
 */
export function passOn(thrown: unknown, next: Next): void {
  next(
    isErrorOf(thrown) ? thrown : new Error('a callback threw what is no error', { cause: thrown }),
  );
}

/** Whether Express takes this argument of `next` for an error. */
export function isErrorOf(argument: unknown): boolean {
  return Boolean(argument) && argument !== 'route' && argument !== 'router';
}

/**
 * Calls `go` with the result of `work`: at once if it is no promise. Express 4 ignores a rejected
 * promise, so every failure ends in `fail`.
 */
export function whenDone<T>(
  work: () => MaybePromise<T>,
  go: (value: T) => void,
  fail: (error: unknown) => void,
): void {
  let value: MaybePromise<T>;
  try {
    value = work();
  } catch (error) {
    fail(error);
    return;
  }
  if (isPromiseLike(value)) value.then(go, fail);
  else go(value);
}
