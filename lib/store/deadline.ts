/**
 * One time limit for many that wait: one timer for all of them, because a timer for each costs more
 * than a store that answers from memory.
 */
import { performance } from 'node:perf_hooks';

/** Somebody who waits. */
export interface Waiting {
  readonly untilMs: number;
  readonly expire: () => void;
}

export class Deadline {
  readonly #milliseconds: number;
  /** In the order in which their time is up: all wait equally long. */
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Calls `expire` when the time is up, unless `end()` comes first. */
  begin(expire: () => void): Waiting {
    const waiting = { untilMs: performance.now() + this.#milliseconds, expire };
    this.#waiting.add(waiting);
    if (this.#timer === undefined) this.#wakeIn(this.#milliseconds);
    else if (this.#waiting.size === 1) this.#timer.ref();
    return waiting;
  }

  /** False where the time was up before. */
  end(waiting: Waiting): boolean {
    const wasInTime = this.#waiting.delete(waiting);
    // The timer may fire for nothing, but nobody's process has to stay for that.
    if (this.#waiting.size === 0) this.#timer?.unref();
    return wasInTime;
  }

  #wakeIn(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#expire();
    }, milliseconds);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const waiting of this.#waiting) {
      if (waiting.untilMs > now) {
        this.#wakeIn(Math.ceil(waiting.untilMs - now));
        return;
      }
      this.#waiting.delete(waiting);
      waiting.expire();
    }
  }
}
