/**
 * The factors of the example wallet: authenticator apps, the limit of wrong codes, removal. Passkeys
 * are in wallet-browser.test.ts.
 */
import { expectProblem } from '../support/expect-problem.js';
import { createWallet, Device, expectRefusal, type Wallet } from './wallet-user.js';

const ORDER = { to: 'Grace Hopper', amount: '25.00' };
const START_OVER = { action: 'start_over' };

const anyString: unknown = expect.any(String);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

describe('Factors of the example wallet', () => {
  let wallet: Wallet;
  let ada: Device;

  beforeEach(async () => {
    wallet = await createWallet();
    ada = await Device.signIn(wallet, 'ada@example.com');
  });

  it('an authenticator app is enrolled with a code of its own, and that verifies MFA', async () => {
    const begun = await ada.tab.post('/factors/totp');
    expect(begun.status).toBe(201);
    expect(begun.body).toEqual({
      secret: matching(/^[A-Z2-7]{32}$/),
      uri: matching(/^otpauth:\/\/totp\/Example%20Wallet:ada%40example\.com\?/),
    });
    expect((await ada.tab.get('/me')).body).toMatchObject({ mfa: { factors: [] } });

    const confirmed = await ada.confirm(ada.scan(begun));
    const current = {
      method: 'totp',
      verifiedAt: '2026-01-05T12:00:00.000Z',
      expiresAt: '2026-01-05T12:30:00.000Z',
    };
    expect([confirmed.status, confirmed.body]).toEqual([200, current]);
    expect((await ada.tab.get('/me')).body).toMatchObject({
      mfa: {
        current,
        factors: [
          {
            id: anyString,
            kind: 'totp',
            addedAt: '2026-01-05T12:00:00.000Z',
            lastUsedAt: '2026-01-05T12:00:00.000Z',
          },
        ],
      },
    });
  });

  it('an authenticator app has to be confirmed within 10 minutes', async () => {
    const app = ada.scan(await ada.tab.post('/factors/totp'));
    wallet.clock.advance(600);
    expectRefusal(await ada.confirm(app), 410, 'mfa_flow_expired');
  });

  it('a code is accepted once, and no older one after it', async () => {
    const phone = await ada.enrol();
    const older = phone.generate({ timestamp: wallet.clock() - 30_000 });
    for (const code of [phone.generate({ timestamp: wallet.clock() }), older]) {
      const used = await ada.tab.post('/mfa/totp', { code });
      expectRefusal(used, 422, 'mfa_invalid_code', START_OVER);
      expect(used.body).toMatchObject({ detail: matching(/used already/) });
    }
    expect((await ada.verify()).status).toBe(200);
  });

  it('after 5 wrong codes none is accepted for 5 minutes, of this account alone', async () => {
    await ada.enrol();
    for (const code of ['000000', '1', '', 123456, undefined]) {
      const wrong = await ada.tab.post('/mfa/totp', { code });
      expectRefusal(wrong, 422, 'mfa_invalid_code', START_OVER);
    }
    const locked = await ada.verify();
    expectRefusal(locked, 429, 'rate_limit_exceeded');
    expect(locked.body).toMatchObject({ detail: 'Too many wrong codes. Try again in 5 minutes.' });
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(290);

    const grace = await Device.signIn(wallet, 'grace@example.com');
    await grace.enrol();
    await ada.tab.post('/demo/clock', { seconds: 299 });
    expectRefusal(await ada.verify(), 429, 'rate_limit_exceeded');
    await ada.tab.post('/demo/clock', { seconds: 300 });
    expect((await ada.verify()).status).toBe(200);
  });

  it('a good code ends the count', async () => {
    await ada.enrol();
    for (let round = 0; round < 3; round += 1) {
      for (let wrong = 0; wrong < 4; wrong += 1) {
        expect((await ada.tab.post('/mfa/totp', { code: '1' })).status).toBe(422);
      }
      expect((await ada.verify()).status).toBe(200);
    }
  });

  it('codes of a new account, and its passkeys, are refused', async () => {
    const refused = await ada.tab.post('/mfa/totp', { code: '123456' });
    expectRefusal(refused, 409, 'mfa_not_enrolled');
    expectRefusal(await ada.tab.post('/mfa/passkey/options'), 409, 'mfa_not_enrolled');
    expectRefusal(await ada.tab.get('/demo/phone'), 404, 'mfa_not_enrolled');
  });

  it('a passkey that answers no challenge, or another one, is refused', async () => {
    expectRefusal(await ada.tab.post('/factors/passkey', { id: 'x' }), 410, 'mfa_flow_expired');
    const begun = await ada.tab.post('/factors/passkey/options');
    expect([begun.status, begun.body]).toMatchObject([
      200,
      {
        rp: { name: 'Example Wallet', id: '127.0.0.1' },
        user: { name: 'ada@example.com' },
        authenticatorSelection: { userVerification: 'required' },
      },
    ]);
    expectRefusal(await ada.tab.post('/factors/passkey', { id: 'x' }), 422, 'passkey_invalid');
    expectRefusal(await ada.tab.post('/factors/passkey', { id: 'x' }), 410, 'mfa_flow_expired');
  });

  it('a second factor wants MFA of the first, and voids the MFA sessions of other tabs', async () => {
    await ada.enrol();
    const tab = await ada.openTab();
    await ada.verify(tab);
    expect((await tab.send(ORDER)).status).toBe(201);

    wallet.clock.advance(300);
    for (const path of ['/factors/totp', '/factors/passkey/options']) {
      expectProblem(await ada.tab.post(path), 'mfa_expired', {
        detail: 'MFA was verified 330 s ago; this operation allows 300 s.',
      });
    }
    await ada.verify();
    await ada.enrol();
    expect((await ada.tab.send(ORDER)).status).toBe(201);
    expectProblem(await tab.post('/signatures', { message: 'mine' }), 'mfa_required', {
      maxAgeSeconds: 1800,
    });
  });

  it('a factor is removed with MFA of the last 5 minutes, and its proofs with it', async () => {
    await ada.enrol();
    const { mfa } = (await ada.tab.get('/me')).body as { mfa: { factors: { id: string }[] } };
    const path = `/factors/${mfa.factors[0]?.id ?? ''}`;
    const tab = await ada.openTab();
    expectProblem(await tab.delete(path), 'mfa_required');
    expectRefusal(await ada.tab.delete('/factors/another'), 404, 'factor_unknown');

    expect((await ada.tab.delete(path)).status).toBe(204);
    expect((await ada.tab.get('/me')).body).toMatchObject({ mfa: { current: null, factors: [] } });
    expectProblem(await ada.tab.send(ORDER), 'mfa_not_enrolled');
  });

  it('the help desk of the demonstration removes all of them, and their proofs', async () => {
    await ada.enrol();
    expect((await ada.tab.post('/demo/reset-factors')).status).toBe(204);
    expect((await ada.tab.get('/me')).body).toMatchObject({ mfa: { current: null, factors: [] } });
  });

  it('the phone of the demonstration says when its code was used', async () => {
    const phone = await ada.enrol();
    const code = phone.generate({ timestamp: wallet.clock() });
    expect((await ada.tab.get('/demo/phone')).body).toEqual({
      code,
      used: true,
      nextInSeconds: 30,
    });
    wallet.clock.advance(31);
    expect((await ada.tab.get('/demo/phone')).body).toEqual({
      code: phone.generate({ timestamp: wallet.clock() }),
      used: false,
      nextInSeconds: 29,
    });
  });
});
