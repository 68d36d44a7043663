/**
 * The form in the request of a back-channel logout: behind any body parser, and requests without a
 * valid form.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { Express } from 'express';
import { sendProblem, type SessionError } from 'express-wallet-session';
import { decodeJwt } from 'jose';
import request, { type Response } from 'supertest';
import { expectProblem } from '../support/expect-problem.js';
import { expectLoggedOut, expectLogoutRefused, logOut, logoutAudience } from '../support/logout.js';
import { listen } from '../support/listen.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions } from '../support/wallet-api.js';
import { WalletClient } from '../support/wallet-client.js';

const PATH = '/backchannel-logout';
const NO_FORM = 'Send one logout_token by POST, as application/x-www-form-urlencoded.';

const kit = useTestIssuer({ authentication: 'custom' });

describe.each(expressVersions)('The form of a logout token, on %s', (_version, express) => {
  type Setup = (app: Express) => unknown;

  function appAfter(before: Setup = () => undefined): Express {
    return kit.api({}, { express, before, logoutAudience: kit.issuer.clientId });
  }

  async function expectSignOut(
    app: Express,
    send: (token: string) => Promise<Response>,
  ): Promise<void> {
    const { accessToken } = await kit.issuer.signIn('alice');
    const alice = new WalletClient(app, accessToken);
    expect((await alice.me()).status).toBe(200);
    expectLoggedOut(await send(await kit.issuer.logoutToken({ sid: decodeJwt(accessToken).sid })));
    expectProblem(await alice.me(), 'session_revoked');
  }

  it.each<[string, Setup]>([
    ['without a parser before', () => undefined],
    [
      'after express.urlencoded({ extended: false })',
      (app) => app.use(express.urlencoded({ extended: false })),
    ],
    [
      'after express.urlencoded({ extended: true })',
      (app) => app.use(express.urlencoded({ extended: true })),
    ],
    ['after express.json(), which leaves it alone', (app) => app.use(express.json())],
    ['after express.text()', (app) => app.use(express.text({ type: '*/*' }))],
    ['after express.raw()', (app) => app.use(express.raw({ type: '*/*' }))],
  ])('is read %s', async (_what, setup) => {
    const app = appAfter(setup);

    await expectSignOut(app, (token) => logOut(app, token));
  });

  it('is taken from `req.body` if the platform has consumed the stream', async () => {
    let parsed: object = {};
    const app = appAfter((before) =>
      before.use((req, _res, next) => {
        req.body = parsed;
        next();
      }),
    );

    await expectSignOut(app, (token) => {
      parsed = { logout_token: token };
      return request(app).post(PATH).type('form').send('');
    });
  });

  it('may name a charset and carry other fields', async () => {
    const app = appAfter();

    await expectSignOut(app, (token) =>
      request(app)
        .post(PATH)
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
  ])('is not read from %s, and no session ends', async (_what, type, bodyOf) => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const token = await kit.issuer.logoutToken({ sub: 'alice' });
    const parsers: Setup[] = [
      () => undefined,
      (app) => app.use(express.json(), express.urlencoded({ extended: true })),
    ];
    for (const app of parsers.map(appAfter)) {
      const response = await request(app).post(PATH).set('Content-Type', type).send(bodyOf(token));

      expectLogoutRefused(response, NO_FORM);
      expect((await new WalletClient(app, accessToken).me()).status).toBe(200);
    }
  });

  it.each(['get', 'put', 'delete', 'patch', 'options'] as const)(
    'is not taken from a %s, which goes to the next handler',
    async (method) => {
      const { accessToken } = await kit.issuer.signIn('alice');
      const token = await kit.issuer.logoutToken({ sub: 'alice' });
      const app = appAfter();
      const response = await request(app)
        [method](`${PATH}?logout_token=${token}`)
        .type('form')
        .send(`logout_token=${token}`);

      expectProblem(response, 'token_missing');
      expect((await new WalletClient(app, accessToken).me()).status).toBe(200);
    },
  );

  it('is refused if it is longer than 16 KiB', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const token = await kit.issuer.logoutToken({ sub: 'alice' });
    const app = appAfter();

    for (const length of [16_384, 1_000_000]) {
      const form = `logout_token=${token}&x=${'x'.repeat(length)}`;
      expectLogoutRefused(await request(app).post(PATH).type('form').send(form), NO_FORM);
    }

    expect((await new WalletClient(app, accessToken).me()).status).toBe(200);
  });
});

it('A logout request that breaks off halfway is refused, and the next one is answered', async () => {
  let tell: (error: SessionError) => void;
  const refused = new Promise<SessionError>((resolve) => {
    tell = resolve;
  });
  const sessions = kit.sessions({
    onError(error, req, res) {
      tell(error);
      sendProblem(error, req, res);
    },
  });
  const server = createServer(kit.api(sessions, { logoutAudience }));
  const api = await listen(server);
  const socket = connect(api.port, '127.0.0.1');
  socket.write(
    `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n` +
      'Content-Type: application/x-www-form-urlencoded\r\n\r\nlogout_token=ey',
  );
  await once(server, 'request');
  socket.destroy();

  expect(await refused).toMatchObject({ errorType: 'invalid_request', status: 400 });

  const token = await kit.issuer.logoutToken({ sub: 'alice' });
  expectLoggedOut(await logOut(api.url, token));
  await api.close();
});
