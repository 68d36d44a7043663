/**
 * Several API processes behind one issuer and one Redis, and calls of them.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';
import { listen } from '../support/listen.js';
import { previously } from '../support/wallet-client.js';

export interface Answer {
  readonly status: number;
  /** Undefined if the answer is not a problem. */
  readonly errorType: string | undefined;
  readonly body: unknown;
  readonly tookMs: number;
}

export interface ApiProcesses {
  readonly issuer: TestIssuer;
  readonly count: number;
  /** The addresses of the processes. */
  readonly urls: readonly string[];
  /** @param which the number of the process; `POST /mfa` sends the method `totp` */
  call(
    which: number,
    method: string,
    path: string,
    accessToken: string,
    previousToken?: string,
  ): Promise<Answer>;
  stop(): Promise<void>;
}

/**
 * The first process uses ioredis, the others node-redis.
 *
 * @param custom the public origin of the processes, whose tokens are then of custom authentication
 */
export async function startApiProcesses(
  redisUrl: string,
  count = 3,
  custom?: { readonly origin: string },
): Promise<ApiProcesses> {
  const issuer = await createTestIssuer({
    authentication: custom === undefined ? 'cdp' : 'custom',
  });
  const router = issuer.router();
  const keys = await listen((req, res) => {
    router(req, res, () => res.writeHead(404).end());
  });
  const processes = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      startProcess({
        REDIS_URL: redisUrl,
        REDIS_CLIENT: index === 0 ? 'ioredis' : 'redis',
        JWKS_URI: `${keys.url}/.well-known/jwks.json`,
        PROJECT_ID: issuer.projectId,
        ...(custom !== undefined && {
          ISSUER: issuer.issuer,
          AUDIENCE: issuer.audience,
          ORIGIN: custom.origin,
        }),
      }),
    ),
  );
  return {
    issuer,
    count,
    urls: processes.map(({ port }) => `http://127.0.0.1:${port}`),
    async call(which, method, path, accessToken, previousToken) {
      const before = performance.now();
      const isProof = method === 'POST' && path === '/mfa';
      const response = await fetch(`http://127.0.0.1:${processes[which]?.port ?? 0}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${accessToken}`,
          ...(previousToken !== undefined && previously(previousToken)),
          ...(isProof && { 'content-type': 'application/json' }),
        },
        ...(isProof && { body: '{"method":"totp"}' }),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      return {
        status: response.status,
        errorType: (body as { errorType?: string } | null | undefined)?.errorType,
        body,
        tookMs: performance.now() - before,
      };
    },
    async stop() {
      await Promise.all(processes.map(({ child }) => end(child)));
      await keys.close();
    },
  };
}

async function startProcess(
  env: Record<string, string>,
): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['--import', 'tsx', '__tests__/processes/api-process.ts'], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
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
