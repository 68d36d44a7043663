/**
 * A clock that a test advances.
 */

/** Returns milliseconds since the epoch, as `Date.now` does. It stands still until it is advanced. */
export interface TestClock {
  (): number;
  /** Moves the clock forward. @throws TypeError if `seconds` is negative or not finite */
  advance(seconds: number): void;
}

/**
 * Creates a clock for the `clock` options.
 *
 * @param startMs milliseconds since the epoch
 * @defaultValue 2026-01-05T12:00:00Z, a Monday noon
 * @throws TypeError if `startMs` is not finite
 *
 * @example
 * const clock = createTestClock();
 * const sessions = createSessions({ authentication: issuer.authentication, clock });
 * const session = await sessions.authenticateToken(accessToken);
 * await session.mfa.start({ method: 'totp' });
 * clock.advance(300);
 * expect(await session.mfa.current()).toBeUndefined();
 */
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
