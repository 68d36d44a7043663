/**
 * A real PostgreSQL for tests: the one of DATABASE_URL, or a server of our own on a free loopback
 * port with its data in the system's temporary folder.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { freePort } from './redis.js';

export interface PostgresServer {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const given = process.env.DATABASE_URL;
  if (given !== undefined) return { url: given, stop: () => Promise.resolve() };

  const bin = binaries();
  if (bin === undefined) throw new Error('no PostgreSQL');
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
    { ...run, stdio: 'pipe' },
  );

  const port = await freePort();
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', 'data', '-p', String(port), '-c', `unix_socket_directories=`, '-c', 'fsync=off'],
    { ...run, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.stderr.on('data', (chunk) => {
      log += String(chunk);
      if (log.includes('ready to accept connections')) resolve();
    });
    child.once('exit', () => {
      reject(new Error(`postgres did not start:\n${log}`));
    });
  });

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

/** `describe` where there is a PostgreSQL; elsewhere skipped with a line that says how to get one. */
export function describeWithPostgres(name: string, tests: () => void): void {
  if (process.env.DATABASE_URL !== undefined || binaries() !== undefined) {
    describe(name, tests);
    return;
  }
  process.stderr.write(
    'There is no PostgreSQL: apt-get install postgresql, or set DATABASE_URL (the tests that need it are skipped)\n',
  );
  describe.skip(name, tests);
}

/** The newest PostgreSQL of Debian's layout. */
function binaries(): string | undefined {
  const versions = '/usr/lib/postgresql';
  if (!existsSync(versions)) return undefined;
  return readdirSync(versions)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(versions, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'postgres')) && existsSync(join(bin, 'initdb')));
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
