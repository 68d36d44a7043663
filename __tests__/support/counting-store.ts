/**
 * A memory store that counts what it is asked.
 */
import { memoryStore, type SessionStore } from 'express-wallet-session';

export interface CountingStore extends SessionStore {
  reads: number;
  /** Calls of `write` and of `raise`. */
  writes: number;
  adds: number;
}

export function countingStore(): CountingStore {
  const store = memoryStore();
  const counting: CountingStore = {
    ...store,
    reads: 0,
    writes: 0,
    adds: 0,
    read(keys) {
      counting.reads += 1;
      return store.read(keys);
    },
    write(...given) {
      counting.writes += 1;
      return store.write(...given);
    },
    raise(...given) {
      counting.writes += 1;
      return store.raise(...given);
    },
    add(...given) {
      counting.adds += 1;
      return store.add(...given);
    },
  };
  return counting;
}
