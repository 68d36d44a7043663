/**
 * A SessionError as an answer: RFC 9457, with the headers of the error.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { correlationIdOf } from '../correlation-id.js';
import { SessionError } from '../errors.js';
import { logRefusalOnce } from '../events/refusal-log.js';
import type { MaybePromise } from '../maybe-promise.js';
import { ConfigurationError } from '../option-reader.js';
import type { Configuration } from '../options.js';
import { exposeHeaders } from './expose-headers.js';
import { LogoutError } from './logout-error.js';
import { isErrorOf, passOn, whenDone, type ErrorMiddleware, type Next } from './middleware.js';

/** RFC 9110 section 8, and the headers that belong to a body of another length. */
const REPRESENTATION_HEADERS = [
  'Content-Encoding',
  'Content-Language',
  'Content-Range',
  'ETag',
  'Last-Modified',
  'Transfer-Encoding',
];

/**
 * Answers a request with a SessionError: status, headers, and an `application/problem+json` body
 * (`application/json` at `backchannelLogout()`).
 * If an answer has begun already, it closes the connection, so that the client sees it as cut off.
 *
 * @throws TypeError for any other error
 *
 * @example
 * validateSession({
 *   onError: (error, req, res) => {
 *     console.warn(error.errorType, error.cause);
 *     sendProblem(error, req, res);
 *   },
 * });
 */
export function sendProblem(error: SessionError, req: IncomingMessage, res: ServerResponse): void {
  if (!(error instanceof SessionError)) {
    throw new TypeError(
      'sendProblem(error, req, res) answers a SessionError; pass every other error to next().',
    );
  }
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const [type, content] =
    error instanceof LogoutError
      ? ['application/json', error.toOAuthError()]
      : ['application/problem+json', error.toProblem(req)];
  const body = JSON.stringify(content);
  // A handler may have set them for the answer that it did not send.
  for (const name of REPRESENTATION_HEADERS) res.removeHeader(name);
  res.statusCode = error.status;
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  exposeHeaders(
    res,
    // The Fetch standard lets every script read Cache-Control.
    Object.keys(error.headers).filter((name) => name !== 'Cache-Control'),
  );
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}

/**
 * Answers the SessionErrors that route handlers throw or pass to `next`, for instance if
 * `session.mfa.start()` rejects because the store is down. It passes on every other error. Mount it
 * after the routes.
 *
 * @example
 * app.use(validateSession());
 * app.post('/sign-out', async (req, res) => {
 *   await getSession(req).signOut();
 *   res.status(204).end();
 * });
 * app.use(problemHandler());
 */
export function problemHandler(): ErrorMiddleware;
export function problemHandler(...given: readonly unknown[]): ErrorMiddleware {
  if (given.length > 0) {
    throw new ConfigurationError([
      'problemHandler was mounted without being called. Call it: app.use(problemHandler()), not app.use(problemHandler).',
    ]);
  }
  return function problemHandlerMiddleware(error, req, res, next) {
    if (error instanceof SessionError && !res.headersSent) {
      logRefusalOnce(error, () => correlationIdOf(req));
      sendProblem(error, req, res);
    } else {
      next(error);
    }
  };
}

/** Passes a request on if `work` succeeds, and refuses it otherwise. */
export function passOrRefuse(
  work: () => MaybePromise<unknown>,
  onError: Configuration['onError'],
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
): void {
  whenDone(
    work,
    () => {
      next();
    },
    (error) => {
      refuse(error, onError, req, res, next);
    },
  );
}

/** Carries an error of one of the app's callbacks to `next()`, even if it is a SessionError. */
export class CallbackError extends Error {
  constructor(readonly thrown: unknown) {
    super('a callback of the app threw');
  }
}

/** Answers a SessionError, or lets `onError` answer it; every other error goes to `next`. */
export function refuse(
  error: unknown,
  onError: Configuration['onError'],
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
): void {
  if (!(error instanceof SessionError)) {
    passOn(error instanceof CallbackError ? error.thrown : error, next);
    return;
  }
  if (onError === undefined) {
    sendProblem(error, req, res);
    return;
  }
  // Without this, `next()` or `next('route')` in `onError` would run the operation.
  const nextWithError: Next = (argument) => {
    next(isErrorOf(argument) ? argument : error);
  };
  try {
    Promise.resolve(onError(error, req, res, nextWithError)).catch((thrown: unknown) => {
      passOn(thrown, next);
    });
  } catch (thrown) {
    passOn(thrown, next);
  }
}
