/**
 * The programs that some tests need beside Node. If one is missing, its tests are skipped and the
 * end of the run says how to get it; with CI=true they fail.
 */
import process from 'node:process';

export type Prerequisite = 'Chromium' | 'Redis' | 'Postgres';

const HOW_TO_GET: Readonly<Record<Prerequisite, string>> = {
  Chromium: 'Debian: apt-get install chromium; macOS: brew install --cask google-chrome',
  Redis: 'Debian: apt-get install redis-server; macOS: brew install redis',
  Postgres:
    'Debian: apt-get install postgresql; macOS: brew install postgresql@17; or set DATABASE_URL',
};

/** `describe`, if the program started before the first test (`find-prerequisites.ts`). */
export function describeWith(prerequisite: Prerequisite, name: string, tests: () => void): void {
  const complaint = process.env[variableOf(prerequisite)];
  if (complaint === undefined) describe(name, tests);
  else if (process.env.CI === 'true') throw new Error(complaint);
  else describe.skip(name, tests);
}

/** Keeps, for this process and the workers, why the program cannot be had; undefined: it can. */
export function setMissing(prerequisite: Prerequisite, reason: string | undefined): void {
  const variable = variableOf(prerequisite);
  if (reason === undefined) Reflect.deleteProperty(process.env, variable);
  else process.env[variable] = `no ${prerequisite}: ${reason}. ${HOW_TO_GET[prerequisite]}`;
}

/** `global-teardown.ts` finds the complaints by this prefix. */
function variableOf(prerequisite: Prerequisite): string {
  return `TESTS_WITHOUT_${prerequisite.toUpperCase()}`;
}
