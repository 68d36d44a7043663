/**
 * The processes of a run: servers, the load, Redis, and scripts that measure something by themselves.
 */
import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const here = import.meta.dirname;
const env = { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '' };

/** A child process that answers each message with one. */
function child(file, execArgv = []) {
  const forked = fork(join(here, file), { env, execArgv, serialization: 'advanced' });
  return {
    ask(message) {
      return new Promise((resolve, reject) => {
        const ended = () => reject(new Error(`${file} ended`));
        forked.once('exit', ended);
        forked.once('message', (answer) => {
          forked.off('exit', ended);
          resolve(answer);
        });
        forked.send(message);
      });
    },
    async stop() {
      const exited = once(forked, 'exit');
      forked.disconnect();
      await exited;
    },
  };
}

export function startLoad() {
  return child('load.js');
}

/** Servers in one process; see host.js. */
export async function startServers(names, settings) {
  const host = child('host.js', ['--expose-gc']);
  const ports = await host.ask({ names, settings });
  return { ports, ask: host.ask, stop: host.stop };
}

/** A Redis of our own; undefined where none is installed. */
export async function startRedis() {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'bench-redis-'));
  const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', dir];
  const redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const isThere = await new Promise((resolve) => {
    redis.once('error', () => resolve(false));
    redis.stdout.on('data', (text) => {
      if (String(text).includes('Ready to accept connections')) resolve(true);
    });
  });
  const stop = () => {
    redis.kill();
    rmSync(dir, { recursive: true, force: true });
  };
  if (isThere) return { url: `redis://127.0.0.1:${port}`, stop };
  stop();
  return undefined;
}

/** What a script that measures by itself prints: JSON. */
export async function measure(file, args = [], nodeOptions = []) {
  const command = [...nodeOptions, join(here, file), ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command, { env, cwd: here });
  return JSON.parse(stdout);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
