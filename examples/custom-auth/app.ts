/**
 * The wallet's API. The provider signs users in, says how they were authenticated and tells of
 * sign-outs; the library answers whose session it is, and whether that is good enough.
 */
import { join } from 'node:path';
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

export interface ApiOptions {
  /** The provider, and where its keys are. */
  readonly issuer: string;
  readonly jwksUri: string;
  /** What the provider calls this API, in `aud`. */
  readonly audience: string;
  /** What the provider calls the wallet's page, in the `aud` of its logout tokens. */
  readonly clientId: string;
}

const MFA_ACR = 'urn:example:mfa';

export function createApi({ issuer, jwksUri, audience, clientId }: ApiOptions): Express {
  const sessions = createSessions({
    authentication: customAuthentication({ issuer, jwksUri, audience, typ: 'at+jwt' }),
    mfa: { evidence: acrEvidence({ acr: [MFA_ACR] }) },
  });

  const app = express();
  app.use(express.static(join(import.meta.dirname, 'public')));
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

  app.use(problemHandler());
  return app;
}
