/**
 * An API in a process of its own, on a Redis that it shares with others. It prints its port.
 */
import process from 'node:process';
import express from 'express';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import {
  cdpAuthentication,
  createSessions,
  getSession,
  problemHandler,
  requireMfa,
  validateSession,
} from 'express-wallet-session';
import { redisStore, type RedisClient } from 'express-wallet-session/redis';

const { REDIS_URL = '', JWKS_URI = '', PROJECT_ID = '', REDIS_CLIENT = '' } = process.env;

async function connect(): Promise<RedisClient> {
  // An outage is what the tests are about: the clients tell of it and go on.
  const ignore = (): void => undefined;
  if (REDIS_CLIENT === 'ioredis') return new Redis(REDIS_URL).on('error', ignore);
  return createClient({ url: REDIS_URL }).on('error', ignore).connect();
}

const sessions = createSessions({
  authentication: cdpAuthentication({ projectId: PROJECT_ID, jwksUri: JWKS_URI }),
  store: redisStore(await connect()),
});

const app = express();
app.use(validateSession(sessions));
app.get('/me', (req, res) => {
  res.json({ userId: getSession(req).userId });
});
app.post('/mfa', async (req, res) => {
  res.json(await getSession(req).mfa.start({ method: 'totp' }));
});
app.get('/mfa', async (req, res) => {
  res.json({ mfa: await getSession(req).mfa.current() });
});
app.post('/transfers', requireMfa(), (_req, res) => {
  res.status(201).end();
});
app.post('/sign-out', async (req, res) => {
  await getSession(req).signOut();
  res.status(204).end();
});
app.post('/sign-out-everywhere', async (req, res) => {
  await getSession(req).signOutEverywhere();
  res.status(204).end();
});
app.post('/mfa/end-everywhere', async (req, res) => {
  await getSession(req).mfa.endEverywhere();
  res.status(204).end();
});
app.post('/admin/:verb/:id', async (req, res) => {
  const { verb, id } = req.params;
  if (verb === 'sign-out-user') await sessions.signOutUser({ userId: id });
  if (verb === 'sign-out-session') await sessions.signOutSession({ sessionId: id });
  if (verb === 'end-mfa') await sessions.endMfa({ userId: id });
  res.status(204).end();
});
app.use(problemHandler());

const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
});
