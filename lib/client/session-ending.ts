/**
 * The warning before a session ends, from the header `Session-Ends-In`: once per session.
 */
import { SESSION_ENDS_IN } from '../protocol.js';

/** Answers that overtake each other may move the countdown back a little. */
const TOLERANCE_SECONDS = 60;

export interface SessionEnding {
  /** Seconds left, if this answer is the first of its session that has the header. */
  firstWarning(response: Response): number | undefined;
}

export function watchSessionEnding(): SessionEnding {
  let lastSeen = -Infinity;
  return {
    firstWarning(response) {
      const header = response.headers.get(SESSION_ENDS_IN) ?? '';
      // An answer without the header may come from an unguarded route.
      if (!/^\d+$/.test(header)) return undefined;
      const secondsLeft = Number(header);
      // A session only counts down, so a larger number belongs to another session.
      const isNew = secondsLeft > lastSeen + TOLERANCE_SECONDS;
      lastSeen = secondsLeft;
      return isNew ? secondsLeft : undefined;
    },
  };
}
