/**
 * Starts each program that the tests of a run need once, before the first of them, so that one
 * that is installed but does not start counts as missing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findChromium } from './chromium.js';
import { startPostgres } from './postgres.js';
import { type Prerequisite, setMissing } from './prerequisites.js';
import { startRedis } from './redis.js';

/** As much as is read of Jest's configuration. */
export interface GlobalConfig {
  readonly rootDir: string;
  readonly testPathPatterns: {
    toExecutor(options: { readonly rootDir: string }): { isMatch(file: string): boolean };
  };
}
export interface ProjectConfig {
  readonly testPathIgnorePatterns: readonly string[];
}

const START: Readonly<Record<Prerequisite, () => Promise<void>>> = {
  Chromium: findChromium,
  Redis: async () => (await startRedis()).stop(),
  Postgres: async () => (await startPostgres()).stop(),
};

export async function findPrerequisites(
  { rootDir, testPathPatterns }: GlobalConfig,
  { testPathIgnorePatterns }: ProjectConfig,
): Promise<void> {
  const patterns = testPathPatterns.toExecutor({ rootDir });
  const sources = readdirSync(join(rootDir, '__tests__'), { recursive: true, encoding: 'utf8' })
    .map((file) => join(rootDir, '__tests__', file))
    .filter((file) => file.endsWith('.test.ts') && patterns.isMatch(file))
    .filter((file) => !testPathIgnorePatterns.some((pattern) => new RegExp(pattern).test(file)))
    .map((file) => readFileSync(file, 'utf8'));
  await Promise.all(
    (Object.keys(START) as Prerequisite[]).map(async (prerequisite) => {
      const isNeeded = sources.some((source) => source.includes(`describeWith${prerequisite}(`));
      setMissing(prerequisite, isNeeded ? await complaintOf(START[prerequisite]) : undefined);
    }),
  );
}

async function complaintOf(attempt: () => Promise<void>): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
