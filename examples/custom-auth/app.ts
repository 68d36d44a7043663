/**
 * The wallet's API. The provider signs users in, says how they were authenticated and tells of
 * sign-outs; the library answers whose session it is, and whether that is good enough.
 */
import express, { type Express } from 'express';
import {
  acrEvidence,
  backchannelLogout,
  createSessions,
  customAuthentication,
  getSession,
  problemHandler,
  requireMfa,
  validateSession,
} from 'express-wallet-session';
import { walletPage } from './page.js';

export interface ApiOptions {
  /** The provider. Its keys are found by discovery. */
  readonly issuer: string;
  /** The provider's name for this API, in `aud`. */
  readonly audience: string;
  /** The provider's name for the wallet's page, in the `aud` of its logout tokens. */
  readonly clientId: string;
  /** Lets the provider sign with a new key, which is for the demonstration alone. */
  readonly rotateKeys: () => Promise<void>;
}

const MFA_ACR = 'urn:example:mfa';

export function createApi({ issuer, audience, clientId, rotateKeys }: ApiOptions): Express {
  const sessions = createSessions({
    // `issuer` and `audience` are enough; the other two make it stricter.
    authentication: customAuthentication({ issuer, audience, typ: 'at+jwt', dpop: 'required' }),
    mfa: { evidence: acrEvidence({ acr: [MFA_ACR] }) },
  });

  const app = express();
  app.use(walletPage(issuer));
  app.get('/config.json', (_req, res) => {
    res.json({ issuer, clientId });
  });

  // The provider sends no access token, so this stands ahead of validateSession().
  app.post('/backchannel-logout', backchannelLogout(sessions, { audience: clientId }));
  app.use(validateSession(sessions));

  app.get('/me', async (req, res) => {
    const session = getSession(req);
    res.json({ session, mfa: (await session.mfa.current()) ?? null });
  });

  app.post('/transfers', requireMfa({ acr: [MFA_ACR], maxAgeSeconds: 300 }), (_req, res) => {
    res.status(201).json({ transfer: 'sent' });
  });

  app.post('/demo/rotate-keys', async (_req, res) => {
    await rotateKeys();
    res.status(204).end();
  });

  app.use(problemHandler());
  return app;
}
