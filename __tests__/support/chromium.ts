/**
 * The machine's Chromium or Chrome, for tests with a real browser.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { type Browser, chromium, type Page } from 'playwright-core';
import { describeWith } from './prerequisites.js';
import { untilPrinted } from './until-printed.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const MACOS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

export function describeWithChromium(name: string, tests: () => void): void {
  describeWith('Chromium', name, tests);
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.TESTS_CHROMIUM ?? 'chromium',
    args: ['--no-sandbox'],
    timeout: 60_000,
  });
}

/**
 * Finds the first one that starts, for `launchChromium()` of this process and its children.
 *
 * @throws if there is none: the message names each attempt
 */
export async function findChromium(): Promise<void> {
  const complaints: string[] = [];
  for (const executable of installed()) {
    try {
      await start(executable);
      process.env.TESTS_CHROMIUM = executable;
      return;
    } catch (error) {
      complaints.push((error as Error).message);
    }
  }
  throw new Error(complaints.length === 0 ? 'it is not installed' : complaints.join(', '));
}

function installed(): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const inPath = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const executables = [...inPath, ...MACOS].filter((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  // On Debian /bin is a link to /usr/bin.
  return [...new Set(executables.map((file) => realpathSync(file)))];
}

async function start(executable: string): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'];
  const child = spawn(executable, [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // A process group: if the executable is a script, the browser is killed with it.
    detached: true,
  });
  try {
    await untilPrinted(child, child.stderr, 'DevTools listening on');
  } finally {
    killGroup(child);
    child.stderr.destroy();
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** A device that signs with passkeys, and whose user says yes. */
export async function addVirtualAuthenticator(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
