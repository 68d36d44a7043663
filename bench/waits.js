/**
 * How often a request waits for the store, one time after another: counted with a store that answers
 * later, and not timed. `node waits.js`
 */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import express from 'express';
import {
  createSessions,
  customAuthentication,
  memoryStore,
  requireApproval,
  requireMfa,
  validateSession,
} from '../dist/index.js';
import { startIssuer } from './issuer.js';

const issuer = await startIssuer();
const { audience, jwksUri } = issuer.settings;
let waits = 0;
let inFlight = 0;

const sessions = createSessions({
  authentication: customAuthentication({ issuer: issuer.settings.issuer, audience, jwksUri }),
  store: answeringLater(memoryStore()),
});
const app = express();
const answer = (req, res) => res.json({});
app.use(validateSession(sessions));
app.get('/me', answer);
app.get('/protected', requireMfa(), answer);
app.post('/transfers', requireApproval({ describe: () => 'a transfer' }), answer);
app.get('/reports', requireApproval({ describe: () => 'a report' }), answer);
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');

const [token] = issuer.tokens(1);
const session = await sessions.authenticateToken(token);
await session.mfa.start({ method: 'totp' });

const result = {
  validateSession: (await waitsOf('GET', '/me', 200)).waits,
  requireMfa: (await waitsOf('GET', '/protected', 200)).waits,
};
for (const [name, method, path] of [
  ['requireApproval', 'POST', '/transfers'],
  ['requireApproval of a GET', 'GET', '/reports'],
]) {
  const refused = await waitsOf(method, path, 403);
  await session.mfa.approve(refused.challengeId, () => ({ method: 'totp' }));
  const spent = await waitsOf(method, path, 200, refused.challengeId);
  result[name] = { refused: refused.waits, spent: spent.waits };
}
console.log(JSON.stringify(result));
server.close();
server.closeAllConnections();
issuer.close();

async function waitsOf(method, path, status, challengeId = '') {
  waits = 0;
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'x-mfa-challenge-id': challengeId },
  });
  if (response.status !== status) throw new Error(`${path}: ${response.status}`);
  return { waits, challengeId: response.headers.get('x-mfa-challenge-id') };
}

/** Calls that are under way at the same time are one wait. */
function answeringLater(store) {
  return Object.fromEntries(
    ['read', 'write', 'add', 'raise', 'remove', 'move'].map((verb) => [
      verb,
      async (...given) => {
        if (inFlight === 0) waits += 1;
        inFlight += 1;
        await wait(2);
        inFlight -= 1;
        return store[verb](...given);
      },
    ]),
  );
}
