/**
 * Guards a protected operation: the cached MFA session has to satisfy what the route demands.
 */
import type { IncomingMessage } from 'node:http';
import { SessionError } from '../errors.js';
import type { MaybePromise } from '../maybe-promise.js';
import { isAcrValue } from '../mfa/evidence.js';
import type { MfaPolicy } from '../mfa/mfa-policy.js';
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
export interface RequireMfaOptions {
  /** How recent the verification has to be; above `windowSeconds` it counts as that. */
  readonly maxAgeSeconds?: number | undefined;
  /** One of these methods is demanded. */
  readonly methods?: readonly string[] | undefined;
  /** One of these `acr` values is demanded; the challenge names them (RFC 9470). */
  readonly acr?: readonly string[] | undefined;
  /** Whether this request is a protected operation at all. What it throws goes to `next(error)`. */
  when?(req: ConditionRequest): boolean | Promise<boolean>;
  /** What happens to users who are not enrolled in MFA. @defaultValue 'deny' */
  readonly whenNotEnrolled?: 'deny' | 'allow' | undefined;
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

function checkMfa({ sessions, session }: RequestSession, policy: MfaPolicy): MaybePromise<void> {
  if (session === undefined) throw new SessionError('token_missing');
  return sessions.checkMfa(session, policy);
}

function parsePolicy(options: RequireMfaOptions | undefined): {
  policy: MfaPolicy;
  when: ((req: ConditionRequest) => MaybePromise<unknown>) | undefined;
} {
  const complaints: string[] = [];
  const read = new OptionReader<RequireMfaOptions>('requireMfa()', options, complaints);
  const policy: MfaPolicy = {
    maxAgeSeconds: read.number('maxAgeSeconds', { min: 1 }),
    methods: read.strings('methods'),
    acr: read.strings('acr'),
    whenNotEnrolled: read.choice('whenNotEnrolled', ['deny', 'allow'], 'deny'),
  };
  const when = read.function<(req: ConditionRequest) => MaybePromise<unknown>>('when');
  if (policy.acr?.every(isAcrValue) === false) {
    read.complain('`acr` values must not hold spaces, quotes or backslashes; each is one entry.');
  }
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return { policy, when };
}
