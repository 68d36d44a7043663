/**
 * Waits for what happens behind a request's back.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Tries a sentence of expectations until it holds, for 3 s at most. */
export async function eventually(expectations: () => unknown): Promise<void> {
  const giveUpAt = performance.now() + 3000;
  for (;;) {
    try {
      await expectations();
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await sleep(5);
    }
  }
}
