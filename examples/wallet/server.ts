/**
 * `npm run example`: listens, and prints how to use it.
 */
import type { AddressInfo } from 'node:net';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWalletApp } from './app.js';
import { AuditTrail } from './audit/audit-trail.js';
import { createMovableClock } from './clock.js';
import { createWalletIssuers } from './issuers.js';
import { walkthrough } from './walkthrough.js';

const port = Number(process.env.PORT ?? 3000);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`PORT must be a number from 0 to 65535, not "${process.env.PORT ?? ''}".`);
  process.exit(1);
}

const clock = createMovableClock();
const folder = await mkdtemp(join(tmpdir(), 'example-wallet-'));
const audit = await AuditTrail.open({ folder });
const app = createWalletApp({ issuers: await createWalletIssuers(clock), clock, audit });

// On this machine alone: the example tells everybody the codes that are meant for the user.
const server = app.listen(port, '127.0.0.1', (error?: Error) => {
  if (error === undefined) {
    const { port: opened } = server.address() as AddressInfo;
    console.log(walkthrough(`http://localhost:${opened}`, join(folder, 'audit.1.log')));
    return;
  }
  const isTaken = 'code' in error && error.code === 'EADDRINUSE';
  console.error(
    isTaken
      ? `Port ${port} is taken. Choose another one: PORT=${port + 1} npm run example`
      : `The example cannot listen on port ${port}: ${error.message}`,
  );
  process.exit(1);
});
