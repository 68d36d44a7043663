/**
 * A process of its own, because Jest replaces `process`: its subscriber throws at each event. It
 * prints the status of an answer and the errors that Node reports.
 */
import { subscribe } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { createTestIssuer } from 'express-wallet-session/testing';
import { walletApi } from '../support/wallet-api.js';
import { listen } from '../support/listen.js';

const reported: string[] = [];
process.on('uncaughtException', ({ message }) => reported.push(message));
subscribe('express-wallet-session', (event) => {
  throw new Error((event as { type: string }).type);
});

const issuer = await createTestIssuer();
const { accessToken } = await issuer.signIn('alice');
const server = await listen(walletApi({ authentication: issuer.authentication }));
const headers = { authorization: `Bearer ${accessToken}` };
const answers = [
  await fetch(`${server.url}/me`, { headers }),
  await fetch(`${server.url}/transfers`, { method: 'POST', headers }),
];
await setImmediate();
process.stdout.write(JSON.stringify([answers.map(({ status }) => status), reported]));
await server.close();
