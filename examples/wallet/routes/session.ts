/**
 * The user's session: its state, and its end.
 */
import { Router } from 'express';
import { getSession } from 'express-wallet-session';
import { accountIdOf } from '../account-id.js';
import type { Factors } from '../factors/factors.js';
import { decimal } from '../money/amount.js';
import { APPROVAL_ABOVE_CENTS } from '../money/transfer-order.js';
import { MFA_WINDOW_SECONDS, SENDING_MFA_SECONDS } from '../policy.js';

export function sessionRoutes(clock: () => number, factors: Factors): Router {
  const router = Router();

  router.get('/me', async (req, res) => {
    const session = getSession(req);
    res.json({
      userId: session.userId,
      email: session.claims.email,
      session,
      mfa: {
        current: (await session.mfa.current()) ?? null,
        factors: factors.list(accountIdOf(session)),
      },
      demands: {
        send: { maxAgeSeconds: SENDING_MFA_SECONDS },
        sign: { maxAgeSeconds: MFA_WINDOW_SECONDS },
        approve: { above: decimal(APPROVAL_ABOVE_CENTS) },
      },
      now: new Date(clock()),
    });
  });

  // The refresh token is the issuer's to end: POST /cdp/auth/sign-out.
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
