/**
 * Time. The clock is an argument everywhere, so that tests can move it.
 */

/** Milliseconds since the epoch, as `Date.now` gives them. */
export type Clock = () => number;

/** The largest distance from the epoch that a `Date` can hold, in seconds (ECMA-262, 21.4.1.1). */
const MAX_DATE_SECONDS = 8.64e12;

/** Whether a `Date` can hold this many seconds since the epoch. */
export function isInstant(seconds: unknown): seconds is number {
  return typeof seconds === 'number' && Math.abs(seconds) <= MAX_DATE_SECONDS;
}

export function dateOf(seconds: number): Date {
  return new Date(seconds * 1000);
}
