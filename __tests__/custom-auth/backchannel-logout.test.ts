/**
 * Sign-out at a real provider, which tells the API of it by OpenID Connect Back-Channel Logout.
 */
import { Redis } from 'ioredis';
import {
  createSessions,
  customAuthentication,
  memoryStore,
  type SessionStore,
} from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { expectRevoked, startApi, type Api } from '../support/oidc-api.js';
import { startOidcProvider, type OidcProvider, type Tokens } from '../support/oidc-provider.js';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis.js';

let provider: OidcProvider;

beforeAll(async () => {
  provider = await startOidcProvider();
});

afterAll(() => provider.close());

/** An API of its own, with nothing in common with another but the store behind it. */
async function startProcess(store: SessionStore): Promise<Api> {
  const { issuer, audience, jwksUri } = provider;
  return startApi(
    createSessions({
      authentication: customAuthentication({ issuer, audience, jwksUri, typ: 'at+jwt' }),
      store,
    }),
  );
}

/** Two processes, of which the first hears of sign-outs: of `web` with `sid`, of `mobile` without. */
async function startProcesses(
  stores: readonly [SessionStore, SessionStore],
): Promise<readonly [Api, Api]> {
  const processes = [await startProcess(stores[0]), await startProcess(stores[1])] as const;
  const backchannelLogoutUri = processes[0].logoutUri;
  await provider.setClients([
    { clientId: 'web', backchannelLogoutUri, withSid: true },
    { clientId: 'mobile', backchannelLogoutUri },
  ]);
  return processes;
}

async function expectGood(processes: readonly Api[], ...tokens: Tokens[]): Promise<void> {
  for (const api of processes) {
    for (const { accessToken } of tokens) {
      expect((await api.get('/me', accessToken)).status).toBe(200);
    }
  }
}

async function expectSignedOut(processes: readonly Api[], ...tokens: Tokens[]): Promise<void> {
  for (const api of processes) {
    for (const { accessToken } of tokens) expectRevoked(await api.get('/me', accessToken));
  }
}

function signsOutInEveryProcess(makeStores: () => readonly [SessionStore, SessionStore]): void {
  let processes: readonly [Api, Api];

  beforeEach(async () => {
    processes = await startProcesses(makeStores());
  });

  afterEach(async () => {
    await Promise.all(processes.map((api) => api.close()));
  });

  it('ends the session that signed out, cached tokens included, and no other', async () => {
    const browser = provider.openBrowser();
    const here = await browser.signIn('web', { account: 'alice' });
    const elsewhere = await provider.openBrowser().signIn('web', { account: 'alice' });
    const bob = await provider.openBrowser().signIn('web', { account: 'bob' });
    const refreshed = await provider.refresh('web', here.refreshToken);
    await expectGood(processes, here, refreshed, elsewhere, bob);

    await browser.signOut('web', here);

    expect(provider.notices.at(-1)).toBe('heard');
    await expectSignedOut(processes, here, refreshed);
    await expectGood(processes, elsewhere, bob);
  });

  it('leaves the MFA session of the user to the sessions that go on', async () => {
    const [api] = processes;
    const browser = provider.openBrowser();
    const here = await browser.signIn('web', { account: 'carol' });
    const elsewhere = await provider.openBrowser().signIn('web', { account: 'carol' });
    await api.post('/mfa', elsewhere.accessToken, { method: 'totp' });

    await browser.signOut('web', here);

    await expectSignedOut(processes, here);
    expect((await api.post('/transfers', elsewhere.accessToken)).status).toBe(201);
  });

  it('ends every session and the MFA session of a user where it is not said which', async () => {
    const [api, otherApi] = processes;
    const browser = provider.openBrowser();
    const here = await browser.signIn('mobile', { account: 'dave' });
    const elsewhere = await provider.openBrowser().signIn('web', { account: 'dave' });
    const bob = await provider.openBrowser().signIn('mobile', { account: 'bob' });
    for (const { accessToken } of [here, bob]) {
      await api.post('/mfa', accessToken, { method: 'totp' });
      expect((await otherApi.post('/transfers', accessToken)).status).toBe(201);
    }
    await expectGood(processes, here, elsewhere, bob);

    await browser.signOut('mobile', here);

    expect(provider.notices.at(-1)).toBe('heard');
    await expectSignedOut(processes, here, elsewhere);
    expect((await otherApi.post('/transfers', bob.accessToken)).status).toBe(201);
    const inTwoSeconds = Math.floor(Date.now() / 1000) + 2;
    const later = await browser.signIn('web', { account: 'dave', authTime: inTwoSeconds });
    await expectGood(processes, later);
    expect((await otherApi.post('/transfers', later.accessToken)).body).toMatchObject({
      errorType: 'mfa_required',
    });
  });
}

describe('A sign-out at the provider', () => {
  signsOutInEveryProcess(() => {
    const store = memoryStore();
    return [store, store];
  });
});

describeWithRedis('A sign-out at the provider, with Redis between the processes', () => {
  let server: RedisServer;
  let clients: readonly [Redis, Redis];

  beforeAll(async () => {
    server = await startRedis();
    clients = [new Redis(server.url), new Redis(server.url)];
  });

  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });

  signsOutInEveryProcess(() => [redisStore(clients[0]), redisStore(clients[1])]);
});
