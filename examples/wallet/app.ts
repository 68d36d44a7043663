/**
 * The wallet's API: whose session it is, and whether MFA was verified recently enough, is the
 * library's to say; balance, signatures and TOTP codes are the wallet's own.
 */
import express, { Router, type Express } from 'express';
import { getSession, problemHandler, requireMfa, validateSession } from 'express-wallet-session';
import type { TestIssuer } from 'express-wallet-session/testing';
import { apiProblemHandler } from './api-problem.js';
import type { MovableClock } from './clock.js';
import { demo } from './demo.js';
import { Ledger } from './ledger.js';
import { Signer } from './signer.js';
import { TotpFactors } from './totp-factors.js';
import { walletPage } from './wallet-page.js';

/** How long one verification serves at most; sending money wants a later one. */
const MFA_WINDOW_SECONDS = 1800;
const SENDING_MFA_SECONDS = 300;

export interface WalletAppOptions {
  /** Signs users in and issues their tokens, as CDP does for a real wallet. */
  readonly issuer: TestIssuer;
  /** The issuer's clock too. */
  readonly clock: MovableClock;
}

export function createWalletApp({ issuer, clock }: WalletAppOptions): Express {
  const factors = new TotpFactors(clock);

  const app = express();
  app.disable('x-powered-by');
  app.use(walletPage());
  app.use(issuer.router());
  app.use(
    validateSession({
      authentication: issuer.authentication,
      mfa: {
        windowSeconds: MFA_WINDOW_SECONDS,
        isEnrolled: (session) => factors.isEnrolled(session.userId),
      },
      clock,
    }),
  );
  app.use(express.json({ limit: '8kb' }), (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });
  app.use(session(clock, factors), wallet(clock), mfa(factors));
  app.use('/demo', demo(clock, factors));
  app.use(problemHandler(), apiProblemHandler);
  return app;
}

/** Whose session it is, what is known of it, and its end. */
function session(clock: () => number, factors: TotpFactors): Router {
  const router = Router();

  router.get('/me', async (req, res) => {
    const session = getSession(req);
    const current = await session.mfa.current();
    res.json({
      userId: session.userId,
      email: session.claims.email,
      session,
      mfa: { enrolled: factors.isEnrolled(session.userId), current: current ?? null },
      now: new Date(clock()),
    });
  });

  // The refresh token is the issuer's to end: POST /auth/sign-out.
  router.post('/sign-out', async (req, res) => {
    await getSession(req).signOut();
    res.status(204).end();
  });

  router.post('/sign-out-everywhere', async (req, res) => {
    await getSession(req).signOutEverywhere();
    res.status(204).end();
  });
  return router;
}

/** The wallet itself, with two protected operations. */
function wallet(clock: () => number): Router {
  const ledger = new Ledger(clock);
  const signer = new Signer();
  const router = Router();

  router.get('/transfers', (req, res) => {
    const { userId } = getSession(req);
    res.json({ address: signer.address(userId), ...ledger.account(userId) });
  });

  router.post('/transfers', requireMfa({ maxAgeSeconds: SENDING_MFA_SECONDS }), (req, res) => {
    res.status(201).json(ledger.send(getSession(req).userId, req.body));
  });

  router.post('/signatures', requireMfa(), (req, res) => {
    const { message } = (req.body ?? {}) as { message?: unknown };
    res.status(201).json(signer.sign(getSession(req).userId, message));
  });
  return router;
}

/** Enrolling an authenticator app, and verifying its codes. */
function mfa(factors: TotpFactors): Router {
  const router = Router();
  // The first phone needs a session, and every further one the phone before it.
  const allowEnrolment = requireMfa({
    maxAgeSeconds: SENDING_MFA_SECONDS,
    whenNotEnrolled: 'allow',
  });

  router.post('/mfa/totp', allowEnrolment, (req, res) => {
    const { userId, claims } = getSession(req);
    res.status(201).json(factors.begin(userId, String(claims.email)));
  });

  router.post('/mfa/totp/confirm', allowEnrolment, async (req, res) => {
    const session = getSession(req);
    factors.confirm(session.userId, codeOf(req.body));
    // What the old phone had proved counts no longer, in no tab and on no device.
    await session.mfa.endEverywhere();
    res.json(await session.mfa.start({ method: 'totp' }));
  });

  router.post('/mfa/totp/verify', async (req, res) => {
    const session = getSession(req);
    factors.verify(session.userId, codeOf(req.body));
    res.json(await session.mfa.start({ method: 'totp' }));
  });
  return router;
}

function codeOf(body: unknown): unknown {
  return (body as { code?: unknown } | undefined)?.code;
}
