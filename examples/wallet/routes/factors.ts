/**
 * Enrolling and removing factors, and verifying one for an MFA session.
 */
import { Router } from 'express';
import { getSession, requireMfa } from 'express-wallet-session';
import { accountIdOf } from '../account-id.js';
import { ApiProblem } from '../api-problem.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { Factors } from '../factors/factors.js';
import { SENDING_MFA_SECONDS } from '../policy.js';
import { siteOf } from './site.js';

export function factorRoutes(clock: () => number, factors: Factors, audit: AuditTrail): Router {
  const router = Router();
  // The first factor needs a session, and every further one the factor before it.
  const allowEnrolment = requireMfa({
    maxAgeSeconds: SENDING_MFA_SECONDS,
    whenNotEnrolled: 'allow',
  });

  router.post('/factors/totp', allowEnrolment, (req, res) => {
    const session = getSession(req);
    res.status(201).json(factors.totp.begin(accountIdOf(session), String(session.claims.email)));
  });

  router.post('/factors/totp/confirm', allowEnrolment, async (req, res) => {
    const session = getSession(req);
    const accountId = accountIdOf(session);
    await factors.wrongCodes.count(accountId);
    factors.totp.confirm(accountId, codeOf(req.body));
    await factors.wrongCodes.forget(accountId);
    audit.enter(session, { type: 'wallet.factor_added', at: clock(), kind: 'totp' });
    // Earlier verifications are void, in each tab and on each device.
    await session.mfa.endEverywhere();
    res.json(await session.mfa.start({ method: 'totp' }));
  });

  router.post('/factors/passkey/options', allowEnrolment, async (req, res) => {
    const session = getSession(req);
    const accountId = accountIdOf(session);
    const email = String(session.claims.email);
    res.json(await factors.passkeys.registrationOptions(accountId, email, siteOf(req)));
  });

  router.post('/factors/passkey', allowEnrolment, async (req, res) => {
    const session = getSession(req);
    await factors.passkeys.register(accountIdOf(session), req.body, siteOf(req));
    audit.enter(session, { type: 'wallet.factor_added', at: clock(), kind: 'passkey' });
    await session.mfa.endEverywhere();
    res.status(201).json(await session.mfa.start({ method: 'hwk' }));
  });

  router.delete(
    '/factors/:id',
    requireMfa({ maxAgeSeconds: SENDING_MFA_SECONDS }),
    async (req, res) => {
      const session = getSession(req);
      const kind = factors.remove(accountIdOf(session), req.params.id);
      audit.enter(session, { type: 'wallet.factor_removed', at: clock(), kind });
      await session.mfa.endEverywhere();
      res.status(204).end();
    },
  );

  router.post('/mfa/totp', async (req, res) => {
    const session = getSession(req);
    const accountId = accountIdOf(session);
    await factors.wrongCodes.count(accountId);
    res.json(await session.mfa.start(await factors.proveByTotp(accountId, codeOf(req.body))));
  });

  router.post('/mfa/passkey/options', async (req, res) => {
    const session = getSession(req);
    const accountId = accountIdOf(session);
    const { passkeys } = factors;
    res.json(await passkeys.newAuthenticationOptions(accountId, siteOf(req), session.tokenId));
  });

  router.post('/mfa/passkey', async (req, res) => {
    const session = getSession(req);
    const accountId = accountIdOf(session);
    await factors.wrongCodes.count(accountId);
    const challenge = factors.passkeys.spendChallenge(session.tokenId);
    const proof = await factors.proveByPasskey(accountId, req.body, siteOf(req), challenge);
    if (proof === false) {
      throw new ApiProblem(422, 'mfa_invalid_code', 'This passkey was not accepted. Try again.');
    }
    res.json(await session.mfa.start(proof));
  });
  return router;
}

function codeOf(body: unknown): unknown {
  return (body as { code?: unknown } | undefined)?.code;
}
