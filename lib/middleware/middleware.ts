/**
 * What a middleware is, in Node's own types: it fits Express 4, Express 5 and whatever else calls
 * `(req, res, next)`, without importing the types of any of them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isPromiseLike, type MaybePromise } from '../maybe-promise.js';

export type Next = (error?: unknown) => void;

export type Middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

export type ErrorMiddleware = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
) => void;

/**
 * Gives `next` what a callback of the app threw. Express goes on to the next handler where it is
 * given nothing, and skips one for a word: no throw may open the door that it was thrown behind.
 */
export function passOn(thrown: unknown, next: Next): void {
  const isError = Boolean(thrown) && thrown !== 'route' && thrown !== 'router';
  next(isError ? thrown : new Error('a callback threw what is no error', { cause: thrown }));
}

/**
 * Goes on when the work is done: at once where nothing had to be waited for. Express 4 ignores a
 * rejected promise, so whatever goes wrong ends in `fail`.
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
