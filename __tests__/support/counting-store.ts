/**
 * A memory store that counts what it is asked.
 */
import { memoryStore, type SessionStore } from 'express-wallet-session';

export interface CountingStore extends SessionStore {
  reads: number;
  writes: number;
}

export function countingStore(): CountingStore {
  const store = memoryStore();
  const counting: CountingStore = {
    ...store,
    reads: 0,
    writes: 0,
    read(keys) {
      counting.reads += 1;
      return store.read(keys);
    },
    write(...given) {
      counting.writes += 1;
      return store.write(...given);
    },
  };
  return counting;
}
