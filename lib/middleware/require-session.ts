/**
 * The guard against anonymous requests.
 */
import { ConfigurationError, OptionReader } from '../option-reader.js';
import { checkCalled } from './called-wrongly.js';
import { guardMiddleware, readSessions, type GuardOptions } from './guard.js';
import type { Middleware } from './middleware.js';

/**
 * Refuses anonymous requests with `token_missing`. Mount it after
 * `validateSession({ required: false })`.
 *
 * @throws ConfigurationError
 *
 * @example
 * app.use(validateSession({ required: false }));
 * app.get('/prices', showPrices);
 * app.get('/orders', requireSession(), showOrders);
 */
export function requireSession(options?: GuardOptions): Middleware {
  checkCalled('requireSession()', options);
  const complaints: string[] = [];
  const read = new OptionReader<GuardOptions>('requireSession()', options, complaints);
  const sessions = readSessions(read);
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  // An anonymous request does not come as far as `check`.
  return guardMiddleware({ name: 'requireSession()', sessions, check: () => undefined });
}
