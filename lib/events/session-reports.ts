/**
 * Tells operators about requests: as an event and, if it was refused, as a line of the log.
 */
import type { Clock } from '../clock.js';
import { correlationIdOf } from '../correlation-id.js';
import { SessionError } from '../errors.js';
import { isPromiseLike, type MaybePromise } from '../maybe-promise.js';
import type { FactorDemand, MfaDemand } from '../protocol.js';
import { noteOf, type SessionIds } from '../refusal-note.js';
import type { RequestHeaders } from '../request-headers.js';
import { hasSubscribers, publish, type Loose } from './channel.js';
import { isMeasured, measure } from './measurements.js';
import { causeOf, isLogging, logRefusal } from './refusal-log.js';
import type { EventFacts } from './session-event.js';

/** A request, whose correlation id an event carries. */
export interface ReportedRequest {
  readonly headers: RequestHeaders;
}

/** Errors after which a session is over, whatever was asked of it. */
const SESSION_IS_OVER = ['token_expired', 'session_expired', 'session_revoked'];

/** Whether anybody would learn of a report. */
export function isObserved(): boolean {
  return hasSubscribers() || isLogging;
}

export class SessionReports {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  event(facts: Loose<EventFacts>, ids?: SessionIds, request?: ReportedRequest): void {
    if (hasSubscribers()) publish(this.#clock(), facts, ids, idOf(request));
  }

  anonymous(): void {
    if (isMeasured()) measure({ name: 'anonymous' });
  }

  /** A refusal of the session itself. */
  refused(error: unknown, ids?: SessionIds, request?: ReportedRequest): void {
    if (!isObserved() || !(error instanceof SessionError)) return;
    const { errorType, action } = error;
    logRefusal(error, idOf(request));
    if (!hasSubscribers()) return;
    const facts = { type: 'session.refused', errorType, action, cause: causeOf(error) } as const;
    this.event(facts, ids ?? noteOf(error).ids, request);
  }

  /** A refusal of what a session wanted to do; of the session if that is over. */
  actionRefused(error: unknown, ids: SessionIds): void {
    if (!isObserved() || !(error instanceof SessionError)) return;
    if (isOver(error)) this.refused(error, ids);
    else logRefusal(error, undefined);
  }

  mfaRefused(
    error: unknown,
    demand: Partial<MfaDemand>,
    ids: SessionIds,
    request?: ReportedRequest,
  ): void {
    if (!isObserved() || !(error instanceof SessionError)) return;
    if (isOver(error)) {
      this.refused(error, ids, request);
      return;
    }
    logRefusal(error, idOf(request));
    const { errorType } = error;
    const ageSeconds = noteOf(error).mfaAgeSeconds;
    this.event({ type: 'mfa.refused', ...demand, errorType, ageSeconds }, ids, request);
  }

  /** A `requireApproval()` that did not pass; a challenge that was made has an event of its own. */
  approvalRefused(
    error: unknown,
    demand: FactorDemand,
    ids: SessionIds,
    request?: ReportedRequest,
  ): void {
    // Any other error may be about the demand itself, which then is none.
    if (!isObserved() || !(error instanceof SessionError)) return;
    const { methods, acr } = demand;
    if (error.errorType === 'mfa_required') logRefusal(error, idOf(request));
    else if (error.errorType === 'invalid_request') this.refused(error, ids, request);
    else this.mfaRefused(error, { methods, acr }, ids, request);
  }
}

export function isOver({ errorType }: SessionError): boolean {
  return SESSION_IS_OVER.includes(errorType);
}

/** Tells of the outcome of `work`, which is passed on as it is. */
export function reporting<T>(
  work: () => MaybePromise<T>,
  succeeded: (value: T) => void,
  failed: (error: unknown) => void,
): MaybePromise<T> {
  const pass = (value: T): T => {
    succeeded(value);
    return value;
  };
  const fail = (error: unknown): never => {
    failed(error);
    throw error;
  };
  let value: MaybePromise<T>;
  try {
    value = work();
  } catch (error) {
    return fail(error);
  }
  return isPromiseLike(value) ? Promise.resolve(value).then(pass, fail) : pass(value);
}

function idOf(request: ReportedRequest | undefined): string | undefined {
  return request && correlationIdOf(request);
}
