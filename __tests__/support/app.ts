/**
 * A small wallet API with everything that a session can do behind a route, on Express 4 or 5, and
 * a client of it that sends an access token along.
 */
import express5, { type ErrorRequestHandler, type Express, type Request } from 'express';
import express4 from 'express4';
import supertest, { type Test } from 'supertest';
import {
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

/** Answers with what it is given, so that tests see errors that are not ours. */
export const showError: ErrorRequestHandler = (error: Error, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(500).json({ name: error.name, message: error.message });
};

/** Works the same in Express 4, which does not wait for promises. */
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
  readonly express?: ExpressFactory;
  /** What `POST /transfers` demands. */
  readonly transfers?: RequireMfaOptions;
}

/** A wallet API whose protected operation is `POST /transfers`. */
export function walletApi(
  given: SessionOptions | Sessions,
  options: WalletApiOptions = {},
): Express {
  const app = (options.express ?? express5)();
  app.use(validateSession(given));
  app.use(express5.json());
  app.post('/transfers', requireMfa(options.transfers), (_req, res) => {
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
  app.use(problemHandler());
  app.use(showError);
  return app;
}

/** One browser tab or device that uses the wallet API. */
export class WalletClient {
  readonly #app: Express;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(app: Express, accessToken?: string, headers: Readonly<Record<string, string>> = {}) {
    this.#app = app;
    this.#headers =
      accessToken === undefined ? headers : { authorization: `Bearer ${accessToken}`, ...headers };
  }

  send(method: 'get' | 'head' | 'post' | 'delete', path: string): Test {
    return supertest(this.#app)[method](path).set(this.#headers);
  }

  me(): Test {
    return this.send('get', '/me');
  }

  /** The protected operation. */
  transfer(): Test {
    return this.send('post', '/transfers');
  }

  verifyMfa(proof: { method: string; acr?: string } = { method: 'totp' }): Test {
    return this.send('post', '/mfa').send(proof);
  }

  currentMfa(): Test {
    return this.send('get', '/mfa');
  }

  endMfa(): Test {
    return this.send('delete', '/mfa');
  }

  endMfaEverywhere(): Test {
    return this.send('delete', '/mfa/everywhere');
  }

  carryOver(previousToken: unknown): Test {
    return this.send('post', '/mfa/carry-over').send({ previousToken });
  }

  signOut(): Test {
    return this.send('post', '/sign-out');
  }

  signOutEverywhere(): Test {
    return this.send('post', '/sign-out/everywhere');
  }
}

/** The header by which a client brings its previous access token. */
export function previously(token: string): Readonly<Record<string, string>> {
  return { 'previous-access-token': token };
}

/** Status and body, to be held against both at once. */
export function answerOf(response: { status: number; body: unknown }): [number, unknown] {
  return [response.status, response.body];
}

export function expectTransferred(response: { status: number; body: unknown }): void {
  expect(answerOf(response)).toEqual([201, { transferred: true }]);
}
