/**
 * An app with a back-channel logout endpoint and an MFA route, and requests to it.
 */
import express from 'express';
import {
  backchannelLogout,
  createSessions,
  getSession,
  requireMfa,
  validateSession,
  type SessionOptions,
} from 'express-wallet-session';
import request, { type Response } from 'supertest';

export interface LogoutApp {
  readonly logOut: (logoutToken: string) => Promise<Response>;
  /** `/me`, `/verify`, which starts an MFA session, or `/transfer`, which asks for one. */
  readonly get: (path: '/me' | '/verify' | '/transfer', accessToken: string) => Promise<Response>;
}

export function createLogoutApp(
  options: SessionOptions,
  audience: string | readonly string[] = 'test-client',
): LogoutApp {
  const sessions = createSessions(options);
  const app = express();
  app.post('/logout', backchannelLogout(sessions, { audience }));
  app.use(validateSession(sessions));
  app.get('/me', (_req, res) => {
    res.end();
  });
  app.get('/verify', async (req, res) => {
    await getSession(req).mfa.start({ method: 'totp' });
    res.end();
  });
  app.get('/transfer', requireMfa(), (_req, res) => {
    res.end();
  });
  return {
    logOut: (token) => request(app).post('/logout').type('form').send({ logout_token: token }),
    get: (path, token) => request(app).get(path).auth(token, { type: 'bearer' }),
  };
}

export function expectDone(response: Response): void {
  expect([response.status, response.text, response.get('Cache-Control')]).toEqual([
    200,
    '',
    'no-store',
  ]);
}

export function expectRefused(
  response: Response,
  detail = 'The logout token is not valid here.',
): void {
  expect([response.status, response.get('Cache-Control'), response.body as unknown]).toEqual([
    400,
    'no-store',
    {
      type: 'urn:express-wallet-session:invalid_request',
      title: 'Invalid request',
      status: 400,
      detail,
      errorType: 'invalid_request',
      action: 'fix_request',
      correlationId: expect.any(String) as string,
    },
  ]);
}
