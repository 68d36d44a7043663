/**
 * When to warn that the session ends: once per session, by the header `Session-Ends-In`.
 */
import { SESSION_ENDS_IN } from '../protocol.js';

/** Answers that overtake each other let the countdown jump back a little. */
const TOLERANCE_SECONDS = 60;

export interface SessionEnding {
  /** The seconds left, if this is the first answer of its session that says so. */
  firstWarning(response: Response): number | undefined;
  /** Nobody is signed in any more, so the next warning is about another session. */
  forget(): void;
}

export function watchSessionEnding(): SessionEnding {
  let lastSeen = -Infinity;
  return {
    firstWarning(response) {
      const header = response.headers.get(SESSION_ENDS_IN) ?? '';
      // Its absence says nothing: not every route is guarded.
      if (!/^\d+$/.test(header)) return undefined;
      const secondsLeft = Number(header);
      // A session only counts down, so a larger number is another session's.
      const isNew = secondsLeft > lastSeen + TOLERANCE_SECONDS;
      lastSeen = secondsLeft;
      return isNew ? secondsLeft : undefined;
    },
    forget() {
      lastSeen = -Infinity;
    },
  };
}
