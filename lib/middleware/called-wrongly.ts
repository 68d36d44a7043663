/**
 * Mistakes in the way a factory is called: not at all, so that Express calls it with a request, and
 * with sessions that this copy of the package did not make.
 */
import { ConfigurationError, describe } from '../option-reader.js';
import { WalletSessions } from '../wallet-sessions.js';
import { isRecord } from '../type-guards.js';

/**
 * @param factory the call as it should be, for instance `validateSession()`
 * @param first the first argument that the factory was called with
 * @throws ConfigurationError if it is a request, or the error of an error handler
 */
export function checkCalled(factory: string, first: unknown): void {
  const isRequest = isRecord(first) && isRecord(first.headers) && typeof first.method === 'string';
  if (isRequest || first instanceof Error) {
    const name = factory.replace(/\(.*/, '');
    throw new ConfigurationError([
      `${name} was mounted without being called. Call it: app.use(${factory}), not app.use(${name}).`,
    ]);
  }
}

/** Undefined if `given` was made by `createSessions()` of this copy of the package. */
export function complaintOfSessions(given: unknown): string | undefined {
  if (given instanceof WalletSessions) return undefined;
  return isSessionsOfAnotherCopy(given)
    ? 'the sessions were made by another installed copy of express-wallet-session; `npm ls express-wallet-session` shows both. Install one.'
    : `\`sessions\` must be what createSessions() made, the same that validateSession() is given, not ${describe(given)}.`;
}

/** Whether `given` has the methods of `Sessions` without being our own. */
export function isSessionsOfAnotherCopy(given: unknown): boolean {
  return (
    isRecord(given) &&
    !(given instanceof WalletSessions) &&
    typeof given.authenticate === 'function' &&
    typeof given.signOutUser === 'function'
  );
}
