/**
 * The users: sign-in, tokens, and the authenticator app as the second factor. The issuer and
 * the factors are those of the wallet example.
 */
import express, { Router } from 'express';
import {
  getSession,
  requireMfa,
  validateSession,
  type Authentication,
  type Session,
  type Sessions,
} from 'express-wallet-session';
import { ApiProblem } from '../wallet/api-problem.js';
import type { MovableClock } from '../wallet/clock.js';
import { Factors } from '../wallet/factors/factors.js';
import { createWalletIssuers } from '../wallet/issuers.js';

export interface Identity {
  readonly authentication: Authentication;
  /** Left out if this process cannot know. */
  readonly isEnrolled?: ((session: Session) => boolean) | undefined;
  routes(sessions: Sessions): Router;
}

const MAX_SECONDS = 8 * 86_400;

/** @param clock with `advance()` it can be moved by `POST /demo/clock` */
export async function createIdentity(
  clock: (() => number) & Partial<MovableClock>,
): Promise<Identity & { readonly projectId: string }> {
  const { cdp: issuer } = await createWalletIssuers(clock);
  const factors = new Factors(clock);
  return {
    authentication: issuer.authentication,
    projectId: issuer.projectId,
    isEnrolled: ({ userId }) => factors.isEnrolled(userId),
    routes(sessions) {
      const router = Router();
      router.use(issuer.router());
      router.use(['/mfa', '/demo'], validateSession(sessions), express.json({ limit: '8kb' }));
      router.use('/mfa/totp', totp(factors));
      router.use('/demo', demo(factors, clock));
      return router;
    },
  };
}

/** Enrolling an authenticator app, and verifying its codes. */
function totp(factors: Factors): Router {
  const router = Router();
  // The first phone needs a session, and every further one the phone before it.
  const allowEnrolment = requireMfa({ maxAgeSeconds: 300, whenNotEnrolled: 'allow' });

  router.get('/', (req, res) => {
    res.json({ enrolled: factors.isEnrolled(getSession(req).userId) });
  });

  router.post('/', allowEnrolment, (req, res) => {
    const { userId, claims } = getSession(req);
    res.status(201).json(factors.totp.begin(userId, String(claims.email)));
  });

  router.post('/confirm', allowEnrolment, async (req, res) => {
    const session = getSession(req);
    await factors.wrongCodes.count(session.userId);
    factors.totp.confirm(session.userId, codeOf(req.body));
    await factors.wrongCodes.forget(session.userId);
    // Verifications with the old phone no longer count, in any tab or on any device.
    await session.mfa.endEverywhere();
    res.json(await session.mfa.start({ method: 'totp' }));
  });

  router.post('/verify', async (req, res) => {
    const session = getSession(req);
    await factors.wrongCodes.count(session.userId);
    const proof = await factors.proveByTotp(session.userId, codeOf(req.body));
    res.json(await session.mfa.start(proof));
  });
  return router;
}

/** DEMONSTRATION ONLY: the phone with the authenticator app, and time that passes. */
function demo(factors: Factors, clock: (() => number) & Partial<MovableClock>): Router {
  const router = Router();

  router.get('/phone', (req, res) => {
    const shown = factors.totp.onThePhone(getSession(req).userId);
    if (shown === undefined) {
      throw new ApiProblem(404, 'mfa_not_enrolled', 'There is no authenticator app on this phone.');
    }
    res.json(shown);
  });

  router.post('/clock', (req, res) => {
    const { seconds } = (req.body ?? {}) as { seconds?: unknown };
    if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= MAX_SECONDS)) {
      throw new ApiProblem(422, 'invalid_time', `\`seconds\` goes from 0 to ${MAX_SECONDS}.`);
    }
    if (clock.advance === undefined) {
      throw new ApiProblem(
        409,
        'fixed_time',
        'Two processes share real time, which runs by itself.',
      );
    }
    clock.advance(seconds);
    factors.wrongCodes.timePassed(seconds);
    res.json({ now: clock() });
  });
  return router;
}

function codeOf(body: unknown): unknown {
  return (body as { code?: unknown } | undefined)?.code;
}
