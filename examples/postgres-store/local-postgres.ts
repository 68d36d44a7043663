/**
 * A PostgreSQL to try things with: the one of DATABASE_URL, or a server of this machine on a free
 * loopback port, with its data in the system's temporary folder.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import type { Readable } from 'node:stream';

export interface PostgresServer {
  readonly url: string;
  stop(): Promise<void>;
}

const READY = 'ready to accept connections';
const START_TIMEOUT_MS = 30_000;

/** @throws if it is not installed, or does not start */
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
      ...['--pgdata', 'data', '--username', 'test', '--auth', 'trust'],
      ...['--encoding', 'UTF8', '--no-sync'],
    ],
    { ...run, stdio: 'pipe', timeout: START_TIMEOUT_MS, killSignal: 'SIGKILL' },
  );

  const port = await freePort();
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', 'data', '-p', String(port), '-c', `unix_socket_directories=`, '-c', 'fsync=off'],
    { ...run, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await untilReady(child, child.stderr);

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

async function untilReady(child: ChildProcess, output: Readable): Promise<void> {
  let log = '';
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      // The listener stays: a server whose output is not read stops at a full pipe.
      output.on('data', (chunk) => {
        log += String(chunk);
        if (log.includes(READY)) resolve();
      });
      child.once('error', reject);
      child.once('exit', () => {
        reject(new Error(`postgres ended: ${log.trimEnd().split('\n').at(-1) ?? ''}`));
      });
    });
  } catch (error) {
    // A grandchild that lives on would hold the pipe, and the pipe this process.
    output.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
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
