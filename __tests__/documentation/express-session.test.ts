/**
 * The recipe for apps with express-session and Passport, extracted from the documentation,
 * type-checked with their real types, and run with the real packages.
 */
import { createRequire } from 'node:module';
import type { RequestHandler } from 'express';
import {
  createSessions,
  getSession,
  validateSession,
  type Session,
  type SessionOptions,
} from 'express-wallet-session';
import express, { type Express, type Request } from 'express';
import request from 'supertest';
import ts from 'typescript';
import { recipe } from '../support/documentation.js';
import { typeErrorsIn } from '../support/type-check.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, showError } from '../support/wallet-api.js';
import { answerOf } from '../support/wallet-client.js';

// Without their types, which declare `req.session` for this whole program.
const require = createRequire(import.meta.url);
const session = require('express-session') as (options: object) => RequestHandler;
const passport = require('passport') as {
  initialize(): RequestHandler;
  session(): RequestHandler;
  serializeUser(
    serialize: (user: unknown, done: (error: unknown, id: unknown) => void) => void,
  ): void;
  deserializeUser(find: (id: unknown, done: (error: unknown, user: unknown) => void) => void): void;
};

const IMPORTS = `
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { getSession, requireMfa, validateSession, type Session, type SessionOptions } from 'express-wallet-session';
declare module 'express-session' { interface SessionData { views: number } }
declare const secret: string;
declare const options: SessionOptions;
const app = express();
`;
const code = recipe('Beside express-session and Passport');

describe('The recipe for express-session and Passport', () => {
  it('compiles with their types, and with ours under the other name', () => {
    const use = `
app.get('/', (req) => {
  const views: number | undefined = req.session.views;
  const userId: string | undefined = req.walletSession?.userId;
  const user: Express.User | undefined = req.user;
});`;
    expect(typeErrorsIn(IMPORTS + code + use)).toEqual([]);
  });

  it('is needed: express-wallet-session/augment declares `req.session` a second time', () => {
    const augmented = `import 'express-wallet-session/augment';\n${IMPORTS}
app.get('/', (req) => { const userId: string | undefined = req.session.userId; });`;
    expect(typeErrorsIn(augmented)).not.toEqual([]);
  });
});

describe.each(expressVersions)('Beside express-session and Passport, on %s', (_version, create) => {
  const kit = useTestIssuer();

  beforeAll(() => {
    passport.serializeUser((user, done) => {
      done(null, user);
    });
    passport.deserializeUser((id, done) => {
      done(null, { name: id });
    });
  });

  /** The recipe, and routes that use all three. */
  function appOfRecipe(options: SessionOptions): Express {
    const app = create();
    const js = ts.transpile(code, { target: ts.ScriptTarget.ES2023 });
    const names = ['app', 'session', 'passport', 'validateSession', 'getSession', 'secret'];
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code of the documentation
    const mount = new Function(...names, 'options', js) as (...values: unknown[]) => void;
    mount(app, session, passport, validateSession, getSession, 'a secret', options);
    app.post('/sign-in', (req, res, next) => {
      (req as Request & { login(user: string, done: (error?: unknown) => void): void }).login(
        'ada',
        (error) => {
          if (error === undefined || error === null) res.json('signed in');
          else next(error);
        },
      );
    });
    app.get('/all', (req, res) => {
      const theirs = req as Request & { session: { views?: number }; user?: unknown };
      theirs.session.views = (theirs.session.views ?? 0) + 1;
      res.json([theirs.session.views, theirs.user, getSession(req).userId]);
    });
    return app.use(showError);
  }

  it('keeps their sessions over requests, and ours by the access token', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const agent = request.agent(appOfRecipe(kit.options()));
    const bearer = { authorization: `Bearer ${accessToken}` };
    expect(answerOf(await agent.get('/all').set(bearer))).toEqual([200, [1, null, 'alice']]);
    expect(answerOf(await agent.post('/sign-in').set(bearer))).toEqual([200, 'signed in']);
    for (const views of [1, 2]) {
      const answer = answerOf(await agent.get('/all').set(bearer));
      expect(answer).toEqual([200, [views, { name: 'ada' }, 'alice']]);
    }
    expect((await agent.get('/all')).status).toBe(401);
  });

  it('works in the other order too, and fails at once under the usual name', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const bearer = { authorization: `Bearer ${accessToken}` };
    const theirs = session({ secret: 'a secret', resave: false, saveUninitialized: true });
    const ours = validateSession(createSessions(kit.options({ property: 'walletSession' })));
    const app = create().use(ours, theirs);
    app.get('/', (req, res) => {
      const both = req as Request & { session?: { cookie?: unknown }; walletSession?: Session };
      res.json([both.session?.cookie !== undefined, both.walletSession?.userId]);
    });
    expect(answerOf(await request(app).get('/').set(bearer))).toEqual([200, [true, 'alice']]);

    const taken = express().use(theirs, validateSession(kit.options())).use(showError);
    expect(answerOf(await request(taken).get('/').set(bearer))).toEqual([
      500,
      {
        name: 'ConfigurationError',
        message: expect.stringMatching(
          /found req\.session taken by something else, such as express-session.*property: 'walletSession'/,
        ) as string,
      },
    ]);
  });
});
