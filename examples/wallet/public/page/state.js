/**
 * The knowledge of this tab: the user, the latest answers, and how far the server's clock is
 * ahead of this one.
 */
export const state = {
  /** The session fetch; undefined if the user is signed out. */
  api: undefined,
  /** The answer of `GET /me`. */
  known: undefined,
  /** The answer of `GET /approvals`. */
  approvals: [],
  address: undefined,
  clockAheadMilliseconds: 0,
};

export const serverNow = () => Date.now() + state.clockAheadMilliseconds;
export const secondsUntil = (date) => Math.max(0, (Date.parse(date) - serverNow()) / 1000);

export function noteServerTime(now) {
  state.clockAheadMilliseconds = Date.parse(now) - Date.now();
}

/** Calls each listener after the state was read again. */
const listeners = [];
export const whenUpdated = (listener) => listeners.push(listener);
export const notifyUpdated = () => listeners.forEach((listener) => listener());
