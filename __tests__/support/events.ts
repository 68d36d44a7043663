/**
 * What is published on the channel while a test runs.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SessionEvent } from 'express-wallet-session';

const CHANNEL = 'express-wallet-session';

type Of<T extends SessionEvent['type']> = SessionEvent & { readonly type: T };

export interface RecordedEvents {
  /** All so far, in order; those of one type, or all whose type begins with `keys.`, and so on. */
  all(): SessionEvent[];
  of<T extends SessionEvent['type']>(type: T): Of<T>[];
  /** All but `keys.` events, which depend on the first request of an issuer; then forgets them. */
  take(): SessionEvent[];
}

/** Subscribes for each test. Call it in a `describe` or at the top of a file. */
export function recordEvents(): RecordedEvents {
  let events: SessionEvent[] = [];
  const keep = (message: unknown): void => void events.push(message as SessionEvent);
  beforeEach(() => {
    events = [];
    subscribe(CHANNEL, keep);
  });
  afterEach(() => {
    unsubscribe(CHANNEL, keep);
  });
  return {
    all: () => [...events],
    of: (type) => events.filter((event) => event.type === type) as never,
    take() {
      const taken = events.filter(({ type }) => !type.startsWith('keys.'));
      events = [];
      return taken;
    },
  };
}
