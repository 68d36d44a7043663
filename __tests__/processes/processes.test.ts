/**
 * Several processes on one Redis: verifications and sign-outs of one process hold in every other.
 */
import { createClient } from 'redis';
import { createSessions } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { startApiProcesses, type ApiProcesses } from './api-processes.js';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis.js';

describeWithRedis('Three processes on one Redis', () => {
  let redis: RedisServer;
  let api: ApiProcesses;

  beforeAll(async () => {
    redis = await startRedis();
    api = await startApiProcesses(redis.url);
  }, 60_000);

  afterAll(async () => {
    await api.stop();
    await redis.stop();
  });

  const everywhere = [0, 1, 2];

  /** The answers of all processes to one request. */
  async function ask(method: string, path: string, token: string): Promise<unknown[]> {
    const answers = await Promise.all(everywhere.map((one) => api.call(one, method, path, token)));
    return answers.map(({ status, errorType }) =>
      errorType === undefined ? status : [status, errorType],
    );
  }

  function thrice(answer: unknown): unknown[] {
    return everywhere.map(() => answer);
  }

  it('share the MFA session of a client, and with no other client', async () => {
    const tab = await api.issuer.signIn('user-scope');
    const otherTab = await api.issuer.signIn('user-scope');
    expect((await api.call(0, 'POST', '/mfa', tab.accessToken)).status).toBe(200);
    expect(await ask('POST', '/transfers', tab.accessToken)).toEqual(thrice(201));
    expect(await ask('POST', '/transfers', otherTab.accessToken)).toEqual(
      thrice([403, 'mfa_required']),
    );
  });

  it('carry an MFA session over once for concurrent requests', async () => {
    const before = await api.issuer.signIn('user-race');
    const started = await api.call(1, 'POST', '/mfa', before.accessToken);
    const after = await api.issuer.refresh(before.refreshToken);
    const rivals = await Promise.all([1, 2, 3].map(() => api.issuer.signIn('user-race')));

    // Concurrent requests of the client itself, and of tabs that present its previous token.
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        api.call(index % 3, 'POST', '/transfers', after.accessToken, before.accessToken),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201));
    expect(await ask('POST', '/transfers', before.accessToken)).toEqual(
      thrice([403, 'mfa_required']),
    );
    for (const { accessToken } of rivals) {
      const answer = await api.call(0, 'POST', '/transfers', accessToken, before.accessToken);
      expect(answer.errorType).toBe('mfa_required');
    }
    const { body } = await api.call(2, 'GET', '/mfa', after.accessToken);
    expect(body).toEqual(started.body);
  });

  it('leave exactly one MFA session if many tokens race for it', async () => {
    const before = await api.issuer.signIn('user-rivals');
    await api.call(0, 'POST', '/mfa', before.accessToken);
    const rivals = await Promise.all(
      Array.from({ length: 20 }, () => api.issuer.signIn('user-rivals')),
    );
    const answers = await Promise.all(
      rivals.map(({ accessToken }, index) =>
        api.call(index % 3, 'POST', '/transfers', accessToken, before.accessToken),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ errorType }) => errorType === 'mfa_required')).toHaveLength(19);
  });

  it('refuse a token that another process signed out, cached or not', async () => {
    const tab = await api.issuer.signIn('user-sign-out');
    const otherTab = await api.issuer.signIn('user-sign-out');
    expect(await ask('GET', '/me', tab.accessToken)).toEqual(thrice(200));
    expect((await api.call(0, 'POST', '/sign-out', tab.accessToken)).status).toBe(200);
    expect(await ask('GET', '/me', tab.accessToken)).toEqual(thrice([401, 'session_revoked']));
    expect(await ask('GET', '/me', otherTab.accessToken)).toEqual(thrice(200));
  });

  it('refuse every token of a session whose id was signed out', async () => {
    const token = (): Promise<string> => api.issuer.sign({ sid: 'session-1' });
    const first = await token();
    expect(await ask('GET', '/me', first)).toEqual(thrice(200));
    await api.call(2, 'POST', '/admin/sign-out-session/session-1', first);
    expect(await ask('GET', '/me', first)).toEqual(thrice([401, 'session_revoked']));
    expect(await ask('GET', '/me', await token())).toEqual(thrice([401, 'session_revoked']));
    const other = await api.issuer.sign({ sid: 'session-2' });
    expect(await ask('GET', '/me', other)).toEqual(thrice(200));
  });

  it.each([
    ['session.signOutEverywhere()', '/sign-out/everywhere', 'user-everywhere-1'],
    ['sessions.signOutUser()', '/admin/sign-out-user/user-everywhere-2', 'user-everywhere-2'],
  ])(
    'refuse what started up to the second of %s, and let later tokens pass',
    async (_how, path, userId) => {
      const tab = await api.issuer.signIn(userId);
      const otherTab = await api.issuer.signIn(userId);
      const bystander = await api.issuer.signIn(`${userId}-bystander`);
      expect(await ask('GET', '/me', tab.accessToken)).toEqual(thrice(200));
      expect(await ask('GET', '/me', otherTab.accessToken)).toEqual(thrice(200));
      expect((await api.call(1, 'POST', path, tab.accessToken)).status).toBe(200);
      const thatSecond = Math.floor(Date.now() / 1000);

      expect(await ask('GET', '/me', tab.accessToken)).toEqual(thrice([401, 'session_revoked']));
      expect(await ask('GET', '/me', otherTab.accessToken)).toEqual(
        thrice([401, 'session_revoked']),
      );
      expect(await ask('GET', '/me', bystander.accessToken)).toEqual(thrice(200));
      const later = await api.issuer.sign({ sub: userId, iat: thatSecond + 1 });
      expect(await ask('GET', '/me', later)).toEqual(thrice(200));
    },
  );

  it.each([
    ['session.mfa.endEverywhere()', 'DELETE', '/mfa/everywhere', 'user-mfa-1'],
    ['sessions.endMfa()', 'POST', '/admin/end-mfa/user-mfa-2', 'user-mfa-2'],
  ])('ask for MFA again in every tab after %s', async (_how, method, path, userId) => {
    const tabs = await Promise.all([api.issuer.signIn(userId), api.issuer.signIn(userId)]);
    for (const { accessToken } of tabs) {
      await api.call(0, 'POST', '/mfa', accessToken);
      expect(await ask('POST', '/transfers', accessToken)).toEqual(thrice(201));
    }
    expect((await api.call(2, method, path, tabs[0].accessToken)).status).toBe(200);
    for (const { accessToken } of tabs) {
      expect(await ask('POST', '/transfers', accessToken)).toEqual(thrice([403, 'mfa_required']));
    }
    // A new verification holds again.
    await api.call(1, 'POST', '/mfa', tabs[1].accessToken);
    expect(await ask('POST', '/transfers', tabs[1].accessToken)).toEqual(thrice(201));
    expect(await ask('POST', '/transfers', tabs[0].accessToken)).toEqual(
      thrice([403, 'mfa_required']),
    );
  });

  it('end a watch of a session in one process within its period of a sign-out in another', async () => {
    const client = await createClient({ url: redis.url }).connect();
    const sessions = createSessions({
      authentication: api.issuer.authentication,
      store: redisStore(client),
    });
    const [tab, otherTab] = [
      await api.issuer.signIn('watched'),
      await api.issuer.signIn('watched'),
    ];
    const [watch, otherWatch] = await Promise.all(
      [tab, otherTab].map(async ({ accessToken }) =>
        sessions.watch(await sessions.authenticateToken(accessToken), { everySeconds: 1 }),
      ),
    );
    const aborted = new Promise((resolve) => watch?.signal.addEventListener('abort', resolve));
    const startedAt = performance.now();
    expect((await api.call(0, 'POST', '/sign-out', tab.accessToken)).status).toBe(200);
    await aborted;
    // 1 s, and the time that a busy machine takes.
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(watch?.signal.reason).toMatchObject({ errorType: 'session_revoked' });
    expect(otherWatch?.signal.aborted).toBe(false);
    otherWatch?.stop();
    await client.close();
  });
});
