/**
 * Work that takes turns with everything else: a few pieces of it are under way at once, and what
 * comes on top of these waits in line.
 */
export class WaitingLine {
  readonly #atOnce: number;
  readonly #share: number;
  #underWay = 0;
  #waiting = 0;
  // A linked list, because taking the first of a long array moves all the others.
  #first: Waiting | undefined;
  #last: Waiting | undefined;

  /**
   * @param atOnce how many pieces of work are under way at once
   * @param share the longer the line, the more: one in so many of those who wait, so that nobody
   * waits for many turns of the event loop, however long the line is
   */
  constructor(atOnce: number, share: number) {
    this.#atOnce = atOnce;
    this.#share = share;
  }

  /** Begins a piece of work, at once where it returns nothing. Whoever began has to call `leave()`. */
  enter(): Promise<void> | undefined {
    if (this.#underWay < this.#atOnce) {
      this.#underWay += 1;
      return undefined;
    }
    return new Promise((start) => {
      const newcomer: Waiting = { start, behind: undefined };
      if (this.#last === undefined) this.#first = newcomer;
      else this.#last.behind = newcomer;
      this.#last = newcomer;
      this.#waiting += 1;
      this.#letIn();
    });
  }

  leave(): void {
    this.#underWay -= 1;
    this.#letIn();
  }

  #letIn(): void {
    while (
      this.#first !== undefined &&
      this.#underWay < Math.max(this.#atOnce, this.#waiting / this.#share)
    ) {
      const { start, behind } = this.#first;
      this.#first = behind;
      if (behind === undefined) this.#last = undefined;
      this.#waiting -= 1;
      this.#underWay += 1;
      start();
    }
  }
}

interface Waiting {
  readonly start: () => void;
  behind: Waiting | undefined;
}
