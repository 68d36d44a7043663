/**
 * A wallet API in a process of its own, on a Redis that it shares with others. It prints its port,
 * and ends when its standard input does.
 */
import process from 'node:process';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { cdpAuthentication, createSessions, customAuthentication } from 'express-wallet-session';
import { redisStore, type RedisClient } from 'express-wallet-session/redis';
import { listen } from '../support/listen.js';
import { payments } from '../support/payments.js';
import { walletApi } from '../support/wallet-api.js';

const { REDIS_URL = '', JWKS_URI = '', PROJECT_ID = '', REDIS_CLIENT = '' } = process.env;
/** Of custom authentication. */
const { ISSUER, AUDIENCE = '', ORIGIN } = process.env;

async function connect(): Promise<RedisClient> {
  // The tests stop Redis; an unhandled 'error' event would end this process.
  const ignore = (): void => undefined;
  if (REDIS_CLIENT === 'ioredis') return new Redis(REDIS_URL).on('error', ignore);
  return createClient({ url: REDIS_URL }).on('error', ignore).connect();
}

const sessions = createSessions({
  authentication:
    ISSUER === undefined
      ? cdpAuthentication({ projectId: PROJECT_ID, jwksUri: JWKS_URI })
      : customAuthentication({ issuer: ISSUER, audience: AUDIENCE, jwksUri: JWKS_URI }),
  store: redisStore(await connect()),
  origin: ORIGIN,
});

const app = walletApi(sessions, {
  routes(api) {
    payments().routes?.(api, sessions);
    api.post('/admin/:verb/:id', async (req, res) => {
      const { verb, id } = req.params;
      if (verb === 'sign-out-user') await sessions.signOutUser({ userId: id });
      if (verb === 'sign-out-session') await sessions.signOutSession({ sessionId: id });
      if (verb === 'end-mfa') await sessions.endMfa({ userId: id });
      res.json(null);
    });
  },
});

// The end of the test's process closes the pipe, also when no test has stopped this one.
process.stdin.resume().once('end', () => process.exit());

const { port } = await listen(app);
process.stdout.write(`${port}\n`);
