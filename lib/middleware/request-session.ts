/**
 * The sessions of a request. They are kept apart from the request object, so that only
 * `validateSession()` can say that a request is authenticated.
 */
import type { SessionError } from '../errors.js';
import { ConfigurationError } from '../option-reader.js';
import type { Session, VerifiedSession } from '../session.js';
import type { RecordReads } from '../store/tracked-store.js';
import type { Sessions } from '../sessions-interface.js';
import type { WalletSessions } from '../wallet-sessions.js';
import { complaintOfSessions } from './called-wrongly.js';

/** The result of one `validateSession()` for one request. */
export interface RequestSession {
  readonly sessions: WalletSessions;
  /** Undefined if the request is anonymous. */
  readonly session: VerifiedSession | undefined;
  /** The records that this request has read, for the guards. */
  readonly reads: RecordReads | undefined;
  /** The refusal, if an error handler of the app lets the request go on all the same. */
  readonly refusal?: SessionError | undefined;
}

/** A request that one `validateSession()` found a session on. */
export interface AdmittedRequest extends RequestSession {
  readonly session: VerifiedSession;
}

/** The results of each request, in the order of the middleware: no other one can reach them. */
const resultsOf = new WeakMap<object, readonly RequestSession[]>();

/** Keeps the result of a `validateSession()`, as the last one of this request. */
export function rememberSession(
  req: object,
  sessions: WalletSessions,
  result: Partial<Omit<RequestSession, 'sessions'>> = {},
): void {
  const { session, reads, refusal } = result;
  const earlier = recallSessions(req).filter((one) => one.sessions !== sessions);
  resultsOf.set(req, [...earlier, { sessions, session, reads, refusal }]);
}

/** The results of every `validateSession()` of this request, or of the one with these `sessions`. */
export function recallSessions(req: object, sessions?: unknown): readonly RequestSession[] {
  const all = resultsOf.get(req) ?? [];
  return sessions === undefined ? all : all.filter((one) => one.sessions === sessions);
}

export function isAdmitted(found: RequestSession): found is AdmittedRequest {
  return found.session !== undefined;
}

/**
 * The session of a request: of the last `validateSession()` that found one, or of the one with these
 * `sessions`.
 *
 * @param sessions the result of `createSessions()`, if several `validateSession()` are mounted
 * @throws ConfigurationError if no `validateSession()` ran before
 * @throws SessionError `token_missing` if the request is anonymous
 *
 * @example
 * app.use(validateSession());
 * app.get('/me', (req, res) => {
 *   res.json({ userId: getSession(req).userId });
 * });
 */
export function getSession(req: object, sessions?: Sessions): Session {
  const found = mounted(req, sessions, 'getSession(req)');
  const session = found.findLast(isAdmitted)?.session;
  if (session === undefined) throw refusalOf(found[0]);
  return session;
}

/**
 * The session of a request as by `getSession()`, but undefined if the request is anonymous.
 *
 * @param sessions the result of `createSessions()`, if several `validateSession()` are mounted
 * @throws ConfigurationError if no `validateSession()` ran before
 *
 * @example
 * app.use(validateSession({ required: false }));
 * app.get('/prices', (req, res) => {
 *   res.json({ currency: currencyOf(findSession(req)?.userId) });
 * });
 */
export function findSession(req: object, sessions?: Sessions): Session | undefined {
  return mounted(req, sessions, 'findSession(req)').findLast(isAdmitted)?.session;
}

/** The refusal of a request that has no session. */
export function refusalOf({ sessions, refusal }: RequestSession): SessionError {
  return refusal ?? sessions.admission.tokenMissing();
}

/** @throws ConfigurationError if no `validateSession()` ran before */
function mounted(
  req: object,
  sessions: unknown,
  name: string,
): readonly [RequestSession, ...RequestSession[]] {
  if (sessions !== undefined) {
    const complaint = complaintOfSessions(sessions);
    if (complaint !== undefined) throw new ConfigurationError([`${name}: ${complaint}`]);
  }
  const [first, ...others] = recallSessions(req, sessions);
  if (first === undefined) throw notMounted(name, sessions);
  return [first, ...others];
}

/** @param sessions of the `validateSession()` that was looked for, if a certain one */
export function notMounted(name: string, sessions?: unknown): ConfigurationError {
  const mount =
    sessions === undefined
      ? 'no validateSession() ran before it on this request. Mount it ahead of your routes: app.use(validateSession()).'
      : 'no validateSession() with these sessions ran before it on this request. Mount it ahead of your routes: app.use(validateSession(sessions)).';
  return new ConfigurationError([
    `${name} found no session: ${mount} If it is mounted, two copies of express-wallet-session are installed: \`npm ls express-wallet-session\` shows them.`,
  ]);
}
