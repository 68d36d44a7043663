/**
 * Several API processes behind one issuer and one Redis, and how a test calls them.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { createTestIssuer } from 'express-wallet-session/testing';

export interface Answer {
  readonly status: number;
  /** Undefined where it was no problem. */
  readonly errorType: string | undefined;
  readonly body: unknown;
  readonly tookMs: number;
}

export interface ApiProcesses {
  readonly issuer: Awaited<ReturnType<typeof createTestIssuer>>;
  readonly count: number;
  /** Calls one of the processes, by its number. */
  call(
    which: number,
    method: string,
    path: string,
    accessToken: string,
    previousToken?: string,
  ): Promise<Answer>;
  stop(): Promise<void>;
}

/** The first process uses ioredis, the others node-redis. */
export async function startApiProcesses(redisUrl: string, count = 3): Promise<ApiProcesses> {
  const issuer = await createTestIssuer();
  const router = issuer.router();
  const keys = createServer((req, res) => {
    router(req, res, () => res.writeHead(404).end());
  });
  const started = [];
  for (let index = 0; index < count; index += 1) {
    started.push(
      startProcess({
        REDIS_URL: redisUrl,
        REDIS_CLIENT: index === 0 ? 'ioredis' : 'redis',
        JWKS_URI: `http://127.0.0.1:${await listen(keys)}/.well-known/jwks.json`,
        PROJECT_ID: issuer.projectId,
      }),
    );
  }
  const processes = await Promise.all(started);
  return {
    issuer,
    count,
    async call(which, method, path, accessToken, previousToken) {
      const before = performance.now();
      const response = await fetchFrom(processes[which]?.port ?? 0, method, path, {
        authorization: `Bearer ${accessToken}`,
        ...(previousToken !== undefined && { 'previous-access-token': previousToken }),
      });
      const text = await response.text();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      return {
        status: response.status,
        errorType: (body as { errorType?: string } | undefined)?.errorType,
        body,
        tookMs: performance.now() - before,
      };
    },
    async stop() {
      await Promise.all(processes.map(({ child }) => end(child)));
      keys.close();
      keys.closeAllConnections();
    },
  };
}

function fetchFrom(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers,
    signal: AbortSignal.timeout(10_000),
  });
}

async function listen(server: Server): Promise<number> {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function startProcess(
  env: Record<string, string>,
): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['--import', 'tsx', '__tests__/support/api-process.ts'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) return { child, port: Number(line) };
  throw new Error('the API process ended before it listened');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new Error('an API process had ended by itself');
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
}
