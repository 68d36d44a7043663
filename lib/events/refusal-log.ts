/**
 * A line on stderr for each refusal, with `NODE_DEBUG=express-wallet-session`.
 */
import { debuglog } from 'node:util';
import type { SessionError } from '../errors.js';
import { noteOf, noteOn, summaryOf, type EventCause } from '../refusal-note.js';

const log = debuglog('express-wallet-session');

/** Read once: Node reads `NODE_DEBUG` when it starts. */
export const isLogging: boolean = log.enabled;

export function logRefusal(error: SessionError, correlationId: string | undefined): void {
  if (!isLogging) return;
  noteOn(error, { isLogged: true });
  const cause = causeOf(error);
  const reason = cause === undefined ? error.detail : textOf(cause);
  const request = correlationId === undefined ? '' : ` (correlation id ${correlationId})`;
  log('%s: %s%s', error.errorType, reason, request);
}

/** As `logRefusal()`, unless the error has its line already. */
export function logRefusalOnce(error: SessionError, correlationId: () => string): void {
  if (isLogging && noteOf(error).isLogged !== true) logRefusal(error, correlationId());
}

function textOf({ name, message, code }: EventCause): string {
  const kind = name === 'Error' ? '' : `${name}: `;
  return `${kind}${message}${code === undefined ? '' : ` (${code})`}`;
}

/** The cause as it may be told: others may have filled the cause of some errors with secrets. */
export function causeOf(error: SessionError): EventCause | undefined {
  const { cause, errorType } = error;
  const noted = noteOf(error).cause;
  if (noted !== undefined || cause === undefined) return noted;
  if (errorType === 'store_unavailable') {
    return { ...summaryOf(cause), message: 'the store failed' };
  }
  if (errorType.startsWith('mfa_')) {
    return { ...summaryOf(cause), message: '`mfa.isEnrolled` or `mfa.evidence` failed' };
  }
  return summaryOf(cause);
}
