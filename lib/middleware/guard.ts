/**
 * The part that all guards share: which sessions of the request they are about, and how a request
 * without one is refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isBoundToKey, namingDpop } from '../dpop/dpop-guard.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { OptionReader } from '../option-reader.js';
import { VerifiedSession } from '../session.js';
import type { Sessions } from '../sessions-interface.js';
import type { WalletSessions } from '../wallet-sessions.js';
import { complaintOfSessions } from './called-wrongly.js';
import { passOn, whenDone, type Middleware, type Next } from './middleware.js';
import {
  isAdmitted,
  notMounted,
  recallSessions,
  refusalOf,
  type AdmittedRequest,
} from './request-session.js';
import { passOrRefuse, refuse } from './send-problem.js';

/** Options of every guard. */
export interface GuardOptions {
  /**
   * The sessions that the guard is about, if several `validateSession()` are mounted.
   * @defaultValue every session that was found on the request
   */
  readonly sessions?: Sessions | undefined;
}

/** Express's request, as far as a condition is likely to look at it. */
export interface ConditionRequest extends IncomingMessage {
  /* eslint-disable @typescript-eslint/no-explicit-any -- as in Express's own types */
  /** The body, if a parser ran before. */
  body?: any;
  /** The parameters of the query. */
  query?: any;
  /** The parameters of the path. */
  params?: any;
  /* eslint-enable @typescript-eslint/no-explicit-any */
}

/** A guard, with its demand on each session that was found on the request. */
export interface Guard {
  /** The call of its factory, for messages: `requireMfa()`. */
  readonly name: string;
  readonly sessions: WalletSessions | undefined;
  /** Only `false` lifts the guard. */
  readonly when?: ((req: ConditionRequest) => MaybePromise<unknown>) | undefined;
  /** Throws, or rejects with, the `SessionError` that refuses the request. */
  check(admitted: AdmittedRequest, req: IncomingMessage): MaybePromise<unknown>;
}

/** A middleware that passes a request on if `check` accepts each of its sessions. */
export function guardMiddleware(guard: Guard): Middleware {
  const { name, sessions, when } = guard;
  const middleware: Middleware = (req, res, next) => {
    const found = recallSessions(req, sessions);
    const last = found.at(-1);
    if (last === undefined) {
      next(notMounted(name, sessions));
      return;
    }
    const admitted = found.filter(isAdmitted);
    if (admitted.length === 0) {
      // Before `when` is asked: an anonymous request is refused in any case.
      const refusal = refusalOf(last);
      // A refusal by `validateSession()` has been reported.
      if (last.refusal === undefined) last.sessions.reports.refused(refusal, undefined, req);
      refuse(refusal, last.sessions.configuration.onError, req, res, next);
    } else if (when === undefined) {
      checkEach(guard, admitted, req, res, next);
    } else {
      whenDone(
        () => when(req),
        (isProtected) => {
          if (isProtected === false) next();
          else checkEach(guard, admitted, req, res, next);
        },
        (thrown) => {
          passOn(thrown, next);
        },
      );
    }
  };
  // Tracers of Express name a span after the function.
  return Object.defineProperty(middleware, 'name', { value: name.replace('()', 'Middleware') });
}

/** One after another; the first refusal is answered as its own sessions are configured. */
function checkEach(
  guard: Guard,
  [first, ...others]: readonly AdmittedRequest[],
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
): void {
  if (first === undefined) {
    next();
    return;
  }
  const { onError } = first.sessions.configuration;
  const goOn: Next = (error) => {
    if (error === undefined) checkEach(guard, others, req, res, next);
    else next(error);
  };
  const identity = VerifiedSession.identityOf(first.session);
  const check = (): MaybePromise<unknown> =>
    namingDpop(isBoundToKey(identity), () => guard.check(first, req));
  passOrRefuse(check, onError, req, res, others.length > 0 ? goOn : next);
}

/** The option `sessions` of a guard. */
export function readSessions<T extends GuardOptions>(
  read: OptionReader<T>,
): WalletSessions | undefined {
  const sessions = read.value('sessions');
  if (sessions === undefined) return undefined;
  const complaint = complaintOfSessions(sessions);
  if (complaint === undefined) return sessions as WalletSessions;
  read.complain(complaint);
  return undefined;
}
