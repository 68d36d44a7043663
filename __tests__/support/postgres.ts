/**
 * A real PostgreSQL for tests: the one of DATABASE_URL, or a server of our own on a free loopback
 * port with its data in the system's temporary folder.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { describeWith } from './prerequisites.js';
import { freePort } from './redis.js';
import { untilPrinted } from './until-printed.js';

export interface PostgresServer {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env.DATABASE_URL;
  if (given !== undefined) return { url: given, stop: () => Promise.resolve() };

  const bin = binaries();
  if (bin === undefined) throw new Error('it is not installed');
  const user = unprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const run = { ...user, cwd: folder, env: { PATH: process.env.PATH } };
  execFileSync(
    join(bin, 'initdb'),
    [
      '--pgdata',
      'data',
      '--username',
      'test',
      '--auth',
      'trust',
      '--encoding',
      'UTF8',
      '--no-sync',
    ],
    { ...run, stdio: 'pipe', timeout: 60_000, killSignal: 'SIGKILL' },
  );

  const port = await freePort();
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', 'data', '-p', String(port), '-c', `unix_socket_directories=`, '-c', 'fsync=off'],
    { ...run, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await untilPrinted(child, child.stderr, 'ready to accept connections');

  return {
    url: `postgres://test@127.0.0.1:${port}/postgres`,
    async stop() {
      const exited = once(child, 'exit');
      // "Immediate shutdown", its children included.
      child.kill('SIGQUIT');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function describeWithPostgres(name: string, tests: () => void): void {
  describeWith('Postgres', name, tests);
}

/** The newest of Debian's or Homebrew's layout, else that of the path. */
function binaries(): string | undefined {
  const versions = [
    ...subfolders('/usr/lib/postgresql', /^\d+$/),
    ...subfolders('/opt/homebrew/opt', /^postgresql@\d+$/),
    ...subfolders('/usr/local/opt', /^postgresql@\d+$/),
  ].map((version) => join(version, 'bin'));
  return [...versions, ...(process.env.PATH ?? '').split(delimiter)].find(
    (bin) => existsSync(join(bin, 'postgres')) && existsSync(join(bin, 'initdb')),
  );
}

/** Those with a fitting name, the highest number first. */
function subfolders(parent: string, name: RegExp): string[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .filter((folder) => name.test(folder))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((folder) => join(parent, folder));
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
