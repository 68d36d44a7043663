/** The client against the library itself: the life of a session in a frontend. */
import type { SessionOptions } from 'express-wallet-session';
import { createSessionFetch } from 'express-wallet-session/client';
import {
  createTestClock,
  createTestIssuer,
  type TestClock,
  type TestIssuer,
  type TestIssuerOptions,
} from 'express-wallet-session/testing';
import { listen, type Listening } from '../support/listen.js';
import { walletApi } from '../support/wallet-api.js';

const MINUTE_SECONDS = 60;
const DAY_SECONDS = 86_400;

let clock: TestClock;
let issuer: TestIssuer;
let server: Listening;
let origin: string;

async function start(
  authentication: TestIssuerOptions['authentication'],
  options: SessionOptions = {},
): Promise<void> {
  clock = createTestClock();
  issuer = await createTestIssuer({ clock, authentication });
  const app = walletApi({ authentication: issuer.authentication, clock, ...options });
  server = await listen(app);
  origin = server.url;
}
afterEach(() => server.close());

/** A tab whose user answers every prompt with a code. */
async function openTab() {
  let pair = await issuer.signIn('user-1');
  let isSignedIn = true;
  const events: string[] = [];
  const sessionFetch = createSessionFetch({
    async getAccessToken({ forceRefresh }) {
      if (forceRefresh) {
        try {
          pair = await issuer.refresh(pair.refreshToken);
          events.push('refreshed');
        } catch {
          isSignedIn = false;
        }
      }
      return isSignedIn ? pair.accessToken : null;
    },
    async onMfaRequired({ errorType }) {
      events.push(errorType);
      await post('/mfa', '{"method":"totp"}');
    },
    onSignInRequired: ({ errorType }) => events.push(`sign in: ${errorType}`),
    onSessionEnding: (secondsLeft) => events.push(`ends in ${secondsLeft}`),
    origins: [origin],
  });
  function post(path: string, body: string): Promise<Response> {
    const headers = { 'Content-Type': 'application/json' };
    return sessionFetch(`${origin}${path}`, { method: 'POST', headers, body });
  }
  return {
    events,
    me: async () => (await sessionFetch(`${origin}/me`)).status,
    transfer: async () => (await post('/transfers', '{}')).status,
    signOut: async () => (await post('/sign-out', '')).status,
  };
}

it('MFA is asked for once, and carried over if the token is refreshed', async () => {
  await start('cdp');
  const tab = await openTab();
  clock.advance(14 * MINUTE_SECONDS);
  expect(await tab.transfer()).toBe(201);
  clock.advance(2 * MINUTE_SECONDS);
  expect(await tab.transfer()).toBe(201);
  expect(await tab.transfer()).toBe(201);
  expect(tab.events).toEqual(['mfa_required', 'refreshed']);
  clock.advance(4 * MINUTE_SECONDS);
  expect(await tab.transfer()).toBe(201);
  expect(tab.events).toEqual(['mfa_required', 'refreshed', 'mfa_expired']);
});

it('MFA is carried over by the first of many parallel requests', async () => {
  await start('cdp');
  const tab = await openTab();
  clock.advance(14 * MINUTE_SECONDS);
  expect(await tab.transfer()).toBe(201);
  clock.advance(2 * MINUTE_SECONDS);
  expect(await Promise.all([tab.me(), tab.me(), tab.me()])).toEqual([200, 200, 200]);
  expect(await tab.transfer()).toBe(201);
  expect(tab.events).toEqual(['mfa_required', 'refreshed']);
});

it('MFA of one tab does not count in another', async () => {
  await start('cdp');
  const [one, other] = [await openTab(), await openTab()];
  expect([await one.transfer(), await other.transfer()]).toEqual([201, 201]);
  expect([one.events, other.events]).toEqual([['mfa_required'], ['mfa_required']]);
});

it('A session lasts seven days, warns once, and then asks for sign-in', async () => {
  await start('custom');
  const tab = await openTab();
  const statuses = new Set<number>();
  for (let hour = 0; hour < 7 * 24; hour += 1) {
    statuses.add(await tab.me());
    clock.advance(60 * MINUTE_SECONDS);
  }
  expect([...statuses]).toEqual([200]);
  const refreshes = tab.events.filter((event) => event === 'refreshed');
  expect(refreshes).toHaveLength(7 * 24 - 1);
  const others = tab.events.filter((event) => event !== 'refreshed');
  expect(others).toEqual([`ends in ${DAY_SECONDS}`]);

  expect(await tab.me()).toBe(401);
  expect(tab.events.at(-1)).toBe('sign in: session_expired');
});

it('A session that was signed out is told of once, and not refreshed', async () => {
  await start('custom');
  const tab = await openTab();
  expect(await tab.signOut()).toBe(200);
  expect(await Promise.all([tab.me(), tab.me()])).toEqual([401, 401]);
  expect(tab.events).toEqual(['sign in: session_revoked']);
});

it('An outage of the issuer asks for no sign-in', async () => {
  await start('cdp');
  const tab = await openTab();
  issuer.setOutage(true);
  expect(await tab.transfer()).toBe(503);
  issuer.setOutage(false);
  clock.advance(MINUTE_SECONDS);
  expect(await tab.me()).toBe(200);
  expect(tab.events).toEqual([]);
});
