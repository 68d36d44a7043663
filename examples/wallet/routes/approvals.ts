/**
 * Approving one exact request, with a factor. Each challenge has one attempt; the account's limit
 * is counted before it, so a locked account does not spend challenges.
 */
import { Router } from 'express';
import { getSession, SessionError, type MfaProof } from 'express-wallet-session';
import { accountIdOf } from '../account-id.js';
import { ApiProblem } from '../api-problem.js';
import type { ApprovalInbox } from '../approval-inbox.js';
import type { Factors } from '../factors/factors.js';
import { siteOf } from './site.js';

export function approvalRoutes(inbox: ApprovalInbox, factors: Factors): Router {
  const router = Router();

  router.get('/approvals', (req, res) => {
    res.json(inbox.list(getSession(req)));
  });

  router.post('/approvals/:id/totp', async (req, res) => {
    const session = getSession(req);
    const accountId = accountIdOf(session);
    const { id } = req.params;
    await factors.wrongCodes.count(accountId);
    const { code } = (req.body ?? {}) as { code?: unknown };
    const approval = await inbox.settle(session, id, () =>
      session.mfa.approve(id, () => factors.proveByTotp(accountId, code).catch(noProof)),
    );
    res.json(approval);
  });

  router.post('/approvals/:id/passkey/options', async (req, res) => {
    const session = getSession(req);
    const { id } = req.params;
    inbox.expectSame(session, id);
    const challenge = await session.mfa.challenge(id);
    if (challenge === undefined) throw new SessionError('mfa_flow_expired');
    const { webAuthn } = challenge;
    const site = siteOf(req);
    res.json(
      await factors.passkeys.authenticationOptions(accountIdOf(session), site, webAuthn.challenge),
    );
  });

  router.post('/approvals/:id/passkey', async (req, res) => {
    const session = getSession(req);
    const accountId = accountIdOf(session);
    const { id } = req.params;
    await factors.wrongCodes.count(accountId);
    const approval = await inbox.settle(session, id, () =>
      session.mfa.approve(id, ({ webAuthn }) =>
        factors.proveByPasskey(accountId, req.body, siteOf(req), webAuthn.expectedChallenge),
      ),
    );
    res.json(approval);
  });

  router.delete('/approvals/:id', async (req, res) => {
    await inbox.deny(getSession(req), req.params.id);
    res.status(204).end();
  });
  return router;
}

/** A code that is no good is for the library to answer: it says that the challenge is void. */
function noProof(error: unknown): false | MfaProof {
  if (error instanceof ApiProblem && error.errorType === 'mfa_invalid_code') return false;
  throw error;
}
