/**
 * A store whose calls wait until they are let through, one at a time.
 */
import type { SessionStore } from 'express-wallet-session';

/** One change of one operation that is answered with a failure. */
export interface FailedChange {
  readonly operation: number;
  /** Counted from 0 among the changes of this operation. */
  readonly change: number;
  /** Whether the store does it all the same, at some later time. */
  readonly isDoneLate: boolean;
}

/** What the store does, without waiting. */
interface SyncVerbs {
  read: (keys: readonly string[]) => (string | undefined)[];
  write: (key: string, value: string) => void;
  add: (key: string) => boolean;
  raise: (key: string, value: string) => void;
  remove: (key: string) => void;
  move: (from: string, to: string) => boolean;
}

/** Stands for what is done late, beside the numbers of operations. */
const LATE = 1000;

/** Its entries never expire, because time stands still while operations run side by side. */
export class HeldStore {
  readonly #entries = new Map<string, string>();
  readonly #verbs = verbsOf(this.#entries);
  readonly #waiting = new Map<number, (() => void)[]>();
  readonly #changes = new Map<number, number>();
  #isOpen = true;
  #failed: FailedChange | undefined;

  /** The store as one operation sees it. */
  of(operation: number): SessionStore {
    const { read, write, add, raise, remove, move } = this.#verbs;
    const change = <T>(work: () => T): Promise<T> => this.#change(operation, work);
    return {
      read: (keys) => this.#call(operation, () => read(keys)),
      write: (key, value) =>
        change(() => {
          write(key, value);
        }),
      add: (key) => change(() => add(key)),
      raise: (key, value) =>
        change(() => {
          raise(key, value);
        }),
      remove: (key) =>
        change(() => {
          remove(key);
        }),
      move: (from, to) => change(() => move(from, to)),
    };
  }

  /** Lets every call through from now on. */
  open(failed?: FailedChange): void {
    this.#begin(true, failed);
  }

  /** Holds every call from now on. */
  hold(failed?: FailedChange): void {
    this.#begin(false, failed);
  }

  /** Who waits: the numbers of operations, and one more for what is done late. */
  waiting(): number[] {
    return [...this.#waiting.keys()].sort((a, b) => a - b);
  }

  isWaiting(operation: number): boolean {
    return this.#waiting.has(operation);
  }

  letThrough(operation: number): void {
    const [call, ...others] = this.#waiting.get(operation) ?? [];
    if (others.length > 0) this.#waiting.set(operation, others);
    else this.#waiting.delete(operation);
    call?.();
  }

  /** How many changes an operation has asked for since it was opened or held. */
  changes(operation: number): number {
    return this.#changes.get(operation) ?? 0;
  }

  content(): [string, string][] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  fill(content: readonly (readonly [string, string])[]): void {
    this.#entries.clear();
    for (const [key, value] of content) this.#entries.set(key, value);
  }

  #begin(isOpen: boolean, failed: FailedChange | undefined): void {
    this.#isOpen = isOpen;
    this.#failed = failed;
    this.#changes.clear();
    this.#waiting.clear();
  }

  #change<T>(operation: number, work: () => T): Promise<T> {
    const change = this.changes(operation);
    this.#changes.set(operation, change + 1);
    const failed = this.#failed;
    if (failed?.operation !== operation || failed.change !== change) {
      return this.#call(operation, work);
    }
    return this.#call(operation, () => {
      if (failed.isDoneLate) this.#wait(LATE, work);
      throw new Error('no answer in time');
    });
  }

  #call<T>(operation: number, work: () => T): Promise<T> {
    if (this.#isOpen) return Promise.resolve().then(work);
    return new Promise((resolve, reject) => {
      this.#wait(operation, () => {
        Promise.resolve().then(work).then(resolve, reject);
      });
    });
  }

  #wait(operation: number, call: () => void): void {
    this.#waiting.set(operation, [...(this.#waiting.get(operation) ?? []), call]);
  }
}

function verbsOf(entries: Map<string, string>): SyncVerbs {
  return {
    read: (keys) => keys.map((key) => entries.get(key)),
    write: (key, value) => {
      entries.set(key, value);
    },
    add: (key) => {
      if (entries.has(key)) return false;
      entries.set(key, '');
      return true;
    },
    raise: (key, value) => {
      const found = entries.get(key);
      if (found === undefined || found < value) entries.set(key, value);
    },
    remove: (key) => {
      entries.delete(key);
    },
    move: (from, to) => {
      const value = entries.get(from);
      if (value === undefined || entries.has(to)) return false;
      entries.delete(from);
      entries.set(to, value);
      return true;
    },
  };
}
