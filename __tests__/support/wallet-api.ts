/**
 * The wallet API of the tests: a route for each thing that a session can do, on Express 4 or 5.
 */
import express5, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
} from 'express';
import express4 from 'express4';
import {
  backchannelLogout,
  createSessions,
  getSession,
  problemHandler,
  requireMfa,
  validateSession,
  type RequireMfaOptions,
  type Session,
  type SessionOptions,
  type Sessions,
} from 'express-wallet-session';

export type ExpressFactory = typeof express5;

/** For `describe.each`. */
export const expressVersions: readonly (readonly [string, ExpressFactory])[] = [
  ['Express 5', express5],
  ['Express 4', express4 as unknown as ExpressFactory],
];

/** Answers with the name and message of the error, so that errors of the app can be asserted. */
export const showError: ErrorRequestHandler = (error: Error, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(500).json({ name: error.name, message: error.message });
};

/** Mounts a route that answers with the result of `work`; Express 4 does not await handlers. */
export function handle(
  app: Express,
  method: 'get' | 'post' | 'delete',
  path: string,
  work: (session: Session, req: Request) => unknown,
): void {
  app[method](path, (req, res, next) => {
    Promise.resolve()
      .then(() => work(getSession(req), req))
      .then((result) => res.json(result ?? null), next);
  });
}

export interface WalletApiOptions {
  /** @defaultValue Express 5 */
  readonly express?: ExpressFactory;
  /** The guard of `POST /transfers`, or the options of its `requireMfa()`. */
  readonly transfers?: RequireMfaOptions | RequestHandler;
  /** Mounts `/backchannel-logout` for these client ids. */
  readonly logoutAudience?: string | readonly string[];
  /** Mounts middleware ahead of `validateSession()`. */
  readonly before?: (app: Express) => unknown;
  /** Mounts further routes behind `validateSession()`, ahead of `problemHandler()`. */
  readonly routes?: (app: Express, sessions: Sessions) => unknown;
  /** @defaultValue `express.json()` */
  readonly parser?: RequestHandler;
}

/** A wallet API whose protected operation is `POST /transfers`. */
export function walletApi(
  given: SessionOptions | Sessions,
  options: WalletApiOptions = {},
): Express {
  const { express = express5, transfers, logoutAudience: audience } = options;
  const sessions = 'authenticateToken' in given ? given : createSessions(given);
  const app = express();
  options.before?.(app);
  if (audience !== undefined) {
    app.all('/backchannel-logout', backchannelLogout(sessions, { audience }));
  }
  app.use(validateSession(sessions), options.parser ?? express.json());
  const guard = typeof transfers === 'function' ? transfers : requireMfa(transfers);
  app.post('/transfers', guard, (_req, res) => {
    res.status(201).json({ transferred: true });
  });
  handle(app, 'get', '/me', (session) => session);
  handle(app, 'get', '/mfa', (session) => session.mfa.current());
  handle(app, 'post', '/mfa', (session, req) => session.mfa.start(req.body as { method: string }));
  handle(app, 'delete', '/mfa', (session) => session.mfa.end());
  handle(app, 'delete', '/mfa/everywhere', (session) => session.mfa.endEverywhere());
  handle(app, 'post', '/mfa/carry-over', (session, req) =>
    session.mfa.carryOver((req.body as { previousToken: string }).previousToken),
  );
  handle(app, 'post', '/sign-out', (session) => session.signOut());
  handle(app, 'post', '/sign-out/everywhere', (session) => session.signOutEverywhere());
  options.routes?.(app, sessions);
  app.use(problemHandler(), showError);
  return app;
}
