/**
 * `npm run example:realtime`: one process with its sessions in memory. With REDIS_URL two processes
 * share their sessions, and a sign-out in one closes the sockets of the other.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createClient } from 'redis';
import type { SessionStore } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { createMovableClock } from '../wallet/clock.js';
import { createRealtimeServer } from './app.js';
import { forwardedIdentity } from './forwarded-identity.js';
import { createIdentity, type Identity } from './identity.js';

const { REDIS_URL, IDENTITY_URL, PROJECT_ID = '' } = process.env;
const port = Number(process.env.PORT ?? 3000);
if (!Number.isInteger(port) || port < 0 || port > 65_534) {
  console.error(`PORT must be a number from 0 to 65534, not "${process.env.PORT ?? ''}".`);
  process.exit(1);
}

// Processes that share a store share real time, so only one process alone has time that can be moved.
const clock = REDIS_URL === undefined ? createMovableClock() : Date.now;
const isFirst = IDENTITY_URL === undefined;
const own = isFirst ? await createIdentity(clock) : undefined;
const identity: Identity = own ?? forwardedIdentity(IDENTITY_URL ?? '', PROJECT_ID);

const address = await listen();
console.log(
  isFirst
    ? `\n  Open ${address} in two tabs, and sign out everywhere in one.\n`
    : `  The second process is ${address}: open it in another tab.\n`,
);
if (REDIS_URL !== undefined && own !== undefined) startSecondProcess(own.projectId);
// The second process ends with the first one, however that ends, and the first with the second.
process.once('disconnect', () => process.exit(0));

async function listen(): Promise<string> {
  const store = REDIS_URL === undefined ? undefined : await connect(REDIS_URL);
  const server = createRealtimeServer({ identity, clock, store });
  // On this machine alone: the example tells everybody the codes that are meant for the user.
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    console.error(
      isTaken
        ? `Port ${port} is taken. Choose another one: PORT=${port + 2} npm run example:realtime`
        : `The example cannot listen on port ${port}: ${(error as Error).message}`,
    );
    process.exit(1);
  }
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}

async function connect(url: string): Promise<SessionStore> {
  const client = createClient({ url });
  client.on('error', (error: Error) => {
    console.error(`Redis: ${error.message}`);
  });
  await client.connect();
  return redisStore(client);
}

function startSecondProcess(projectId: string): void {
  const env = {
    ...process.env,
    PORT: String(port === 0 ? 0 : port + 1),
    IDENTITY_URL: address,
    PROJECT_ID: projectId,
  };
  const second = fork(fileURLToPath(import.meta.url), { env });
  second.once('exit', (code) => process.exit(code ?? 1));
  process.once('exit', () => second.kill());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(0));
  }
}
