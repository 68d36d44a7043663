/**
 * Guards a protected operation: the cached MFA session has to satisfy what the route demands.
 */
import type { IncomingMessage } from 'node:http';
import { SessionError } from '../errors.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { MfaPolicy } from '../mfa/mfa-policy.js';
import { readMfaPolicy, type MfaPolicyOptions } from '../mfa/parse-mfa-policy.js';
import { ConfigurationError, OptionReader } from '../option-reader.js';
import { passOn, whenDone, type Middleware } from './middleware.js';
import { notMounted, recallSession, type RequestSession } from './request-session.js';
import { passOrRefuse } from './send-problem.js';

/** As much of Express's request as a condition is likely to look at. */
export interface ConditionRequest extends IncomingMessage {
  /* eslint-disable @typescript-eslint/no-explicit-any -- as Express's own types have it */
  body?: any;
  query?: any;
  params?: any;
  /* eslint-enable @typescript-eslint/no-explicit-any */
}

/** What a route demands. */
export interface RequireMfaOptions extends MfaPolicyOptions {
  /** Whether this request is a protected operation at all. What it throws goes to `next(error)`. */
  when?(req: ConditionRequest): boolean | Promise<boolean>;
}

/**
 * Lets a request pass if its user verified MFA recently enough. Mount it after `validateSession()`.
 *
 * @throws ConfigurationError for options that cannot work
 */
export function requireMfa(options?: RequireMfaOptions): Middleware {
  const { policy, when } = parsePolicy(options);
  return function requireMfaMiddleware(req, res, next) {
    const found = recallSession(req);
    if (found === undefined) {
      next(notMounted('requireMfa()'));
      return;
    }
    const { onError } = found.sessions.configuration;
    // An anonymous request is refused whatever it asks for.
    if (when === undefined || found.session === undefined) {
      passOrRefuse(() => checkMfa(found, policy), onError, req, res, next);
    } else {
      whenDone(
        () => when(req),
        (isProtected) => {
          // Only a plain "no" lifts the guard.
          if (isProtected === false) next();
          else passOrRefuse(() => checkMfa(found, policy), onError, req, res, next);
        },
        (thrown) => {
          passOn(thrown, next);
        },
      );
    }
  };
}

function checkMfa(
  { sessions, session, reads }: RequestSession,
  policy: MfaPolicy,
): MaybePromise<void> {
  if (session === undefined) throw new SessionError('token_missing');
  return sessions.checkMfa(session, policy, reads);
}

function parsePolicy(options: RequireMfaOptions | undefined): {
  policy: MfaPolicy;
  when: ((req: ConditionRequest) => MaybePromise<unknown>) | undefined;
} {
  const complaints: string[] = [];
  const read = new OptionReader<RequireMfaOptions>('requireMfa()', options, complaints);
  const policy = readMfaPolicy(read);
  const when = read.function<(req: ConditionRequest) => MaybePromise<unknown>>('when');
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return { policy, when };
}
