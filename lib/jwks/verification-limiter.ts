/**
 * A concurrency limiter for signatures. A failed check halves the limit and a good one raises it by
 * one, so a flood of bad signatures cannot take up the event loop.
 */

export interface LimiterRules {
  /** The limit after good checks only. */
  readonly most: number;
  /** The limit after bad checks. */
  readonly fewest: number;
  /**
   * The limit is at least the length of the queue divided by this number. So a check waits for few
   * turns of the event loop, even in a long queue.
   */
  readonly share: number;
}

export class VerificationLimiter {
  readonly #rules: LimiterRules;
  #limit: number;
  #inFlight = 0;
  #waiting = 0;
  // A linked list, because taking the first of a long array moves all the others.
  #first: Waiting | undefined;
  #last: Waiting | undefined;

  constructor(rules: LimiterRules) {
    this.#rules = rules;
    this.#limit = rules.most;
  }

  /** Begins a check, at once if it returns undefined. Each needs a `release()`. */
  acquire(): Promise<void> | undefined {
    if (this.#inFlight < this.#limit) {
      this.#inFlight += 1;
      return undefined;
    }
    return new Promise((start) => {
      const newcomer: Waiting = { start, behind: undefined };
      if (this.#last === undefined) this.#first = newcomer;
      else this.#last.behind = newcomer;
      this.#last = newcomer;
      this.#waiting += 1;
      this.#startWaiting();
    });
  }

  /** Ends a check. */
  release(wasGood: boolean): void {
    const { most, fewest } = this.#rules;
    this.#limit = wasGood
      ? Math.min(most, this.#limit + 1)
      : Math.max(fewest, Math.floor(this.#limit / 2));
    this.#inFlight -= 1;
    this.#startWaiting();
  }

  #startWaiting(): void {
    while (
      this.#first !== undefined &&
      this.#inFlight < Math.max(this.#limit, this.#waiting / this.#rules.share)
    ) {
      const { start, behind } = this.#first;
      this.#first = behind;
      if (behind === undefined) this.#last = undefined;
      this.#waiting -= 1;
      this.#inFlight += 1;
      start();
    }
  }
}

interface Waiting {
  readonly start: () => void;
  behind: Waiting | undefined;
}
