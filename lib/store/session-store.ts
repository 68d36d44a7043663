/**
 * The contract between sessions and whatever keeps their records: strings with an expiry.
 * A store knows nothing of sessions, and a session nothing of Redis.
 */
import type { MaybePromise } from '../maybe-promise.js';

/**
 * Six verbs over one set of keys. A store may answer synchronously, and then no request waits on a
 * promise for it. Every failure is thrown (or rejected) and never turned into "absent": a store that
 * says "absent" says that nobody signed out.
 */
export interface SessionStore {
  /**
   * The values in the order of the keys, `undefined` where there is none; `[]` for `[]`.
   * The keys of one call may lie in two Redis Cluster slots, and their values need not be of one
   * instant.
   */
  read(keys: readonly string[]): MaybePromise<readonly (string | undefined)[]>;

  /**
   * Writes or overwrites, with an expiry in seconds of real time.
   * With `keep`, the entry must never be dropped to make room: what cannot be kept is refused by
   * throwing.
   */
  write(
    key: string,
    value: string,
    ttlSeconds: number,
    options?: { keep?: boolean },
  ): MaybePromise<void>;

  /**
   * Adds the key, atomically, with an expiry in seconds of real time: `true` if it was absent, and
   * `false`, changing nothing, if it was there. Of any number of calls at once, one is told `true`.
   * Its value is a text without a meaning. It must never be dropped before its time. Added entries have
   * a bound of their own, so that they take no room from written ones; a store that is full of them
   * throws.
   */
  add(key: string, ttlSeconds: number): MaybePromise<boolean>;

  /**
   * Writes as with `keep`, atomically, unless the value that is there is greater; the expiry, whichever
   * value stays, is only ever moved later. Of any number of calls, at once or not, in any order, the
   * greatest value and the latest expiry hold.
   *
   * Raised values are ASCII, begin with what orders them, zero-padded, and are compared byte by byte,
   * whatever the locale or collation. Where one value begins with all of the other, the longer is the
   * greater.
   */
  raise(key: string, value: string, ttlSeconds: number): MaybePromise<void>;

  /** Removes; a key that is absent is no error. */
  remove(key: string): MaybePromise<void>;

  /**
   * Renames, atomically, keeping value and expiry; `false` where `from` is absent or `to` is there.
   * Both keys carry the same Redis Cluster hash tag.
   */
  move(from: string, to: string): MaybePromise<boolean>;
}

/** The type makes the compiler refuse a list without one of the verbs. */
const VERBS: Readonly<Record<keyof SessionStore, true>> = {
  read: true,
  write: true,
  add: true,
  raise: true,
  remove: true,
  move: true,
};

/** The methods that a store has to have. */
export const storeVerbs = Object.keys(VERBS) as readonly (keyof SessionStore)[];

/** The verbs that `value` lacks; empty for a store. */
export function missingVerbs(value: unknown): readonly (keyof SessionStore)[] {
  return storeVerbs.filter(
    (verb) => typeof (value as Partial<SessionStore> | null | undefined)?.[verb] !== 'function',
  );
}

export function isSessionStore(value: unknown): value is SessionStore {
  return missingVerbs(value).length === 0;
}
