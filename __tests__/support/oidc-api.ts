/**
 * An API behind `validateSession()` on a free loopback port, as a team with a provider of its own
 * would build it, and requests to it.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import {
  backchannelLogout,
  getSession,
  problemHandler,
  requireMfa,
  validateSession,
  type Sessions,
} from 'express-wallet-session';
import request, { type Response } from 'supertest';

export const CLIENT_ID = 'web';

export interface Api {
  readonly logoutUri: string;
  get(path: string, accessToken: string): Promise<Response>;
  post(path: string, accessToken: string, body?: object): Promise<Response>;
  /** Sends a logout token, as the provider does. */
  logOut(logoutToken: string): Promise<Response>;
  close(): Promise<void>;
}

export async function startApi(sessions: Sessions, audience = [CLIENT_ID, 'mobile']): Promise<Api> {
  const app = express();
  app.post('/backchannel-logout', backchannelLogout(sessions, { audience }));
  app.use(validateSession(sessions), express.json());
  app.get('/me', (req, res) => {
    res.json(getSession(req));
  });
  app.get('/mfa', async (req, res) => {
    res.json((await getSession(req).mfa.current()) ?? null);
  });
  app.post('/mfa', async (req, res) => {
    res.status(201).json(await getSession(req).mfa.start(req.body as { method: string }));
  });
  app.post('/sign-out', async (req, res) => {
    await getSession(req).signOut();
    res.status(204).end();
  });
  app.post('/sign-out-everywhere', async (req, res) => {
    await getSession(req).signOutEverywhere();
    res.status(204).end();
  });
  app.post('/transfers', requireMfa(), (_req, res) => {
    res.status(201).end();
  });
  app.post('/recent-transfers', requireMfa({ maxAgeSeconds: 60 }), (_req, res) => {
    res.status(201).end();
  });
  app.post('/exports', requireMfa({ acr: ['urn:example:mfa'] }), (_req, res) => {
    res.status(201).end();
  });
  app.use(problemHandler());

  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    logoutUri: `${url}/backchannel-logout`,
    get: (path, token) => request(url).get(path).auth(token, { type: 'bearer' }),
    post: (path, token, body) => request(url).post(path).auth(token, { type: 'bearer' }).send(body),
    logOut: (token) =>
      request(url).post('/backchannel-logout').type('form').send({ logout_token: token }),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The whole of an answer that refuses a request. */
export function expectProblem(
  response: Response,
  expected: {
    readonly status: number;
    readonly errorType: string;
    readonly action: string;
    readonly challenge: string;
    readonly maxAgeSeconds?: number;
    readonly acrValues?: readonly string[];
  },
): void {
  const { challenge, ...body } = expected;
  expect({
    status: response.status,
    type: response.type,
    cacheControl: response.get('Cache-Control'),
    challenge: response.get('WWW-Authenticate'),
    body: response.body as unknown,
  }).toEqual({
    status: expected.status,
    type: 'application/problem+json',
    cacheControl: 'no-store',
    challenge,
    body: {
      type: `urn:express-wallet-session:${expected.errorType}`,
      title: expect.any(String) as string,
      detail: expect.any(String) as string,
      correlationId: expect.any(String) as string,
      ...body,
    },
  });
}

export function expectRevoked(response: Response): void {
  expectProblem(response, {
    status: 401,
    errorType: 'session_revoked',
    action: 'sign_in',
    challenge: 'Bearer error="invalid_token"',
  });
}
