// Client-side caching as the documentation of redisStore() has it.
import { createClient } from 'redis';
import { redisStore } from '../../dist/store/redis.js';
import { mountWithMfa } from '../with-mfa.js';

export async function mount(app, settings) {
  const client = await createClient({
    url: settings.redisUrl,
    RESP: 3,
    clientSideCache: { ttl: 0, maxEntries: 100_000 },
    pingInterval: 300,
    socket: { socketTimeout: 1000, reconnectStrategy: (retries) => Math.min(retries * 50, 1000) },
  }).connect();
  return mountWithMfa(app, settings, redisStore(client));
}
