/**
 * What an app can do with sessions without a framework.
 */
import type { Session } from './session.js';
import type { AuthenticateRequest } from './token-reader.js';
import type { SessionWatch, SessionWatchOptions } from './watch/session-watch.js';

/** Everything there is without Express: for WebSocket upgrades, other frameworks, jobs and probes. */
export interface Sessions {
  /**
   * The session of a request, with an MFA session carried over as in `validateSession()`.
   *
   * @throws SessionError; `token_missing` where there is no token
   */
  authenticate(request: AuthenticateRequest): Promise<Session>;
  /** The session of an access token. @throws SessionError */
  authenticateToken(token: string): Promise<Session>;
  /**
   * Signs out every session of a user that started in this second or earlier, MFA sessions
   * included. `issuer` may be left out where there is one.
   *
   * @throws SessionError `store_unavailable`
   */
  signOutUser(who: { userId: string; issuer?: string | undefined }): Promise<void>;
  /** Signs out one session by its id. @throws SessionError `store_unavailable` */
  signOutSession(which: { sessionId: string; issuer?: string | undefined }): Promise<void>;
  /** Voids all MFA sessions of a user, and older evidence. @throws SessionError `store_unavailable` */
  endMfa(who: { userId: string; issuer?: string | undefined }): Promise<void>;
  /**
   * Resolves once keys are loaded and a round trip of all verbs through the store succeeded: for
   * start-up and readiness probes.
   *
   * @throws SessionError `verification_unavailable` or `store_unavailable`
   */
  ready(): Promise<void>;
  /**
   * Fetches every JWKS now, regardless of back-off: a key that has leaked is withdrawn at once.
   *
   * @throws SessionError `verification_unavailable`; the known keys stay in use
   */
  refreshKeys(): Promise<void>;
  /**
   * Watches a session, for sockets and streams that live longer than a request. All watches share one
   * timer and their reads of the store, and keep no process alive.
   *
   * @throws TypeError if the session is not one of these sessions
   * @throws ConfigurationError for an `everySeconds` that is out of range
   *
   * @example
   * const session = await sessions.authenticate(request);
   * const watch = sessions.watch(session);
   * const close = () => socket.close(4401, watch.signal.reason.errorType);
   * watch.signal.addEventListener('abort', close);
   * socket.on('close', () => watch.stop());
   */
  watch(session: Session, options?: SessionWatchOptions): SessionWatch;
}
