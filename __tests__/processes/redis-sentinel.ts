/**
 * A real Redis primary with replicas and a Sentinel for tests, on free loopback ports.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { freePort, startRedis, type RedisServer } from '../support/redis.js';
import { untilPrinted } from '../support/until-printed.js';

export interface RedisSentinel {
  /** By which Sentinel knows the primary and its replicas. */
  readonly name: string;
  readonly port: number;
  /** The first is the primary at the start. */
  readonly servers: readonly RedisServer[];
  /** Has a replica take the place of the primary, as an operator does. */
  failOver(): Promise<void>;
  /** Holds writes on the first server, and waits until its replicas have what was written. */
  pauseWrites(milliseconds: number): Promise<void>;
  /** The server that Sentinel names as the primary. @throws while that is none */
  primary(): Promise<RedisServer>;
  stop(): Promise<void>;
}

const NAME = 'main';

/**
 * With `appendonly yes` and `down-after-milliseconds 5000`, as docs/stores.md advises: a primary that
 * was restarted empty, and a Sentinel that is too quick to take it for the better one, lose everything.
 *
 * @param args further arguments of each `redis-server`
 */
export async function startRedisSentinel({
  replicas = 1,
  args = [],
}: {
  readonly replicas?: number;
  readonly args?: readonly string[];
} = {}): Promise<RedisSentinel> {
  const common = ['--appendonly', 'yes', '--repl-diskless-sync-delay', '0', ...args];
  const first = await startRedis({ args: common });
  const servers = [first];
  for (let n = 0; n < replicas; n += 1) {
    const of = ['--replicaof', '127.0.0.1', String(first.port)];
    servers.push(await startRedis({ args: [...common, ...of] }));
  }
  await eventually(
    async () => {
      const info = await ask(first.port, 'INFO', 'replication');
      expect(String(info).match(/state=online/g)).toHaveLength(replicas);
    },
    { withinMs: 15_000, everyMs: 100 },
  );
  // An online replica is sent nothing before its first acknowledgement, up to a second later.
  await eventually(
    async () => {
      expect(await setAndWait(first.port, replicas)).toBe(replicas);
    },
    { withinMs: 15_000, everyMs: 100 },
  );

  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'));
  const child = await launch(folder, port, first.port);

  return {
    name: NAME,
    port,
    servers,
    async failOver() {
      await ask(port, 'SENTINEL', 'FAILOVER', NAME);
    },
    async pauseWrites(milliseconds) {
      await ask(first.port, 'CLIENT', 'PAUSE', String(milliseconds), 'WRITE');
      await eventually(
        async () => {
          const info = String(await ask(first.port, 'INFO', 'replication'));
          const offsets = [...info.matchAll(/(?:,offset=|master_repl_offset:)(\d+)/g)];
          expect(new Set(offsets.map(([, offset]) => offset)).size).toBe(1);
        },
        { withinMs: 3000, everyMs: 20 },
      );
    },
    async primary() {
      const address = await ask(port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
      const named = Number((address as string[])[1]);
      const [role] = (await ask(named, 'ROLE')) as string[];
      const server = servers.find((one) => one.port === named);
      if (role !== 'master' || server === undefined) throw new Error('there is no primary yet');
      return server;
    },
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      await Promise.all(servers.map((server) => server.stop()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(folder: string, port: number, primaryPort: number): Promise<ChildProcess> {
  const file = join(folder, 'sentinel.conf');
  // One Sentinel decides alone. Three or more, on machines of their own, are for production.
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 1`,
    `sentinel down-after-milliseconds ${NAME} 5000`,
    `sentinel failover-timeout ${NAME} 5000`,
  ];
  await writeFile(file, lines.join('\n'));
  const child = spawn('redis-server', [file, '--sentinel'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await untilPrinted(child, child.stdout, '+slave');
  return child;
}

/** @returns how many replicas have acknowledged a write */
async function setAndWait(port: number, replicas: number): Promise<unknown> {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    await client.set('replicated', '');
    return await client.wait(replicas, 2000);
  } finally {
    client.disconnect();
  }
}

async function ask(port: number, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => null, lazyConnect: true });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}
