/**
 * The wallet's API. Whose session it is, whether MFA was verified recently enough, and whether this
 * very request was approved, is the library's to say; money, keys and factors are the wallet's own.
 */
import express, { type Express } from 'express';
import {
  createSessions,
  problemHandler,
  sendProblem,
  validateSession,
} from 'express-wallet-session';
import { accountIdOf } from './account-id.js';
import { apiProblemHandler } from './api-problem.js';
import { ApprovalInbox } from './approval-inbox.js';
import type { AuditTrail } from './audit/audit-trail.js';
import type { MovableClock } from './clock.js';
import { Factors } from './factors/factors.js';
import type { WalletIssuers } from './issuers.js';
import { loopbackOnly } from './loopback-only.js';
import { CHALLENGE_SECONDS, MFA_WINDOW_SECONDS } from './policy.js';
import { approvalRoutes } from './routes/approvals.js';
import { demoRoutes } from './routes/demo.js';
import { factorRoutes } from './routes/factors.js';
import { moneyRoutes } from './routes/money.js';
import { sessionRoutes } from './routes/session.js';
import { walletPage } from './wallet-page.js';

export interface WalletAppOptions {
  /** They sign users in and issue their tokens, as CDP or an identity provider does. */
  readonly issuers: WalletIssuers;
  /** The issuers' clock too. */
  readonly clock: MovableClock;
  readonly audit: AuditTrail;
}

export function createWalletApp({ issuers, clock, audit }: WalletAppOptions): Express {
  const factors = new Factors(clock);
  const inbox = new ApprovalInbox(clock);
  const sessions = createSessions({
    authentication: [issuers.cdp.authentication, issuers.custom.authentication],
    mfa: {
      windowSeconds: MFA_WINDOW_SECONDS,
      challengeSeconds: CHALLENGE_SECONDS,
      isEnrolled: (session) => factors.isEnrolled(accountIdOf(session)),
    },
    onError: (error, req, res) => {
      inbox.note(error, req);
      sendProblem(error, req, res);
    },
    clock,
  });

  const app = express();
  app.disable('x-powered-by');
  app.use(loopbackOnly, walletPage());
  for (const [name, issuer] of Object.entries(issuers) as [string, WalletIssuers['cdp']][]) {
    // The refresh token's cookie is bound to the path: a second device in the same browser has its
    // own.
    app.use(`/${name}`, issuer.router());
    app.use(`/second-device/${name}`, issuer.router());
  }
  app.use(validateSession(sessions));
  app.use(express.json({ limit: '8kb' }), (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });
  app.use(
    sessionRoutes(clock, factors),
    moneyRoutes(clock, inbox, audit),
    approvalRoutes(inbox, factors),
    factorRoutes(clock, factors, audit),
  );
  app.use('/demo', demoRoutes({ clock, factors, sessions, audit }));
  app.use(problemHandler(), apiProblemHandler);
  return app;
}
