/**
 * Two processes behind one port, with one Redis: `npm run example:cluster`.
 */
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { createClient } from 'redis';
import { cdpAuthentication } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { createTestIssuer } from 'express-wallet-session/testing';
import { createApi } from './api.js';
import { startRedis } from './redis.js';
import { codeOnThePhone, createTotpCheck } from './totp.js';
import { walkthrough } from './walkthrough.js';

const port = Number(process.env.PORT ?? 3000);

if (cluster.isPrimary) await runPrimary();
else await runApi();

/** Stands for the rest of the world, an identity provider and Redis, and starts the processes. */
async function runPrimary(): Promise<void> {
  const issuer = await createTestIssuer();
  const router = issuer.router();
  const totpKey = randomUUID();
  const identityProvider = createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://localhost');
    if (pathname === '/demo/phone')
      res.end(codeOnThePhone(totpKey, searchParams.get('user') ?? ''));
    else router(req, res, () => res.writeHead(404).end());
  });
  await once(identityProvider.listen(0, '127.0.0.1'), 'listening');
  const address = identityProvider.address() as AddressInfo;
  const issuerUrl = `http://127.0.0.1:${address.port}`;
  const env = {
    REDIS_URL: await startRedis(),
    JWKS_URI: `${issuerUrl}/.well-known/jwks.json`,
    PROJECT_ID: issuer.projectId,
    TOTP_KEY: totpKey,
  };
  const workers = [cluster.fork(env), cluster.fork(env)];
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const worker of workers) worker.kill();
      process.exit(0);
    });
  }
  await Promise.all(workers.map((worker) => once(worker, 'listening')));
  console.log(walkthrough(`http://localhost:${port}`, issuerUrl));
}

async function runApi(): Promise<void> {
  const { REDIS_URL = '', JWKS_URI = '', PROJECT_ID = '', TOTP_KEY = '' } = process.env;
  const client = createClient({ url: REDIS_URL });
  client.on('error', (error: Error) => {
    console.error(`Redis: ${error.message}`);
  });
  await client.connect();
  const options = {
    authentication: cdpAuthentication({ projectId: PROJECT_ID, jwksUri: JWKS_URI }),
    store: redisStore(client),
  };
  // On this machine alone: the example tells everybody the codes that are meant for the user.
  createApi(options, createTotpCheck(client, TOTP_KEY)).listen(port, '127.0.0.1');
}
