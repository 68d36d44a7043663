/**
 * Real Redis servers for tests, on free loopback ports, each with a folder of its own in the
 * system's temporary one. Whoever starts one stops it; nothing outlives its test file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from './prerequisites.js';
import { untilPrinted } from './until-printed.js';

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Freezes it: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it on the same port, with what it persisted; one that runs is ended first. */
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Starts a Redis that persists nothing, unless `args`, further arguments of `redis-server`, say so. */
export async function startRedis({
  args = [],
}: { readonly args?: readonly string[] } = {}): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  let child = await launch(port, folder, args);

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    kill,
    async restart() {
      await kill();
      child = await launch(port, folder, args);
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function describeWithRedis(name: string, tests: () => void): void {
  describeWith('Redis', name, tests);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function launch(
  port: number,
  folder: string,
  args: readonly string[],
): Promise<ChildProcess> {
  const child = spawn(
    'redis-server',
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'no', ...args],
    ],
    // It logs to stdout. An inherited stderr would outlive it in a child of a script.
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  await untilPrinted(child, child.stdout, 'Ready to accept connections');
  return child;
}
