import { createClient } from 'redis';
import { redisStore } from '../../dist/store/redis.js';
import { mount as mountOn } from './ours-approval.js';

export async function mount(app, settings) {
  const client = await createClient({ url: settings.redisUrl }).connect();
  return mountOn(app, settings, redisStore(client));
}
