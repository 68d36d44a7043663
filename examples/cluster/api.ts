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

export function createApi(options: SessionOptions): Express {
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
  // A real API checks a factor here first; see the wallet example.
  app.post('/mfa/verify', async (req, res) => {
    const { expiresAt } = await getSession(req).mfa.start({ method: 'totp' });
    res.json({ mfaVerifiedUntil: expiresAt, answeredBy });
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
