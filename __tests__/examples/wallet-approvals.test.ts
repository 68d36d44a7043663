/**
 * Approvals in the example wallet: a transfer above 100 USDC, with both kinds of authentication.
 */
import type { Response } from 'supertest';
import { expectProblem } from '../support/expect-problem.js';
import { createWallet, Device, expectRefusal, type Tab, type Wallet } from './wallet-user.js';

const ORDER = { to: 'Grace Hopper', amount: '250' };

const anyString: unknown = expect.any(String);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const anAddress = matching(/^0x[\da-f]{40}$/);

describe.each(['cdp', 'custom'] as const)('Approvals with %s authentication', (kind) => {
  let wallet: Wallet;
  let ada: Device;

  beforeEach(async () => {
    wallet = await createWallet();
    ada = await Device.signIn(wallet, 'ada@example.com', kind);
    await ada.enrol();
  });

  const approve = (tab: Tab, id: string): Promise<Response> =>
    tab.post(`/approvals/${id}/totp`, { code: ada.nextCode() });

  it('a fresh MFA session does not open a large transfer', async () => {
    const refused = await ada.tab.send(ORDER);
    const { challengeId, correlationId } = refused.body as Record<string, string>;
    expect([refused.status, refused.body]).toEqual([
      403,
      {
        type: 'urn:express-wallet-session:mfa_required',
        title: anyString,
        detail: anyString,
        status: 403,
        errorType: 'mfa_required',
        action: 'approve_request',
        correlationId,
        challengeId,
        expiresInSeconds: 300,
        description: {
          action: 'Send',
          amount: '250.00 USDC',
          to: 'Grace Hopper',
          address: anAddress,
        },
      },
    ]);
    expect(refused.headers['x-mfa-challenge-id']).toBe(challengeId);
    expect(await ada.tab.balance()).toBe('2403.50');
  });

  it('an approval opens exactly one transfer, with a receipt', async () => {
    const id = await ada.tab.ask(ORDER);
    const approved = await approve(ada.tab, id);
    expect([approved.status, approved.body]).toMatchObject([
      200,
      { challengeId: id, method: 'totp', approvedAt: '2026-01-05T12:00:30.000Z' },
    ]);
    const { digest } = approved.body as { digest: string };

    const sent = await ada.tab.send(ORDER, 'first-order', id);
    expect([sent.status, sent.body]).toMatchObject([
      201,
      {
        amount: '-250.00',
        authorisation: {
          kind: 'approval',
          challengeId: id,
          digest,
          method: 'totp',
          approvedAt: '2026-01-05T12:00:30.000Z',
        },
      },
    ]);

    expectRefusal(await ada.tab.send(ORDER, 'first-order', id), 409, 'already_sent', {
      transfer: sent.body as unknown,
    });
    const again = await ada.tab.send(ORDER, 'second-order', id);
    expect([again.status, again.body]).toMatchObject([403, { action: 'approve_request' }]);
    expect(again.headers['x-mfa-challenge-id']).not.toBe(id);
    expect(await ada.tab.balance()).toBe('2153.50');
  });

  it.each([
    ['another amount', { ...ORDER, amount: '250.01' }],
    ['another recipient', { ...ORDER, to: 'Alan Turing' }],
    ['another note', { ...ORDER, note: 'more' }],
  ])('an approval does not open a transfer with %s, and stays', async (_name, other) => {
    const id = await ada.tab.ask(ORDER);
    expect((await approve(ada.tab, id)).status).toBe(200);
    const refused = await ada.tab.send(other, 'other-order', id);
    expect([refused.status, refused.body]).toMatchObject([403, { action: 'approve_request' }]);
    expect((await ada.tab.send(ORDER, 'this-order', id)).status).toBe(201);
  });

  it('a wrong code voids its challenge, and a new one is to be had', async () => {
    const id = await ada.tab.ask(ORDER);
    expectProblem(
      await ada.tab.post(`/approvals/${id}/totp`, { code: '000000' }),
      'mfa_invalid_code',
    );
    expectProblem(await approve(ada.tab, id), 'mfa_flow_expired');
    expect((await ada.tab.get('/approvals')).body).toMatchObject([{ id, state: 'void' }]);

    const next = await ada.tab.ask(ORDER);
    expect((await approve(ada.tab, next)).status).toBe(200);
  });

  it('after 5 wrong codes over 5 challenges no code is looked at, and no challenge spent', async () => {
    for (let wrong = 0; wrong < 5; wrong += 1) {
      const id = await ada.tab.ask(ORDER);
      const refused = await ada.tab.post(`/approvals/${id}/totp`, { code: '000000' });
      expectProblem(refused, 'mfa_invalid_code');
    }
    const id = await ada.tab.ask(ORDER);
    expectRefusal(await approve(ada.tab, id), 429, 'rate_limit_exceeded');
    expect((await ada.tab.get('/approvals')).body).toMatchObject([
      { id, state: 'pending' },
      {},
      {},
      {},
      {},
      {},
    ]);
  });

  it('a transfer that was denied is not sent', async () => {
    const id = await ada.tab.ask(ORDER);
    expect((await ada.tab.delete(`/approvals/${id}`)).status).toBe(204);
    expect((await ada.tab.get('/approvals')).body).toMatchObject([{ id, state: 'denied' }]);
    expectProblem(await approve(ada.tab, id), 'mfa_flow_expired');
  });

  it('a challenge ends after 5 minutes', async () => {
    const id = await ada.tab.ask(ORDER);
    wallet.clock.advance(299);
    expect((await ada.tab.get('/approvals')).body).toMatchObject([
      { id, state: 'pending', expiresInSeconds: 1 },
    ]);
    wallet.clock.advance(1);
    expect((await ada.tab.get('/approvals')).body).toMatchObject([{ id, state: 'void' }]);
    expectProblem(await approve(ada.tab, id), 'mfa_flow_expired');
  });

  it('the approval of another user is none', async () => {
    const id = await ada.tab.ask(ORDER);
    expect((await approve(ada.tab, id)).status).toBe(200);
    const grace = await Device.signIn(wallet, 'grace@example.com', kind);
    await grace.enrol();
    expect((await grace.tab.get('/approvals')).body).toEqual([]);
    const { status } = await grace.tab.send(ORDER, 'order-of-grace', id);
    expect(status).toBe(403);
    expect((await ada.tab.send(ORDER, 'order-of-ada', id)).status).toBe(201);
  });

  describe('in another tab and on another device', () => {
    let others: Tab[];
    let id: string;

    beforeEach(async () => {
      const elsewhere = await Device.signIn(wallet, 'ada@example.com', kind);
      others = [await ada.openTab(), elsewhere.tab];
      id = await ada.tab.ask(ORDER);
    });

    it('a pending approval is listed, with the tab that asked', async () => {
      const listed = {
        id,
        description: {
          action: 'Send',
          amount: '250.00 USDC',
          to: 'Grace Hopper',
          address: anAddress,
        },
        expiresInSeconds: 300,
        state: 'pending',
      };
      expect((await ada.tab.get('/approvals')).body).toEqual([{ ...listed, askedHere: true }]);
      for (const tab of others) {
        expect((await tab.get('/approvals')).body).toEqual([{ ...listed, askedHere: false }]);
      }
    });

    if (kind === 'cdp') {
      it('it cannot be approved, denied or used, and stays', async () => {
        for (const tab of others) {
          expectProblem(await approve(tab, id), 'mfa_flow_expired');
          expectProblem(await tab.post(`/approvals/${id}/passkey/options`), 'mfa_flow_expired');
          expectProblem(await tab.delete(`/approvals/${id}`), 'mfa_flow_expired');
        }
        expect((await approve(ada.tab, id)).status).toBe(200);
        for (const tab of others) {
          expectProblem(await tab.send(ORDER, 'order-of-a-tab', id), 'mfa_flow_expired');
        }
        expect((await ada.tab.send(ORDER, 'order-of-a-tab', id)).status).toBe(201);
      });
    } else {
      it('it can be approved, and opens the transfer where it was asked for', async () => {
        for (const tab of others) {
          const asked = await ada.tab.ask(ORDER);
          expect((await approve(tab, asked)).status).toBe(200);
          expect((await ada.tab.get('/approvals')).body).toMatchObject([
            { id: asked, state: 'approved' },
            ...others.slice(0, others.indexOf(tab) + 1).map(() => ({})),
          ]);
          expect((await ada.tab.send(ORDER, crypto.randomUUID(), asked)).status).toBe(201);
        }
      });
    }
  });
});
