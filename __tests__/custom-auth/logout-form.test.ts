/**
 * How the back-channel logout endpoint reads a request: the form that a provider posts, whatever
 * has read it before, and what is no such form.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import express from 'express';
import express4 from 'express4';
import {
  backchannelLogout,
  createSessions,
  sendProblem,
  validateSession,
  type SessionError,
} from 'express-wallet-session';
import { createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';
import { decodeJwt } from 'jose';
import request, { type Response } from 'supertest';
import { expectDone, expectRefused } from '../support/oidc-logout.js';

const NO_FORM = 'Send one logout_token by POST, as application/x-www-form-urlencoded.';

let issuer: TestIssuer;

beforeEach(async () => {
  issuer = await createTestIssuer({ authentication: 'custom' });
});

describe.each([
  ['4', express4 as unknown as typeof express],
  ['5', express],
])('The form, with Express %s', (_version, framework) => {
  type App = ReturnType<typeof express>;
  type Setup = (app: App) => void;

  function appAfter(setup: Setup = () => undefined): App {
    const sessions = createSessions({ authentication: issuer.authentication });
    const app = framework();
    setup(app);
    app.all('/logout', backchannelLogout(sessions, { audience: issuer.clientId }));
    app.use(validateSession(sessions));
    app.get('/me', (_req, res) => {
      res.end();
    });
    return app;
  }

  async function expectSignOut(
    app: App,
    send: (token: string) => Promise<Response>,
  ): Promise<void> {
    const { accessToken } = await issuer.signIn('alice');
    const me = (): Promise<Response> =>
      request(app).get('/me').auth(accessToken, { type: 'bearer' });
    expect((await me()).status).toBe(200);
    expectDone(await send(await issuer.logoutToken({ sid: decodeJwt(accessToken).sid })));
    expect((await me()).body).toMatchObject({ errorType: 'session_revoked' });
  }

  it.each<[string, Setup]>([
    ['without a parser before', () => undefined],
    [
      'after express.urlencoded({ extended: false })',
      (app) => app.use(framework.urlencoded({ extended: false })),
    ],
    [
      'after express.urlencoded({ extended: true })',
      (app) => app.use(framework.urlencoded({ extended: true })),
    ],
    ['after express.json(), which leaves it alone', (app) => app.use(framework.json())],
    ['after express.text()', (app) => app.use(framework.text({ type: '*/*' }))],
    ['after express.raw()', (app) => app.use(framework.raw({ type: '*/*' }))],
  ])('is read %s', async (_what, setup) => {
    const app = appAfter(setup);

    await expectSignOut(app, (token) =>
      request(app).post('/logout').type('form').send({ logout_token: token }),
    );
  });

  it('is taken from `req.body` where the platform has parsed it and there is nothing to read', async () => {
    let parsed: object = {};
    const app = appAfter((before) =>
      before.use((req, _res, next) => {
        req.body = parsed;
        next();
      }),
    );

    await expectSignOut(app, (token) => {
      parsed = { logout_token: token };
      return request(app).post('/logout').type('form').send('');
    });
  });

  it('may say its charset and carry other fields', async () => {
    const app = appAfter();

    await expectSignOut(app, (token) =>
      request(app)
        .post('/logout')
        .set('Content-Type', 'Application/X-WWW-Form-URLEncoded; charset=UTF-8')
        .send(`state=1&logout_token=${token}&more=2`),
    );
  });

  const FORM = 'application/x-www-form-urlencoded';

  it.each<[string, string, (token: string) => string]>([
    ['JSON', 'application/json', (token) => JSON.stringify({ logout_token: token })],
    ['text', 'text/plain', (token) => `logout_token=${token}`],
    ['a form without the field', FORM, (token) => `token=${token}`],
    ['a form with the field twice', FORM, (token) => `logout_token=${token}&logout_token=${token}`],
    ['a form with a list', FORM, (token) => `logout_token[]=${token}`],
    ['an empty form', FORM, () => ''],
  ])('is not taken from %s, and nothing ends', async (_what, type, bodyOf) => {
    const { accessToken } = await issuer.signIn('alice');
    const token = await issuer.logoutToken({ sub: 'alice' });
    const parsers: Setup[] = [
      () => undefined,
      (app) => app.use(framework.json(), framework.urlencoded({ extended: true })),
    ];
    for (const app of parsers.map(appAfter)) {
      const response = await request(app)
        .post('/logout')
        .set('Content-Type', type)
        .send(bodyOf(token));

      expectRefused(response, NO_FORM);
      const me = await request(app).get('/me').auth(accessToken, { type: 'bearer' });
      expect(me.status).toBe(200);
    }
  });

  it.each(['get', 'put', 'delete'] as const)('is not taken from a %s', async (method) => {
    const token = await issuer.logoutToken({ sub: 'alice' });
    const app = appAfter();
    const response = await request(app)
      [method](`/logout?logout_token=${token}`)
      .type('form')
      .send(`logout_token=${token}`);

    expectRefused(response, NO_FORM);
  });

  it('is not taken where it is longer than 16 KiB, and the answer comes all the same', async () => {
    const { accessToken } = await issuer.signIn('alice');
    const token = await issuer.logoutToken({ sub: 'alice' });
    const app = appAfter();

    for (const length of [16_384, 1_000_000]) {
      const form = `logout_token=${token}&x=${'x'.repeat(length)}`;
      expectRefused(await request(app).post('/logout').type('form').send(form), NO_FORM);
    }

    const me = await request(app).get('/me').auth(accessToken, { type: 'bearer' });
    expect(me.status).toBe(200);
  });
});

it('A client that hangs up halfway is refused, and harms nobody', async () => {
  let tell: (error: SessionError) => void;
  const refused = new Promise<SessionError>((resolve) => {
    tell = resolve;
  });
  const sessions = createSessions({
    authentication: issuer.authentication,
    onError(error, req, res) {
      tell(error);
      sendProblem(error, req, res);
    },
  });
  const app = express().post('/logout', backchannelLogout(sessions, { audience: 'test-client' }));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(
    'POST /logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n' +
      'Content-Type: application/x-www-form-urlencoded\r\n\r\nlogout_token=ey',
  );
  await once(server, 'request');
  socket.destroy();

  expect(await refused).toMatchObject({ errorType: 'invalid_request', status: 400 });

  const token = await issuer.logoutToken({ sub: 'alice' });
  expectDone(await request(server).post('/logout').type('form').send({ logout_token: token }));
  server.close();
});
