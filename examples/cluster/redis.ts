/**
 * A Redis for the example: the one that REDIS_URL names, else one of its own, for as long as it runs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

export async function startRedis(): Promise<string> {
  if (process.env.REDIS_URL !== undefined) return process.env.REDIS_URL;
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'cluster-example-'));
  const redis = spawn(
    'redis-server',
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      // A Redis that dropped keys to make room would forget sign-outs.
      ...['--maxmemory-policy', 'noeviction', '--appendonly', 'yes'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  redis.once('error', () => {
    console.error(
      'There is no redis-server here. Install one (apt-get install redis-server), or set REDIS_URL.',
    );
    process.exit(1);
  });
  process.once('exit', () => redis.kill());
  for await (const chunk of redis.stdout) {
    if (String(chunk).includes('Ready to accept connections')) break;
  }
  return `redis://127.0.0.1:${port}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
