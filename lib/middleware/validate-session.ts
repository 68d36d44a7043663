/**
 * Attaches the session to a request, or refuses the request.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SessionError } from '../errors.js';
import { andThen, type MaybePromise } from '../maybe-promise.js';
import { ConfigurationError } from '../option-reader.js';
import type { SessionOptions } from '../options.js';
import { parseOptions } from '../parse-options.js';
import { SESSION_ENDS_IN } from '../protocol.js';
import type { VerifiedSession } from '../session.js';
import type { Sessions } from '../sessions-interface.js';
import type { IdentifiedSession } from '../admission.js';
import { WalletSessions } from '../wallet-sessions.js';
import { checkCalled, complaintOfSessions, isSessionsOfAnotherCopy } from './called-wrongly.js';
import { exposeHeaders } from './expose-headers.js';
import { whenDone, type Middleware } from './middleware.js';
import { recallSessions, rememberSession } from './request-session.js';
import { refuse } from './send-problem.js';

/**
 * Verifies the access token of each request and attaches the session to it.
 * `validateSession(options)` is `validateSession(createSessions(options))`.
 *
 * A CORS preflight passes as an anonymous request, because browsers send it without credentials.
 *
 * @param given options, or the result of `createSessions()`
 * @defaultValue the environment variables `WALLET_SESSION_*`
 * @throws ConfigurationError with every mistake at once
 *
 * @example
 * const authentication = cdpAuthentication({
 *   projectId: 'my-project',
 *   jwksUri: 'https://auth.example.com/.well-known/jwks.json',
 * });
 * app.use(validateSession({ authentication }));
 * app.get('/me', (req, res) => {
 *   res.json({ userId: getSession(req).userId });
 * });
 */
export function validateSession(given?: SessionOptions | Sessions): Middleware {
  checkCalled('validateSession()', given);
  const sessions = sessionsOf(given);
  const { required, property, onError } = sessions.configuration;

  function admit(
    req: IncomingMessage,
    res: ServerResponse,
    identified: IdentifiedSession | undefined,
  ): void {
    rememberSession(req, sessions, identified);
    if (identified === undefined) return;
    const { session } = identified;
    if (property !== false) attach(req, property, session);
    const endsInSeconds = sessions.endsInSeconds(session);
    if (endsInSeconds !== undefined && !res.headersSent) {
      res.setHeader(SESSION_ENDS_IN, String(endsInSeconds));
      exposeHeaders(res, [SESSION_ENDS_IN]);
    }
  }

  return function validateSessionMiddleware(req, res, next) {
    const [known] = recallSessions(req, sessions);
    if (known !== undefined && known.refusal === undefined) {
      rememberSession(req, sessions, known);
      next();
      return;
    }
    if (property !== false && (req as unknown as Record<string, unknown>)[property] !== undefined) {
      next(propertyTaken(property));
      return;
    }
    const identify = (): MaybePromise<void> =>
      andThen(sessions.admission.ofRequest(req, required && !isPreflight(req)), (identified) => {
        admit(req, res, identified);
      });
    whenDone(
      identify,
      () => {
        next();
      },
      (error) => {
        if (error instanceof SessionError) rememberSession(req, sessions, { refusal: error });
        refuse(error, onError, req, res, next);
      },
    );
  };
}

function sessionsOf(given: SessionOptions | Sessions | undefined): WalletSessions {
  if (given instanceof WalletSessions) return given;
  if (isSessionsOfAnotherCopy(given)) {
    throw new ConfigurationError([`validateSession(): ${complaintOfSessions(given) ?? ''}`]);
  }
  return new WalletSessions(parseOptions(given as SessionOptions | undefined, process.env));
}

/** A CORS-preflight request (Fetch standard, 3.3.2), which never has credentials. */
function isPreflight({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'OPTIONS' &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined &&
    headers.authorization === undefined &&
    headers.cookie === undefined
  );
}

function attach(req: IncomingMessage, property: string, session: VerifiedSession): void {
  (req as unknown as Record<string, unknown>)[property] = session;
}

function propertyTaken(property: string): ConfigurationError {
  return new ConfigurationError([
    `validateSession() found req.${property} taken by something else, such as express-session or another validateSession(). Attach the session under another name, validateSession({ property: 'walletSession' }), or under none, validateSession({ property: false }), and read it with getSession(req). For tokens of several issuers, mount one: validateSession({ authentication: [a, b] }). To mount one twice, create it once: const guard = validateSession().`,
  ]);
}
