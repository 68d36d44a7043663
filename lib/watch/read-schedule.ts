/**
 * When the store is asked about one watched session, and when its silence has lasted too long. Times
 * are milliseconds of a monotonic clock.
 */

/** The pause between two looks at all watches. */
export const TICK_MS = 250;

/** A failing store is asked again after this long at the latest. */
const RETRY_MS = 5_000;
/** How long the store may give no answer. */
const SILENCE_MS = 30_000;
/** Of a failure that the next attempt mends, no session ends. */
const MIN_FAILURES = 2;

export class ReadSchedule {
  readonly #periodMs: number;
  #dueAtMs: number;
  #askedAtMs: number;
  #answeredAtMs: number;
  #failures = 0;

  /**
   * The first read is at once.
   *
   * @param phase from 0 to 1: the part of the period until the second read, which spreads the reads of
   * watches that start together
   */
  constructor(everySeconds: number, nowMs: number, phase: number) {
    // A read may be late by a tick, and a sign-out must still be found within `everySeconds`.
    this.#periodMs = everySeconds * 1000 - TICK_MS;
    this.#dueAtMs = nowMs + phase * this.#periodMs;
    this.#askedAtMs = nowMs;
    this.#answeredAtMs = nowMs;
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.#dueAtMs;
  }

  asked(nowMs: number): void {
    this.#askedAtMs = nowMs;
    if (nowMs < this.#dueAtMs) return;
    // Reads that a busy process missed are not made up for, and the phase stays as it was.
    const missed = Math.floor((nowMs - this.#dueAtMs) / this.#periodMs);
    this.#dueAtMs += (missed + 1) * this.#periodMs;
  }

  answered(nowMs: number): void {
    this.#answeredAtMs = nowMs;
    this.#failures = 0;
  }

  failed(): void {
    this.#failures += 1;
    this.#dueAtMs = Math.min(this.#dueAtMs, this.#askedAtMs + RETRY_MS - TICK_MS);
  }

  /** Whether the store has not answered for too long. */
  isSilent(nowMs: number): boolean {
    return this.#failures >= MIN_FAILURES && nowMs - this.#answeredAtMs >= SILENCE_MS;
  }
}
