/** Approvals in the client against `requireApproval()` itself. */
import express from 'express';
import { getApproval, getSession, requireApproval, validateSession } from 'express-wallet-session';
import { createSessionFetch } from 'express-wallet-session/client';
import type { JsonValue, Problem } from 'express-wallet-session/client';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';
import type { TestClock, TestIssuer } from 'express-wallet-session/testing';
import { listen, type Listening } from '../support/listen.js';

let clock: TestClock;
let issuer: TestIssuer;
let server: Listening;
let origin: string;
let sent: unknown[];

beforeEach(async () => {
  clock = createTestClock();
  issuer = await createTestIssuer({ clock });
  sent = [];
  const app = express();
  app.use(validateSession({ authentication: issuer.authentication, clock }), express.json());
  app.post(
    '/transfers',
    requireApproval({ describe: (req) => ({ action: 'transfer', order: req.body as JsonValue }) }),
    (req, res) => {
      sent.push([req.body, getApproval(req)?.method]);
      res.status(201).end();
    },
  );
  app.post('/approvals/:id', async (req, res, next) => {
    const { code } = req.body as { code: string };
    const proof = code === '123456' && { method: 'totp' };
    await getSession(req)
      .mfa.approve(req.params.id, () => proof)
      .then(() => res.status(204).end(), next);
  });
  server = await listen(app);
  origin = server.url;
});
afterEach(() => server.close());

const nothing = (): void => undefined;

/** A tab whose user reads the description, then enters the code. */
async function openTab(code = '123456') {
  let pair = await issuer.signIn('user-1');
  const shown: Problem['description'][] = [];
  const tab = { shown, transfer, beforeApproval: nothing, afterApproval: nothing };
  const sessionFetch = createSessionFetch({
    async getAccessToken({ forceRefresh }) {
      if (forceRefresh) pair = await issuer.refresh(pair.refreshToken);
      return pair.accessToken;
    },
    async onApprovalRequired({ challengeId = '', description }) {
      shown.push(description);
      tab.beforeApproval();
      const response = await post(`/approvals/${challengeId}`, { code });
      if (!response.ok) throw new Error('not approved');
      tab.afterApproval();
    },
    origins: [origin],
  });
  function post(path: string, body: object): Promise<Response> {
    const headers = { 'Content-Type': 'application/json' };
    return sessionFetch(origin + path, { method: 'POST', headers, body: JSON.stringify(body) });
  }
  async function transfer(amount: number): Promise<number> {
    return (await post('/transfers', { amount })).status;
  }
  return tab;
}

it('An order is shown, approved and sent once', async () => {
  const tab = await openTab();
  expect(await tab.transfer(5)).toBe(201);
  expect(tab.shown).toEqual([{ action: 'transfer', order: { amount: 5 } }]);
  expect(sent).toEqual([[{ amount: 5 }, 'totp']]);
});

it('Three orders at once are shown one by one, and each is approved for itself', async () => {
  const tab = await openTab();
  const statuses = await Promise.all([1, 2, 3].map((amount) => tab.transfer(amount)));
  expect(statuses).toEqual([201, 201, 201]);
  expect(tab.shown).toHaveLength(3);
  expect(sent).toHaveLength(3);
  expect(sent).toEqual(
    expect.arrayContaining([1, 2, 3].map((amount) => [{ amount }, 'totp'])) as unknown,
  );
});

it('An order whose token expires after the approval is sent with a fresh token', async () => {
  const tab = await openTab();
  clock.advance(880);
  tab.afterApproval = () => {
    clock.advance(30);
  };
  expect(await tab.transfer(5)).toBe(201);
  expect(sent).toEqual([[{ amount: 5 }, 'totp']]);
});

it('An order with a wrong code, or with a challenge that has ended, is not sent', async () => {
  const careless = await openTab('000000');
  expect(await careless.transfer(5)).toBe(403);
  const slow = await openTab();
  slow.beforeApproval = () => {
    clock.advance(300);
  };
  expect(await slow.transfer(5)).toBe(403);
  expect([careless.shown, slow.shown].map(({ length }) => length)).toEqual([1, 1]);
  expect(sent).toEqual([]);
});
