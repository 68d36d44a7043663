/**
 * Refuses anonymous requests, after `validateSession({ required: false })`.
 */
import { SessionError } from '../errors.js';
import type { Middleware } from './middleware.js';
import { notMounted, recallSession } from './request-session.js';
import { refuse } from './send-problem.js';

/** Answers anonymous requests with `token_missing`. */
export function requireSession(): Middleware {
  return function requireSessionMiddleware(req, res, next) {
    const found = recallSession(req);
    if (found === undefined) {
      next(notMounted('requireSession()'));
    } else if (found.session === undefined) {
      refuse(
        new SessionError('token_missing'),
        found.sessions.configuration.onError,
        req,
        res,
        next,
      );
    } else {
      next();
    }
  };
}
