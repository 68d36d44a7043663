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
  readonly refusal: SessionError | undefined;
  /** The result of the `validateSession()` before it. */
  readonly earlier: RequestSession | undefined;
}

/** A request that one `validateSession()` found a session on. */
export interface AdmittedRequest extends RequestSession {
  readonly session: VerifiedSession;
}

/** The latest result of each request: no other middleware can reach it. */
const latestResults = new WeakMap<object, RequestSession>();

/** Keeps the result of a `validateSession()`, as the last one of this request. */
export function rememberSession(
  req: object,
  sessions: WalletSessions,
  { session, reads, refusal }: Partial<Omit<RequestSession, 'sessions' | 'earlier'>>,
): void {
  const earlier = without(sessions, latestResults.get(req));
  latestResults.set(req, { sessions, session, reads, refusal, earlier });
}

/** The results but the one with these `sessions`. */
function without(
  sessions: WalletSessions,
  latest: RequestSession | undefined,
): RequestSession | undefined {
  if (latest === undefined || latest.sessions === sessions) return latest?.earlier;
  return { ...latest, earlier: without(sessions, latest.earlier) };
}

/** The result of the last `validateSession()` of a request, or of the one with these `sessions`. */
export function recallSession(req: object, sessions?: unknown): RequestSession | undefined {
  let found = latestResults.get(req);
  if (sessions !== undefined) {
    while (found !== undefined && found.sessions !== sessions) found = found.earlier;
  }
  return found;
}

/**
 * The results with a session, of every `validateSession()` of a request in their order, or of the one
 * with these `sessions`.
 */
export function recallAdmitted(req: object, sessions?: unknown): readonly AdmittedRequest[] {
  const admitted: AdmittedRequest[] = [];
  let found = recallSession(req, sessions);
  for (; found !== undefined; found = sessions === undefined ? found.earlier : undefined) {
    if (isAdmitted(found)) admitted.unshift(found);
  }
  return admitted;
}

function isAdmitted(found: RequestSession): found is AdmittedRequest {
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
  const latest = mounted(req, sessions, 'getSession(req)');
  const session = sessionOf(latest, sessions);
  if (session === undefined) throw refusalOf(latest);
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
  return sessionOf(mounted(req, sessions, 'findSession(req)'), sessions);
}

/** The session of the last result that has one; of the one result if it is of certain `sessions`. */
function sessionOf(latest: RequestSession, sessions: unknown): VerifiedSession | undefined {
  if (sessions !== undefined) return latest.session;
  let found: RequestSession | undefined = latest;
  while (found !== undefined && found.session === undefined) found = found.earlier;
  return found?.session;
}

/** The refusal of a request that has no session. */
export function refusalOf({ sessions, refusal }: RequestSession): SessionError {
  return refusal ?? sessions.admission.tokenMissing();
}

/** @throws ConfigurationError if no `validateSession()` ran before */
function mounted(req: object, sessions: unknown, name: string): RequestSession {
  if (sessions !== undefined) {
    const complaint = complaintOfSessions(sessions);
    if (complaint !== undefined) throw new ConfigurationError([`${name}: ${complaint}`]);
  }
  const latest = recallSession(req, sessions);
  if (latest === undefined) throw notMounted(name, sessions);
  return latest;
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
