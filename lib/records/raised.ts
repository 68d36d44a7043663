/**
 * Values of raised records: sign-outs and ends of MFA. A store keeps the greater of two such values,
 * compared byte by byte, so each begins with a zero-padded number. They name no expiry: a raised
 * record holds for as long as the store has it.
 */
import { SessionError } from '../errors.js';
import { noteOn, summaryOf } from '../refusal-note.js';

/** The largest number of milliseconds since the epoch that a `Date` can hold (ECMA-262, 21.4.1.1). */
const MAX_MS = 8.64e15;
const MS_DIGITS = 16;
const SECOND_DIGITS = 13;
const COUNTER_DIGITS = 10;
const MAX_COUNTER = 10 ** COUNTER_DIGITS - 1;

const SECOND = new RegExp(`^\\d{${SECOND_DIGITS}}$`);
const MILLISECOND = new RegExp(`^\\d{${MS_DIGITS}}$`);
const MFA_END = new RegExp(`^(\\d{${MS_DIGITS}})\\.(\\d{${COUNTER_DIGITS}})$`);

/** The sign-out of a user: sessions that started in this second or earlier are signed out. */
export function encodeUserSignOut(lastSecond: number): string {
  return padded(lastSecond, SECOND_DIGITS, MAX_MS / 1000);
}

/**
 * The last second of a user's sign-out; `-Infinity` without one.
 *
 * @throws SessionError `store_unavailable` if the value is unreadable: it may name any second
 */
export function decodeUserSignOut(value: string | undefined): number {
  if (value === undefined) return -Infinity;
  if (!SECOND.test(value)) throw unreadable();
  return Number(value);
}

/** The sign-out of one session or access token, by the time of it or of its last renewal. */
export function encodeSignOut(atMs: number): string {
  return padded(atMs, MS_DIGITS, MAX_MS);
}

/** @throws SessionError `store_unavailable` if the value is unreadable */
export function decodeSignOut(value: string): number {
  if (!MILLISECOND.test(value)) throw unreadable();
  return Number(value);
}

/**
 * The value that ends MFA, ordered after the end that was found: by time and then by a counter, so
 * that a process whose clock is behind, or a second end within one millisecond, still ends what was
 * started since.
 *
 * @param untilMs evidence up to this time is void
 * @throws SessionError `store_unavailable` if the end that was found is unreadable
 */
export function nextMfaEnd(found: string | undefined, untilMs: number): string {
  if (found === undefined) return encodeMfaEnd(untilMs, 0);
  const end = decodeMfaEnd(found);
  if (end === undefined) throw unreadable();
  if (end.untilMs < untilMs) return encodeMfaEnd(untilMs, 0);
  return end.counter < MAX_COUNTER
    ? encodeMfaEnd(end.untilMs, end.counter + 1)
    : encodeMfaEnd(end.untilMs + 1, 0);
}

/**
 * Whether MFA was ended after `epoch`, which is the end that was in the store when MFA was verified
 * (`undefined`: there was none). If one of them is unreadable, their order is unknown, and it was.
 */
export function isEndedSince(epoch: string | undefined, end: string | undefined): boolean {
  if (end === undefined || end === epoch) return false;
  if (epoch === undefined || !MFA_END.test(end) || !MFA_END.test(epoch)) return true;
  return end > epoch;
}

/** Evidence up to this time is void: `-Infinity` without an end, `Infinity` if it is unreadable. */
export function endedUntilMs(end: string | undefined): number {
  return end === undefined ? -Infinity : (decodeMfaEnd(end)?.untilMs ?? Infinity);
}

interface MfaEnd {
  readonly untilMs: number;
  readonly counter: number;
}

function encodeMfaEnd(untilMs: number, counter: number): string {
  return `${padded(Math.ceil(untilMs), MS_DIGITS, MAX_MS)}.${padded(counter, COUNTER_DIGITS, MAX_COUNTER)}`;
}

function decodeMfaEnd(value: string): MfaEnd | undefined {
  const match = MFA_END.exec(value);
  return match === null ? undefined : { untilMs: Number(match[1]), counter: Number(match[2]) };
}

function padded(value: number, digits: number, max: number): string {
  return String(Math.min(max, Math.max(0, Math.floor(value)))).padStart(digits, '0');
}

function unreadable(): SessionError {
  const cause = new Error('a sign-out or an end of MFA in the store cannot be read');
  return noteOn(new SessionError('store_unavailable', { cause }), { cause: summaryOf(cause) });
}
