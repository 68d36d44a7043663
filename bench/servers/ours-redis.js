// `validateSession()` alone, on Redis.
import { createClient } from 'redis';
import { customAuthentication, getSession, validateSession } from '../../dist/index.js';
import { redisStore } from '../../dist/store/redis.js';

export async function mount(app, { issuer, audience, jwksUri, redisUrl }) {
  const client = await createClient({ url: redisUrl }).connect();
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication, store: redisStore(client) }));
  return { userIdOf: (req) => getSession(req).userId };
}
