/**
 * DEMONSTRATION ONLY: what a visitor cannot bring along. The time that passes, and the phone with
 * the authenticator app: a server that tells its own codes has no second factor.
 */
import { Router } from 'express';
import { getSession } from 'express-wallet-session';
import { ApiProblem } from './api-problem.js';
import type { MovableClock } from './clock.js';
import type { TotpFactors } from './totp-factors.js';

const MAX_SECONDS = 8 * 86_400;

export function demo(clock: MovableClock, factors: TotpFactors): Router {
  const router = Router();

  router.post('/clock', (req, res) => {
    const { seconds } = (req.body ?? {}) as { seconds?: unknown };
    if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= MAX_SECONDS)) {
      throw new ApiProblem(422, 'invalid_time', `\`seconds\` goes from 0 to ${MAX_SECONDS}.`);
    }
    clock.advance(seconds);
    res.json({ now: new Date(clock()) });
  });

  router.get('/phone', (req, res) => {
    const shown = factors.onThePhone(getSession(req).userId);
    if (shown === undefined) {
      throw new ApiProblem(404, 'mfa_not_enrolled', 'There is no authenticator app on this phone.');
    }
    res.json(shown);
  });
  return router;
}
