/**
 * The machine's Chromium, for tests with a real browser.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

/**
 * Where it is; undefined where there is none, with a line that says how to get it. In CI that is a
 * failure.
 */
export function findChromium(): string | undefined {
  for (const folder of ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)]) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // The next one, then.
      }
    }
  }
  const line = 'There is no Chromium: apt-get install chromium';
  if (process.env.CI === 'true') throw new Error(line);
  process.stderr.write(`${line} (the tests that need it are skipped)\n`);
  return undefined;
}
