/**
 * Work that takes turns with everything else: some pieces of it are under way at once, and what
 * comes on top of these waits in line. What turns out to have been worth nothing makes the way in
 * narrow, and what was worth it makes it wide again.
 */

export interface LimiterRules {
  /** How many pieces of work are under way at once, after nothing but good ones. */
  readonly most: number;
  /** The same after bad ones. */
  readonly fewest: number;
  /**
   * The longer the line, the more: one in so many of those who wait, so that nobody waits for many
   * turns of the event loop, however long the line is.
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

  /** Begins a piece of work, at once where it returns nothing. Whoever began has to call `release()`. */
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

  /** Ends a piece of work, and says what it was worth. */
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
