/**
 * A clock that stands still until a test moves it.
 */

/** Milliseconds since the epoch, as `Date.now` gives them; it stands still until it is advanced. */
export interface TestClock {
  (): number;
  /** Moves it forward. @throws TypeError for what is no number, or would go back */
  advance(seconds: number): void;
}

/** @param startMs @defaultValue a Monday noon, in whole seconds: 2026-01-05T12:00:00Z */
export function createTestClock(startMs: number = Date.UTC(2026, 0, 5, 12)): TestClock {
  if (!Number.isFinite(startMs)) {
    throw new TypeError('createTestClock(startMs): `startMs` must be a number of milliseconds.');
  }
  let now = startMs;
  return Object.assign(() => now, {
    advance(seconds: number): void {
      if (!Number.isFinite(seconds) || seconds < 0) {
        throw new TypeError('clock.advance(seconds): `seconds` must be a number, not below 0.');
      }
      // A clock has whole milliseconds, and 1.1 * 1000 is not quite 1100.
      now = Math.round(now + seconds * 1000);
    },
  });
}
