/**
 * Attaches the session to the request, or answers why there is none.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SessionError } from '../errors.js';
import { andThen, type MaybePromise } from '../maybe-promise.js';
import { ConfigurationError } from '../option-reader.js';
import type { SessionOptions } from '../options.js';
import { parseOptions } from '../parse-options.js';
import { SESSION_ENDS_IN } from '../protocol.js';
import type { VerifiedSession } from '../session.js';
import { WalletSessions, type IdentifiedSession, type Sessions } from '../wallet-sessions.js';
import type { Middleware } from './middleware.js';
import { recallSession, rememberSession } from './request-session.js';
import { passOrRefuse } from './send-problem.js';

/**
 * Verifies the access token of each request and attaches the session to it.
 * `validateSession(options)` is `validateSession(createSessions(options))`.
 *
 * @param given options (without any: from the environment), or what `createSessions()` made
 * @throws ConfigurationError with every mistake at once
 */
export function validateSession(given?: SessionOptions | Sessions): Middleware {
  const sessions = sessionsOf(given);
  const { required, property, onError } = sessions.configuration;

  function admit(
    req: IncomingMessage,
    res: ServerResponse,
    identified: IdentifiedSession | undefined,
  ): void {
    if (identified === undefined && required) throw new SessionError('token_missing');
    rememberSession(req, sessions, identified);
    if (identified === undefined) return;
    const { session } = identified;
    if (property !== false) attach(req, property, session);
    const endsInSeconds = sessions.endsInSeconds(session);
    if (endsInSeconds !== undefined && !res.headersSent) warn(res, endsInSeconds);
  }

  return function validateSessionMiddleware(req, res, next) {
    const known = recallSession(req, sessions);
    if (known !== undefined) {
      rememberSession(req, sessions, known);
      next();
      return;
    }
    if (property !== false && (req as unknown as Record<string, unknown>)[property] !== undefined) {
      next(propertyTaken(property));
      return;
    }
    const identify = (): MaybePromise<void> =>
      andThen(sessions.identify(req), (identified) => {
        admit(req, res, identified);
      });
    passOrRefuse(identify, onError, req, res, next);
  };
}

function sessionsOf(given: SessionOptions | Sessions | undefined): WalletSessions {
  return given instanceof WalletSessions
    ? given
    : new WalletSessions(parseOptions(given as SessionOptions | undefined, process.env));
}

function attach(req: IncomingMessage, property: string, session: VerifiedSession): void {
  (req as unknown as Record<string, unknown>)[property] = session;
}

function propertyTaken(property: string): ConfigurationError {
  return new ConfigurationError([
    `validateSession() found req.${property} taken by something else, such as express-session or another validateSession(). Attach the session under another name, validateSession({ property: 'walletSession' }), or under none, validateSession({ property: false }), and read it with getSession(req). To mount one validateSession() twice, create it once: const guard = validateSession().`,
  ]);
}

const LISTED = new RegExp(`(?:^|[\\s,])${SESSION_ENDS_IN}(?:$|[\\s,])`, 'i');

/** Says when the user has to sign in again, and lets a browser's code read it across origins. */
function warn(res: ServerResponse, endsInSeconds: number): void {
  res.setHeader(SESSION_ENDS_IN, String(endsInSeconds));
  const exposed = [res.getHeader('Access-Control-Expose-Headers') ?? []].flat().join(', ');
  if (LISTED.test(exposed)) return;
  res.setHeader(
    'Access-Control-Expose-Headers',
    exposed === '' ? SESSION_ENDS_IN : `${exposed}, ${SESSION_ENDS_IN}`,
  );
}
