/**
 * DEMONSTRATION ONLY, and for this machine alone (`loopbackOnly`): time that passes, the phone with
 * the authenticator app (a server that tells its own codes has no second factor), the help desk that
 * resets factors, the auditor.
 */
import { Router } from 'express';
import { getSession, type Sessions } from 'express-wallet-session';
import { accountIdOf } from '../account-id.js';
import { ApiProblem } from '../api-problem.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { MovableClock } from '../clock.js';
import type { Factors } from '../factors/factors.js';
import { loopbackOnly } from '../loopback-only.js';

const MAX_SECONDS = 8 * 86_400;

const LINES = 40;

export interface DemoParts {
  readonly clock: MovableClock;
  readonly factors: Factors;
  readonly sessions: Sessions;
  readonly audit: AuditTrail;
}

export function demoRoutes({ clock, factors, sessions, audit }: DemoParts): Router {
  const router = Router();
  router.use(loopbackOnly);

  router.post('/clock', (req, res) => {
    const { seconds } = (req.body ?? {}) as { seconds?: unknown };
    if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= MAX_SECONDS)) {
      throw new ApiProblem(422, 'invalid_time', `\`seconds\` goes from 0 to ${MAX_SECONDS}.`);
    }
    clock.advance(seconds);
    factors.wrongCodes.timePassed(seconds);
    res.json({ now: new Date(clock()) });
  });

  router.get('/phone', (req, res) => {
    const shown = factors.totp.onThePhone(accountIdOf(getSession(req)));
    if (shown === undefined) {
      throw new ApiProblem(404, 'mfa_not_enrolled', 'There is no authenticator app on this phone.');
    }
    res.json(shown);
  });

  // As a help desk does for a user who has lost the phone; it has no session of the user.
  router.post('/reset-factors', async (req, res) => {
    const session = getSession(req);
    factors.removeAll(accountIdOf(session));
    audit.enter(session, { type: 'wallet.factors_reset', at: clock() });
    await sessions.endMfa({ userId: session.userId, issuer: session.issuer });
    res.status(204).end();
  });

  // An auditor's view; a user of a real wallet has no business here.
  router.get('/audit', (req, res) => {
    res.json({ head: audit.head ?? null, lines: audit.recentOf(getSession(req), LINES) });
  });

  router.post('/audit/verify', async (_req, res) => {
    res.json(await audit.verify());
  });
  return router;
}
