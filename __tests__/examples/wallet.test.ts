/**
 * The API of the example wallet: the view that a client has of sessions and MFA, and the
 * authenticator app as a second factor.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Express } from 'express';
import { TOTP, URI } from 'otpauth';
import supertest, { type Response } from 'supertest';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import { createWalletApp } from '../../examples/wallet/app.js';
import { createWalletIssuer } from '../../examples/wallet/issuer.js';
import { expectProblem } from '../support/expect-problem.js';

const ORDER = { to: 'Grace', amount: '25.00' };

const anyString: unknown = expect.any(String);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

describe('The example wallet', () => {
  let clock: TestClock;
  let app: Express;
  let ada: Browser;

  beforeEach(async () => {
    clock = createTestClock();
    app = createWalletApp({ issuer: await createWalletIssuer(clock), clock });
    ada = await Browser.signIn(app, 'ada@example.com');
  });

  it('shows user, session and MFA', async () => {
    const response = await ada.tab.get('/me');
    const { userId } = response.body as { userId: string };
    expect([response.status, response.body]).toEqual([
      200,
      {
        userId,
        email: 'ada@example.com',
        session: {
          authentication: 'cdp',
          issuer: 'cdp-api',
          userId,
          tokenId: anyString,
          issuedAt: '2026-01-05T12:00:00.000Z',
          expiresAt: '2026-01-05T12:15:00.000Z',
          startedAt: '2026-01-05T12:00:00.000Z',
          endsAt: '2026-01-12T12:00:00.000Z',
          mfa: { scope: 'client' },
        },
        mfa: { enrolled: false, current: null },
        now: '2026-01-05T12:00:00.000Z',
      },
    ]);
    expect(response.headers['cache-control']).toBe('no-store');
  });

  it.each([
    ['get', '/me'],
    ['get', '/transfers'],
    ['post', '/transfers'],
    ['post', '/signatures'],
    ['post', '/mfa/totp'],
    ['post', '/mfa/totp/confirm'],
    ['post', '/mfa/totp/verify'],
    ['post', '/sign-out'],
    ['post', '/sign-out-everywhere'],
    ['get', '/demo/phone'],
    ['post', '/demo/clock'],
  ] as const)('demands an access token for %s %s', async (method, path) => {
    expectProblem(await supertest(app)[method](path), 'token_missing');
  });

  describe('sending money', () => {
    it('demands an authenticator app first, then sends and lowers the balance', async () => {
      expectProblem(await ada.tab.post('/transfers', ORDER), 'mfa_not_enrolled');
      await ada.enrol();

      const sent = await ada.tab.post('/transfers', ORDER);
      expect([sent.status, sent.body]).toEqual([
        201,
        {
          id: anyString,
          amount: '-25.00',
          counterparty: 'Grace',
          note: '',
          at: '2026-01-05T12:00:00.000Z',
        },
      ]);
      const account = await ada.tab.get('/transfers');
      expect(account.body).toMatchObject({
        currency: 'USDC',
        balance: '2378.50',
        transfers: [sent.body, {}, {}, {}],
      });
    });

    it('demands a code of the last 5 minutes, and for signing a message of the last 30', async () => {
      await ada.enrol();
      clock.advance(300);
      expectProblem(await ada.tab.post('/transfers', ORDER), 'mfa_expired', {
        detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
      });
      const signed = await ada.tab.post('/signatures', { message: 'mine' });
      expect([signed.status, signed.body]).toEqual([
        201,
        {
          address: matching(/^0x[\da-f]{40}$/),
          message: 'mine',
          signature: matching(/^0x[\da-f]{128}$/),
        },
      ]);
      await ada.verify();
      expect((await ada.tab.post('/transfers', ORDER)).status).toBe(201);
    });

    it.each([
      [{ to: 'Grace', amount: '2403.51' }, 'insufficient_funds'],
      [{ to: 'Grace', amount: '0.00' }, 'invalid_transfer'],
      [{ to: 'Grace', amount: '-5' }, 'invalid_transfer'],
      [{ to: 'Grace', amount: '1e3' }, 'invalid_transfer'],
      [{ to: 'Grace', amount: 25 }, 'invalid_transfer'],
      [{ to: ' ', amount: '25' }, 'invalid_transfer'],
      [{ to: ['Grace'], amount: '25' }, 'invalid_transfer'],
      [[], 'invalid_transfer'],
    ])('refuses %j', async (order, errorType) => {
      await ada.enrol();
      expectRefusal(await ada.tab.post('/transfers', order), 422, errorType);
      expect((await ada.tab.get('/transfers')).body).toMatchObject({ balance: '2403.50' });
    });

    it('sends the last cent', async () => {
      await ada.enrol();
      await ada.tab.post('/transfers', { to: 'Grace', amount: '2403.50' });
      expect((await ada.tab.get('/transfers')).body).toMatchObject({ balance: '0.00' });
    });
  });

  it.each(['', 'x'.repeat(201), 7, undefined])('does not sign %j', async (message) => {
    await ada.enrol();
    expectRefusal(await ada.tab.post('/signatures', { message }), 422, 'invalid_message');
  });

  it('answers a body that is no JSON with 400, and one that is too long with 413', async () => {
    const send = (body: string) =>
      ada.tab.request('post', '/mfa/totp/verify').type('json').send(body);
    expectRefusal(await send('{"code":'), 400, 'invalid_request');
    expectRefusal(await send(JSON.stringify({ code: '1'.repeat(9_000) })), 413, 'invalid_request');
  });

  describe('the authenticator app', () => {
    it('is enrolled with a code of its own, and that verifies MFA', async () => {
      const begun = await ada.tab.post('/mfa/totp');
      expect(begun.status).toBe(201);
      expect(begun.body).toEqual({
        secret: matching(/^[A-Z2-7]{32}$/),
        uri: matching(/^otpauth:\/\/totp\/Example%20Wallet:ada%40example\.com\?/),
      });
      expect((await ada.tab.get('/me')).body).toMatchObject({ mfa: { enrolled: false } });

      const confirmed = await ada.confirm(ada.scan(begun));
      const current = {
        method: 'totp',
        verifiedAt: '2026-01-05T12:00:00.000Z',
        expiresAt: '2026-01-05T12:30:00.000Z',
      };
      expect([confirmed.status, confirmed.body]).toEqual([200, current]);
      expect((await ada.tab.get('/me')).body).toMatchObject({ mfa: { enrolled: true, current } });
    });

    it('has to be confirmed within 10 minutes', async () => {
      const app = ada.scan(await ada.tab.post('/mfa/totp'));
      clock.advance(600);
      expectRefusal(await ada.confirm(app), 410, 'mfa_flow_expired');
    });

    it('accepts a code once, and no older one after it', async () => {
      const phone = await ada.enrol();
      const older = phone.generate({ timestamp: clock() - 30_000 });
      for (const code of [phone.generate({ timestamp: clock() }), older]) {
        const used = await ada.tab.post('/mfa/totp/verify', { code });
        expectRefusal(used, 422, 'mfa_invalid_code');
        expect(used.body).toMatchObject({ detail: matching(/used already/) });
      }
      clock.advance(30);
      expect((await ada.verify()).status).toBe(200);
    });

    it('accepts no code for 5 minutes after 5 wrong ones', async () => {
      const phone = await ada.enrol();
      clock.advance(60);
      for (const code of ['000000', '1', '', 123456, undefined]) {
        const wrong = await ada.tab.post('/mfa/totp/verify', { code });
        expectRefusal(wrong, 422, 'mfa_invalid_code');
      }
      const locked = await ada.tab.post('/mfa/totp/verify', {
        code: phone.generate({ timestamp: clock() }),
      });
      expectRefusal(locked, 429, 'rate_limit_exceeded');
      expect(locked.headers['retry-after']).toBe('300');
      clock.advance(300);
      expect((await ada.verify()).status).toBe(200);
    });

    it('has to be enrolled before its codes count', async () => {
      const refused = await ada.tab.post('/mfa/totp/verify', { code: '123456' });
      expectRefusal(refused, 409, 'mfa_not_enrolled');
      expectRefusal(await ada.tab.get('/demo/phone'), 404, 'mfa_not_enrolled');
    });

    it('is changed with MFA of the old one only, which voids its MFA sessions', async () => {
      await ada.enrol();
      const tab = await ada.openTab();
      clock.advance(30);
      await ada.verify(tab);
      expect((await tab.post('/transfers', ORDER)).status).toBe(201);

      clock.advance(300);
      expectProblem(await ada.tab.post('/mfa/totp'), 'mfa_expired', {
        detail: 'MFA was verified 330 s ago; this operation allows 300 s.',
      });
      await ada.verify();
      await ada.enrol();
      expect((await ada.tab.post('/transfers', ORDER)).status).toBe(201);
      expectProblem(await tab.post('/signatures', { message: 'mine' }), 'mfa_required', {
        maxAgeSeconds: 1800,
      });
    });

    it('is shown by the demonstration phone, which says when its code was used', async () => {
      const phone = await ada.enrol();
      const code = phone.generate({ timestamp: clock() });
      expect((await ada.tab.get('/demo/phone')).body).toEqual({
        code,
        used: true,
        nextInSeconds: 30,
      });
      clock.advance(31);
      expect((await ada.tab.get('/demo/phone')).body).toEqual({
        code: phone.generate({ timestamp: clock() }),
        used: false,
        nextInSeconds: 29,
      });
    });
  });

  describe('a tab', () => {
    it('keeps its MFA session over a refresh, with its end unmoved', async () => {
      await ada.enrol();
      clock.advance(960);
      expectProblem(await ada.tab.get('/me'), 'token_expired');

      const refreshed = await ada.openTab(ada.tab.token);
      expect((await refreshed.get('/me')).body).toMatchObject({
        mfa: { current: { expiresAt: '2026-01-05T12:30:00.000Z' } },
      });
      expect((await refreshed.post('/signatures', { message: 'mine' })).status).toBe(201);
    });

    it('does not share the MFA session of another tab', async () => {
      await ada.enrol();
      const tab = await ada.openTab();
      expectProblem(await tab.post('/transfers', ORDER), 'mfa_required');
      expect((await ada.tab.post('/transfers', ORDER)).status).toBe(201);
    });

    it('is signed out alone, or with all the others', async () => {
      const [second, third] = [await ada.openTab(), await ada.openTab()];
      expect((await second.post('/sign-out')).status).toBe(204);
      expectProblem(await second.get('/me'), 'session_revoked');
      expect((await third.get('/me')).status).toBe(200);

      expect((await third.post('/sign-out-everywhere')).status).toBe(204);
      for (const tab of [ada.tab, third, await ada.openTab()]) {
        expectProblem(await tab.get('/me'), 'session_revoked');
      }
    });
  });

  describe('a session', () => {
    it('goes on over refreshes for 7 days, with a warning on the last one', async () => {
      clock.advance(6 * 86_400 - 1);
      const sixth = await (await ada.openTab()).get('/me');
      expect([sixth.status, sixth.headers['session-ends-in']]).toEqual([200, undefined]);

      clock.advance(1);
      const seventh = await (await ada.openTab()).get('/me');
      expect([seventh.status, seventh.headers['session-ends-in']]).toEqual([200, '86400']);

      clock.advance(86_399);
      const last = await ada.openTab();
      clock.advance(1);
      expectProblem(await last.get('/me'), 'session_expired');
      expect((await ada.refresh()).body).toMatchObject({ code: 'refresh_token_expired' });
    });
  });

  it('shows pictures in its README that are there', () => {
    const readme = readFileSync('examples/wallet/README.md', 'utf8');
    const pictures = [...readme.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, path = '']) => path);
    expect(pictures).toContain('screenshots/wallet.png');
    expect(pictures.filter((path) => !existsSync(`examples/wallet/${path}`))).toEqual([]);
  });

  it.each([0, -1, 691_201, '900', null])('does not let %j seconds pass', async (seconds) => {
    expectRefusal(await ada.tab.post('/demo/clock', { seconds }), 422, 'invalid_time');
    expect(clock()).toBe(Date.UTC(2026, 0, 5, 12));
  });

  describe('the page', () => {
    it('has a content security policy that allows only its own files', async () => {
      const page = await supertest(app).get('/');
      expect(page.headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      );
      expect(page.text).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
    });

    it.each([
      ['/', /^text\/html/, '<title>Example Wallet</title>'],
      ['/wallet.css', /^text\/css/, '@font-face'],
      ['/wallet.js', /^text\/javascript/, 'createSessionFetch'],
      ['/client.js', /^text\/javascript/, 'createSessionFetch'],
      ['/qr.js', /^text\/javascript/, 'encode'],
      ['/icon.svg', /^image\/svg/, '<svg'],
      ['/inter.woff2', /^font\/woff2/, 'wOF2'],
    ])('has %s', async (path, type, content) => {
      const file = await supertest(app).get(path).responseType('blob');
      expect([file.status, file.headers['content-type']]).toEqual([200, matching(type)]);
      expect((file.body as Buffer).toString('latin1')).toContain(content);
    });
  });

  /** One user's browser: tabs that share a refresh token, and a phone with an authenticator app. */
  class Browser {
    readonly #agent: ReturnType<typeof supertest.agent>;
    #phone: TOTP | undefined;
    readonly tab: Tab;

    private constructor(agent: ReturnType<typeof supertest.agent>, tab: Tab) {
      this.#agent = agent;
      this.tab = tab;
    }

    static async signIn(app: Express, email: string): Promise<Browser> {
      const agent = supertest.agent(app);
      const sent = await agent.post('/auth/code').send({ email });
      const { code } = sent.body as { code: string };
      return new Browser(agent, tabOf(await agent.post('/auth/sign-in').send({ email, code })));
    }

    refresh(): Promise<Response> {
      return Promise.resolve(this.#agent.post('/auth/refresh'));
    }

    async openTab(previousToken?: string): Promise<Tab> {
      return tabOf(await this.refresh(), previousToken);
    }

    scan(begun: Response): TOTP {
      const app = URI.parse((begun.body as { uri: string }).uri);
      if (!(app instanceof TOTP)) throw new TypeError('not a TOTP');
      return app;
    }

    confirm(app: TOTP): Promise<Response> {
      return this.tab.post('/mfa/totp/confirm', { code: app.generate({ timestamp: clock() }) });
    }

    /** Enrols an authenticator app and returns it. */
    async enrol(): Promise<TOTP> {
      this.#phone = this.scan(await this.tab.post('/mfa/totp'));
      expect((await this.confirm(this.#phone)).status).toBe(200);
      return this.#phone;
    }

    verify(tab: Tab = this.tab): Promise<Response> {
      return tab.post('/mfa/totp/verify', { code: this.#phone?.generate({ timestamp: clock() }) });
    }
  }

  class Tab {
    readonly token: string;
    readonly #previousToken: string | undefined;

    constructor(token: string, previousToken: string | undefined) {
      this.token = token;
      this.#previousToken = previousToken;
    }

    request(method: 'get' | 'post', path: string): supertest.Test {
      const request = supertest(app)[method](path).set('Authorization', `Bearer ${this.token}`);
      return this.#previousToken === undefined
        ? request
        : request.set('Previous-Access-Token', this.#previousToken);
    }

    get(path: string): Promise<Response> {
      return Promise.resolve(this.request('get', path));
    }

    post(path: string, body: object = {}): Promise<Response> {
      return Promise.resolve(this.request('post', path).send(body));
    }
  }

  function tabOf(response: Response, previousToken?: string): Tab {
    expect(response.status).toBe(200);
    return new Tab((response.body as { accessToken: string }).accessToken, previousToken);
  }
});

/** A refusal of the wallet itself, as a problem. */
function expectRefusal(response: Response, status: number, errorType: string): void {
  expect([response.status, response.body]).toEqual([
    status,
    { type: `urn:wallet:${errorType}`, status, detail: anyString, errorType },
  ]);
  expect(response.headers).toMatchObject({
    'content-type': matching(/^application\/problem\+json/),
    'cache-control': 'no-store',
  });
}
