/**
 * The example's time: it runs like any clock, and can be moved ahead, so that seven days of a
 * session take a minute to watch. Everything in the example that knows the time knows it from here.
 */

/** Milliseconds since the epoch. */
export interface MovableClock {
  (): number;
  advance(seconds: number): void;
}

export function createMovableClock(): MovableClock {
  let aheadMilliseconds = 0;
  return Object.assign(() => Date.now() + aheadMilliseconds, {
    advance(seconds: number) {
      aheadMilliseconds += seconds * 1000;
    },
  });
}
