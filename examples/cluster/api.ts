/**
 * The API that every process runs. Which process answered is in each answer.
 */
import process from 'node:process';
import express, { type Express } from 'express';
import {
  createSessions,
  getSession,
  problemHandler,
  requireMfa,
  validateSession,
  type SessionOptions,
} from 'express-wallet-session';
import type { TotpCheck } from './totp.js';

export function createApi(options: SessionOptions, totp: TotpCheck): Express {
  const sessions = createSessions(options);
  const answeredBy = process.pid;
  const app = express();
  app.use((_req, res, next) => {
    res.set('Answered-By', String(answeredBy));
    next();
  });

  // A load balancer asks here whether this process can take requests.
  app.get('/ready', (_req, res, next) => {
    sessions.ready().then(() => {
      res.json({ ready: true, answeredBy });
    }, next);
  });

  app.use(validateSession(sessions));
  app.get('/me', (req, res) => {
    res.json({ userId: getSession(req).userId, answeredBy });
  });
  app.post('/mfa/verify', express.json(), async (req, res) => {
    const session = getSession(req);
    const { code } = (req.body ?? {}) as { code?: unknown };
    const outcome = await totp.verify(session.userId, code);
    if (outcome === 'verified') {
      const { expiresAt } = await session.mfa.start({ method: 'totp' });
      res.json({ mfaVerifiedUntil: expiresAt, answeredBy });
    } else if (outcome === 'locked') {
      res.status(429).json({ errorType: 'rate_limit_exceeded', answeredBy });
    } else {
      res.status(422).json({ errorType: 'mfa_invalid_code', answeredBy });
    }
  });
  app.post('/transfers', requireMfa(), (_req, res) => {
    res.status(201).json({ transferred: true, answeredBy });
  });
  app.post('/sign-out', async (req, res) => {
    await getSession(req).signOut();
    res.json({ signedOut: true, answeredBy });
  });
  app.use(problemHandler());
  return app;
}
