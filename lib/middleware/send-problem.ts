/**
 * A SessionError as an answer: RFC 9457, with the headers that the error brings.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SessionError } from '../errors.js';
import type { Configuration } from '../options.js';
import type { MaybePromise } from '../maybe-promise.js';
import { passOn, whenDone, type ErrorMiddleware, type Next } from './middleware.js';

/** RFC 9110 section 8, and what belongs to a body of another length. */
const REPRESENTATION_HEADERS = [
  'Content-Encoding',
  'Content-Language',
  'Content-Range',
  'ETag',
  'Last-Modified',
  'Transfer-Encoding',
];

/**
 * Answers a request with a SessionError: status, headers, and an `application/problem+json` body.
 * Where an answer has begun already, the connection is closed, so that it is not taken for whole.
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
  const body = JSON.stringify(error.toProblem(req));
  // What a handler said of the answer that it did not get to send.
  for (const name of REPRESENTATION_HEADERS) res.removeHeader(name);
  res.statusCode = error.status;
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  res.setHeader('Content-Type', 'application/problem+json');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}

/**
 * Answers the SessionErrors that handlers meet, for instance when `session.mfa.start()` finds the
 * store down. It passes every other error on. Mount it after the routes.
 */
export function problemHandler(): ErrorMiddleware {
  return function problemHandlerMiddleware(error, req, res, next) {
    if (error instanceof SessionError && !res.headersSent) sendProblem(error, req, res);
    else next(error);
  };
}

/** Does what a middleware does, and goes on to the next one or refuses the request. */
export function passOrRefuse(
  work: () => MaybePromise<void>,
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

/** What a middleware does with what it could not do: `onError` for ours, `next` for the rest. */
export function refuse(
  error: unknown,
  onError: Configuration['onError'],
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
): void {
  if (!(error instanceof SessionError)) {
    passOn(error, next);
    return;
  }
  if (onError === undefined) {
    sendProblem(error, req, res);
    return;
  }
  try {
    Promise.resolve(onError(error, req, res, next)).catch((thrown: unknown) => {
      passOn(thrown, next);
    });
  } catch (thrown) {
    passOn(thrown, next);
  }
}
