/**
 * Waits for effects that no answer waits for.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** @defaultValue 3000 */
  readonly withinMs?: number;
  /** The pause between two attempts. @defaultValue 5 */
  readonly everyMs?: number;
}

/** Runs expectations until they hold; after `withinMs` the last failure is thrown. */
export async function eventually<T>(
  expectations: () => T | Promise<T>,
  { withinMs = 3000, everyMs = 5 }: Patience = {},
): Promise<T> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    try {
      return await expectations();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await sleep(everyMs);
    }
  }
}
