/**
 * Sign-outs at a real provider, sent to the API by OpenID Connect Back-Channel Logout.
 */
import { Redis } from 'ioredis';
import { customAuthentication, memoryStore, type SessionStore } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { expectProblem } from '../support/expect-problem.js';
import { listen, type Listening } from '../support/listen.js';
import { startOidcProvider, type OidcProvider, type Tokens } from './oidc-provider.js';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis.js';
import { walletApi } from '../support/wallet-api.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

let provider: OidcProvider;

beforeAll(async () => {
  provider = await startOidcProvider();
});

afterAll(() => provider.close());

/** A separate API, which shares only its store with another. */
async function startProcess(store: SessionStore): Promise<Listening> {
  const { issuer, audience, jwksUri } = provider;
  const authentication = customAuthentication({ issuer, audience, jwksUri, typ: 'at+jwt' });
  return listen(walletApi({ authentication, store }, { logoutAudience: ['web', 'mobile'] }));
}

function client(api: Listening, { accessToken }: Tokens): WalletClient {
  return new WalletClient(api.url, accessToken);
}

/** Two processes. The first gets the logout tokens, of `web` with `sid`, of `mobile` without. */
async function startProcesses(
  stores: readonly [SessionStore, SessionStore],
): Promise<readonly [Listening, Listening]> {
  const processes = [await startProcess(stores[0]), await startProcess(stores[1])] as const;
  const backchannelLogoutUri = `${processes[0].url}/backchannel-logout`;
  await provider.setClients([
    { clientId: 'web', backchannelLogoutUri, withSid: true },
    { clientId: 'mobile', backchannelLogoutUri },
  ]);
  return processes;
}

async function expectGood(processes: readonly Listening[], ...tokens: Tokens[]): Promise<void> {
  for (const api of processes) {
    for (const one of tokens) expect((await client(api, one).me()).status).toBe(200);
  }
}

async function expectSignedOut(
  processes: readonly Listening[],
  ...tokens: Tokens[]
): Promise<void> {
  for (const api of processes) {
    for (const one of tokens) expectProblem(await client(api, one).me(), 'session_revoked');
  }
}

function signsOutInEveryProcess(makeStores: () => readonly [SessionStore, SessionStore]): void {
  let processes: readonly [Listening, Listening];

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

  it('leaves the MFA session of the user to the other sessions', async () => {
    const [api] = processes;
    const browser = provider.openBrowser();
    const here = await browser.signIn('web', { account: 'carol' });
    const elsewhere = await provider.openBrowser().signIn('web', { account: 'carol' });
    await client(api, elsewhere).verifyMfa();

    await browser.signOut('web', here);

    await expectSignedOut(processes, here);
    expectTransferred(await client(api, elsewhere).transfer());
  });

  it('ends every session and the MFA session of the user if the token has no `sid`', async () => {
    const [api, otherApi] = processes;
    const browser = provider.openBrowser();
    const here = await browser.signIn('mobile', { account: 'dave' });
    const elsewhere = await provider.openBrowser().signIn('web', { account: 'dave' });
    const bob = await provider.openBrowser().signIn('mobile', { account: 'bob' });
    for (const one of [here, bob]) {
      await client(api, one).verifyMfa();
      expectTransferred(await client(otherApi, one).transfer());
    }
    await expectGood(processes, here, elsewhere, bob);

    await browser.signOut('mobile', here);

    expect(provider.notices.at(-1)).toBe('heard');
    await expectSignedOut(processes, here, elsewhere);
    expectTransferred(await client(otherApi, bob).transfer());
    const inTwoSeconds = Math.floor(Date.now() / 1000) + 2;
    const later = await browser.signIn('web', { account: 'dave', authTime: inTwoSeconds });
    await expectGood(processes, later);
    expectProblem(await client(otherApi, later).transfer(), 'mfa_required');
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
