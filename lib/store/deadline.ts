/**
 * One time limit for many calls, with one timer for all of them: a timer for each would cost more
 * than a store that answers from memory.
 */
import { performance } from 'node:perf_hooks';

/** A timer that fires this much late shows that the process was busy with something else. */
const STALL_MS = 50;
/** How much longer calls may take after that. */
const GRACE_MS = 100;

/** A call with a time limit. */
export interface Waiting {
  readonly startedAt: number;
  readonly expire: (startedAt: number) => void;
}

export class Deadline {
  readonly #milliseconds: number;
  /** In the order of their expiry, because the limit is the same for all. */
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Calls `expire` after the time limit, unless `end()` comes first. */
  begin(expire: (startedAt: number) => void): Waiting {
    const waiting = { startedAt: performance.now(), expire };
    this.#waiting.add(waiting);
    if (this.#timer === undefined) this.#wakeIn(this.#milliseconds);
    else if (this.#waiting.size === 1) this.#timer.ref();
    return waiting;
  }

  /** False if the time limit was over before. */
  end(waiting: Waiting): boolean {
    const wasInTime = this.#waiting.delete(waiting);
    // The timer may fire in vain, but must not keep the process alive for that.
    if (this.#waiting.size === 0) this.#timer?.unref();
    return wasInTime;
  }

  #wakeIn(milliseconds: number): void {
    const dueAt = performance.now() + milliseconds;
    this.#timer = setTimeout(() => {
      // Timers run before sockets are read, so the answers of a busy second may be there already.
      // After a stall the calls themselves may not have been sent yet: clients send them in a batch.
      const expireSoon = (): void => {
        setImmediate(() => {
          this.#expire();
        });
      };
      if (performance.now() - dueAt < STALL_MS) expireSoon();
      else this.#timer = setTimeout(expireSoon, GRACE_MS);
    }, milliseconds);
  }

  #expire(): void {
    this.#timer = undefined;
    const expired = performance.now() - this.#milliseconds;
    for (const waiting of this.#waiting) {
      if (waiting.startedAt > expired) {
        this.#wakeIn(Math.ceil(waiting.startedAt - expired));
        return;
      }
      this.#waiting.delete(waiting);
      waiting.expire(waiting.startedAt);
    }
  }
}
