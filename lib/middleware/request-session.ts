/**
 * Which session a request has. It is kept apart from the request, so that nothing but the
 * middleware can say that a request was authenticated.
 */
import { SessionError } from '../errors.js';
import { ConfigurationError } from '../option-reader.js';
import type { Session, VerifiedSession } from '../session.js';
import type { RecordReads } from '../store/tracked-store.js';
import type { WalletSessions } from '../wallet-sessions.js';

export interface RequestSession {
  readonly sessions: WalletSessions;
  /** Undefined: an anonymous request. */
  readonly session: VerifiedSession | undefined;
  /** What this request has read of the store, for the guards behind. */
  readonly reads: RecordReads | undefined;
  /** What the `validateSession()` before found, where there are several. */
  readonly earlier?: RequestSession | undefined;
}

const requestSessions = new WeakMap<object, RequestSession>();

/** The one that is remembered last is the one that counts. */
export function rememberSession(
  req: object,
  sessions: WalletSessions,
  identified: Pick<RequestSession, 'session' | 'reads'> | undefined,
): void {
  const { session, reads } = identified ?? {};
  requestSessions.set(req, { sessions, session, reads, earlier: requestSessions.get(req) });
}

/** Undefined where no `validateSession()` ran, or none of these `sessions`. */
export function recallSession(req: object, sessions?: WalletSessions): RequestSession | undefined {
  let found = requestSessions.get(req);
  while (sessions !== undefined && found !== undefined && found.sessions !== sessions) {
    found = found.earlier;
  }
  return found;
}

/**
 * The session of a request.
 *
 * @throws ConfigurationError where no `validateSession()` ran before
 * @throws SessionError `token_missing` on an anonymous request
 */
export function getSession(req: object): Session {
  const session = findSession(req);
  if (session === undefined) throw new SessionError('token_missing');
  return session;
}

/**
 * The session of a request, undefined on an anonymous one.
 *
 * @throws ConfigurationError where no `validateSession()` ran before
 */
export function findSession(req: object): Session | undefined {
  const found = recallSession(req);
  if (found === undefined) throw notMounted('getSession(req)');
  return found.session;
}

export function notMounted(what: string): ConfigurationError {
  return new ConfigurationError([
    `${what} found no session: no validateSession() ran before it on this request. Mount it ahead of your routes: app.use(validateSession()).`,
  ]);
}
