/**
 * Decides how long a store is waited for after it hung or lost its connection. Milliseconds are those
 * of `performance.now()`.
 */

/** How long the circuit stays open. */
const OPEN_MS = 1_000;
/** An answer counts as recent for this long. */
const RECENT_MS = 1_000;

/**
 * - Closed: calls wait for the full time limit.
 * - Open: calls are refused at once, because no call was answered lately.
 * - Wary: a connection was lost while other calls were answered, as when one node of a cluster is
 *   gone. Calls are made, and wait for a short time.
 */
export class CircuitBreaker {
  #openUntil = 0;
  #waryUntil = 0;
  #lastAnswerAt = -Infinity;

  isOpen(): boolean {
    return this.#openUntil > 0 && performance.now() < this.#openUntil;
  }

  isWary(): boolean {
    return this.#waryUntil > 0 && performance.now() < this.#waryUntil;
  }

  /** The store answered a call, if only by refusing it. */
  answered(): void {
    this.#lastAnswerAt = performance.now();
  }

  /** A call that was made at `startedAt` was not answered within its time limit. */
  timedOut(startedAt: number): void {
    if (this.#lastAnswerAt < startedAt) this.#open();
  }

  lostConnection(): void {
    const now = performance.now();
    if (this.#lastAnswerAt < now - RECENT_MS) this.#open();
    else this.#waryUntil = now + OPEN_MS;
  }

  #open(): void {
    this.#openUntil = performance.now() + OPEN_MS;
  }
}
