/**
 * The API of the example wallet: sessions, money and the page, as a client has them.
 */
import { existsSync, readFileSync } from 'node:fs';
import supertest from 'supertest';
import { expectProblem } from '../support/expect-problem.js';
import { createWallet, Device, expectRefusal, type Wallet } from './wallet-user.js';

const ORDER = { to: 'Grace Hopper', amount: '25.00' };

const anyString: unknown = expect.any(String);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const anAddress = matching(/^0x[\da-f]{40}$/);

describe('The example wallet', () => {
  let wallet: Wallet;
  let ada: Device;

  beforeEach(async () => {
    wallet = await createWallet();
    ada = await Device.signIn(wallet, 'ada@example.com');
  });

  it('shows user, session, MFA and demands', async () => {
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
        mfa: { current: null, factors: [] },
        demands: {
          send: { maxAgeSeconds: 300 },
          sign: { maxAgeSeconds: 1800 },
          approve: { above: '100.00' },
        },
        now: '2026-01-05T12:00:00.000Z',
      },
    ]);
    expect(response.headers['cache-control']).toBe('no-store');
  });

  it('knows users of both issuers, each with an account of their own', async () => {
    const other = await Device.signIn(wallet, 'ada@example.com', 'custom');
    expect((await other.tab.get('/me')).body).toMatchObject({
      email: 'ada@example.com',
      session: {
        authentication: 'custom',
        issuer: 'https://id.wallet.example/',
        sessionId: anyString,
        mfa: { scope: 'user' },
      },
    });
    const accounts = await Promise.all([ada.tab.get('/transfers'), other.tab.get('/transfers')]);
    const [first, second] = accounts.map(({ body }) => (body as { address: string }).address);
    expect(first).not.toBe(second);
  });

  it.each([
    ['get', '/me'],
    ['get', '/contacts'],
    ['get', '/transfers'],
    ['post', '/transfers/review'],
    ['post', '/transfers'],
    ['post', '/signatures'],
    ['get', '/approvals'],
    ['post', '/approvals/1/totp'],
    ['post', '/approvals/1/passkey/options'],
    ['post', '/approvals/1/passkey'],
    ['delete', '/approvals/1'],
    ['post', '/factors/totp'],
    ['post', '/factors/totp/confirm'],
    ['post', '/factors/passkey/options'],
    ['post', '/factors/passkey'],
    ['delete', '/factors/1'],
    ['post', '/mfa/totp'],
    ['post', '/mfa/passkey/options'],
    ['post', '/mfa/passkey'],
    ['post', '/sign-out'],
    ['post', '/sign-out-everywhere'],
    ['get', '/demo/phone'],
    ['post', '/demo/clock'],
    ['post', '/demo/reset-factors'],
  ] as const)('demands an access token for %s %s', async (method, path) => {
    expectProblem(await supertest(wallet.app)[method](path), 'token_missing');
  });

  it.each(['wallet.example.com', 'localhost.example.com:3000', '127.0.0.1.example.com'])(
    'refuses the host %s, which another site may have pointed here',
    async (host) => {
      for (const path of ['/', '/cdp/auth/code', '/demo/phone']) {
        expectRefusal(await ada.tab.request('get', path).set('Host', host), 403, 'loopback_only');
      }
    },
  );

  describe('sending up to 100 USDC', () => {
    it('demands MFA, then lowers the balance and gives a receipt', async () => {
      expectProblem(await ada.tab.send(ORDER), 'mfa_not_enrolled');
      await ada.enrol();

      const sent = await ada.tab.send({ ...ORDER, note: ' Lunch ' });
      expect([sent.status, sent.body]).toEqual([
        201,
        {
          id: anyString,
          amount: '-25.00',
          currency: 'USDC',
          counterparty: { name: 'Grace Hopper', address: anAddress },
          note: 'Lunch',
          at: '2026-01-05T12:00:00.000Z',
          authorisation: {
            kind: 'mfa',
            method: 'totp',
            verifiedAt: '2026-01-05T12:00:00.000Z',
          },
        },
      ]);
      const account = await ada.tab.get('/transfers');
      expect(account.body).toMatchObject({
        address: anAddress,
        currency: 'USDC',
        balance: '2378.50',
        transfers: [sent.body, {}, {}, {}],
      });
    });

    it('demands a code of the last 5 minutes, and a signature one of the last 30', async () => {
      await ada.enrol();
      wallet.clock.advance(300);
      expectProblem(await ada.tab.send(ORDER), 'mfa_expired', {
        detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
      });
      const signed = await ada.tab.post('/signatures', { message: 'mine' });
      expect([signed.status, signed.body]).toEqual([
        201,
        {
          address: anAddress,
          message: 'mine',
          signature: matching(/^0x[\da-f]{128}$/),
          at: '2026-01-05T12:05:00.000Z',
        },
      ]);
      await ada.verify();
      expect((await ada.tab.send(ORDER)).status).toBe(201);
    });

    it('reaches another user of the wallet', async () => {
      await ada.enrol();
      const grace = await Device.signIn(wallet, 'grace@example.com');
      const { address } = (await grace.tab.get('/transfers')).body as { address: string };
      expect(
        (await ada.tab.send({ to: address.toUpperCase().replace('X', 'x'), amount: '1' })).status,
      ).toBe(201);
      expect((await grace.tab.get('/transfers')).body).toMatchObject({
        balance: '2404.50',
        transfers: [
          { amount: '1.00', counterparty: { name: null, address: anAddress } },
          {},
          {},
          {},
        ],
      });
    });
  });

  describe('an order', () => {
    const address = `0x${'a'.repeat(40)}`;

    it.each([
      [{ to: address, amount: '0.00' }, 'amount'],
      [{ to: address, amount: '-5' }, 'amount'],
      [{ to: address, amount: '1e3' }, 'amount'],
      [{ to: address, amount: '5000 USDC' }, 'amount'],
      [{ to: address, amount: ['5000'] }, 'amount'],
      [{ to: address, amount: 25 }, 'amount'],
      [{ to: address }, 'amount'],
      [{ to: address, amount: '25', note: 'x'.repeat(61) }, 'note'],
      [{ to: address, amount: '25', note: 7 }, 'note'],
      [{ to: `${address}a`, amount: '25' }, 'to'],
      [{ to: 'Nobody', amount: '25' }, 'to'],
      [{ to: [address], amount: '25' }, 'to'],
      [[], 'to'],
    ])('that makes no sense is refused ahead of MFA: %j', async (order, field) => {
      for (const refused of [
        await ada.tab.post('/transfers/review', order),
        await ada.tab.send(order),
      ]) {
        expectRefusal(refused, 422, 'invalid_transfer', { field });
      }
    });

    it('to the own address is refused', async () => {
      const { address: own } = (await ada.tab.get('/transfers')).body as { address: string };
      expectRefusal(await ada.tab.send({ to: own, amount: '1' }), 422, 'invalid_transfer', {
        field: 'to',
      });
    });

    it('above the balance is refused ahead of MFA and of an approval', async () => {
      const order = { to: 'Grace Hopper', amount: '2403.51' };
      for (const refused of [
        await ada.tab.post('/transfers/review', order),
        await ada.tab.send(order),
      ]) {
        expectRefusal(refused, 422, 'insufficient_funds', { field: 'amount' });
        expect(refused.body).toMatchObject({
          detail: 'You have 2,403.50 USDC, which is less than 2,403.51 USDC.',
        });
      }
    });

    it.each([
      ['100', 'mfa', undefined],
      ['100.01', 'approval', 'Rent'],
    ])('of %s USDC is reviewed, with the %s that it demands', async (amount, demands, note) => {
      const reviewed = await ada.tab.post('/transfers/review', {
        to: 'grace hopper',
        amount,
        note,
      });
      expect([reviewed.status, reviewed.body]).toEqual([
        200,
        {
          description: {
            action: 'Send',
            amount: `${Number(amount).toFixed(2)} USDC`,
            to: 'Grace Hopper',
            address: anAddress,
            ...(note !== undefined && { note }),
          },
          demands,
        },
      ]);
    });

    it('is sent once for an idempotency key, of 20 at the same time too', async () => {
      await ada.enrol();
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => ada.tab.send(ORDER, 'key-of-this-order')),
      );
      const [sent, ...others] = answers.sort((one, other) => one.status - other.status);
      expect(sent?.status).toBe(201);
      for (const again of [...others, await ada.tab.send(ORDER, 'key-of-this-order')]) {
        expectRefusal(again, 409, 'already_sent', { transfer: sent?.body as unknown });
      }
      expect(await ada.tab.balance()).toBe('2378.50');
      expect((await ada.tab.send(ORDER, 'key-of-another-order')).status).toBe(201);
    });

    it.each(['', 'short', 'white space', 'x'.repeat(65)])(
      'with the idempotency key "%s" is refused',
      async (key) => {
        await ada.enrol();
        expectRefusal(await ada.tab.send(ORDER, key), 400, 'idempotency_key_missing');
      },
    );
  });

  it.each(['', 'x'.repeat(201), 7, undefined])('does not sign %j', async (message) => {
    await ada.enrol();
    const refused = await ada.tab.post('/signatures', { message });
    expectRefusal(refused, 422, 'invalid_message', { field: 'message' });
  });

  it('answers a body that is no JSON with 400, and one that is too long with 413', async () => {
    const send = (body: string) => ada.tab.request('post', '/mfa/totp').type('json').send(body);
    expectRefusal(await send('{"code":'), 400, 'invalid_request');
    expectRefusal(await send(JSON.stringify({ code: '1'.repeat(9_000) })), 413, 'invalid_request');
  });

  describe('a tab', () => {
    it('keeps its MFA session over a refresh, with its end unmoved', async () => {
      await ada.enrol();
      wallet.clock.advance(960);
      expectProblem(await ada.tab.get('/me'), 'token_expired');

      const refreshed = await ada.openTab(ada.tab.token);
      expect((await refreshed.get('/me')).body).toMatchObject({
        mfa: { current: { expiresAt: '2026-01-05T12:30:00.000Z' } },
      });
      expect((await refreshed.post('/signatures', { message: 'mine' })).status).toBe(201);
    });

    it('does not share the MFA session of another tab, with CDP', async () => {
      await ada.enrol();
      const tab = await ada.openTab();
      expectProblem(await tab.send(ORDER), 'mfa_required');
      expect((await ada.tab.send(ORDER)).status).toBe(201);
    });

    it('shares the MFA session of all clients, with custom authentication', async () => {
      const custom = await Device.signIn(wallet, 'ada@example.com', 'custom');
      await custom.enrol();
      const elsewhere = await Device.signIn(wallet, 'ada@example.com', 'custom');
      expect((await (await custom.openTab()).send(ORDER)).status).toBe(201);
      expect((await elsewhere.tab.send(ORDER)).status).toBe(201);
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

  it('goes on over refreshes for 7 days, with a warning on the last one', async () => {
    wallet.clock.advance(6 * 86_400 - 1);
    const sixth = await (await ada.openTab()).get('/me');
    expect([sixth.status, sixth.headers['session-ends-in']]).toEqual([200, undefined]);

    wallet.clock.advance(1);
    const seventh = await (await ada.openTab()).get('/me');
    expect([seventh.status, seventh.headers['session-ends-in']]).toEqual([200, '86400']);

    wallet.clock.advance(86_399);
    const last = await ada.openTab();
    wallet.clock.advance(1);
    expectProblem(await last.get('/me'), 'session_expired');
    expect((await ada.refresh()).body).toMatchObject({ code: 'refresh_token_expired' });
  });

  it('shows pictures in its README that are there', () => {
    const readme = readFileSync('examples/wallet/README.md', 'utf8');
    const pictures = [...readme.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, path = '']) => path);
    expect(pictures).toContain('screenshots/wallet.png');
    expect(pictures.filter((path) => !existsSync(`examples/wallet/${path}`))).toEqual([]);
  });

  it.each([0, -1, 691_201, '900', null])('does not let %j seconds pass', async (seconds) => {
    expectRefusal(await ada.tab.post('/demo/clock', { seconds }), 422, 'invalid_time');
    expect(wallet.clock()).toBe(Date.UTC(2026, 0, 5, 12));
  });

  describe('the page', () => {
    it('has a content security policy that allows only its own files', async () => {
      const page = await supertest(wallet.app).get('/');
      expect(page.headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      );
      expect(page.text).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
    });

    it.each([
      ['/', /^text\/html/, '<title>Example Wallet</title>'],
      ['/vendor/client.js', /^text\/javascript/, 'createSessionFetch'],
      ['/vendor/qr.js', /^text\/javascript/, 'encode'],
      ['/vendor/webauthn.js', /^text\/javascript/, 'startAuthentication'],
      ['/icon.svg', /^image\/svg/, '<svg'],
      ['/inter.woff2', /^font\/woff2/, 'wOF2'],
    ])('has %s', async (path, type, content) => {
      const file = await supertest(wallet.app).get(path).responseType('blob');
      expect([file.status, file.headers['content-type']]).toEqual([200, matching(type)]);
      expect((file.body as Buffer).toString('latin1')).toContain(content);
    });
  });
});
