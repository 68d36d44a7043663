import { createClient } from 'redis';
import { redisStore } from '../../dist/store/redis.js';
import { mountWithMfa } from '../with-mfa.js';

export async function mount(app, settings) {
  const client = await createClient({ url: settings.redisUrl }).connect();
  return mountWithMfa(app, settings, redisStore(client));
}
