/**
 * Redis killed, frozen, full and restarted under load. Every answer is counted: no request passes
 * without proof, hangs or crashes a process, and the processes recover by themselves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { startApiProcesses, type Answer, type ApiProcesses } from './api-processes.js';
import { eventually } from '../support/eventually.js';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis.js';

/** A request with its only correct answer, besides 503. */
interface Probe {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly token: string;
  /** The answer while Redis works. */
  readonly well: string;
}

describeWithRedis('While Redis fails under load', () => {
  let redis: RedisServer;
  let api: ApiProcesses;
  let probes: readonly Probe[];

  beforeAll(async () => {
    // Sign-outs have to survive a restart, which needs persistence in the app's Redis.
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    api = await startApiProcesses(redis.url);
    const [good, verified, signedOut] = await Promise.all(
      ['good', 'verified', 'signed-out'].map((name) => api.issuer.signIn(`user-${name}`)),
    );
    if (!good || !verified || !signedOut) throw new Error('nobody signed in');
    await api.call(0, 'POST', '/mfa', verified.accessToken);
    await api.call(0, 'POST', '/sign-out', signedOut.accessToken);
    const get = { method: 'GET', path: '/me' };
    const post = { method: 'POST', path: '/transfers' };
    probes = [
      { name: 'a good token', ...get, token: good.accessToken, well: '200' },
      { name: 'no MFA', ...post, token: good.accessToken, well: '403 mfa_required' },
      { name: 'MFA', ...post, token: verified.accessToken, well: '201' },
      { name: 'signed out', ...get, token: signedOut.accessToken, well: '401 session_revoked' },
    ];
    // The first requests of each process are slow on a busy machine: nothing is compiled or connected.
    expect(await runLoad(() => Promise.resolve())).toMatchObject({ wrong: [] });
    expect(await runLoad(() => Promise.resolve())).toMatchObject({ wrong: [], slow: [] });
  }, 60_000);

  afterAll(async () => {
    await api.stop();
    await redis.stop();
  });

  /** Sends every probe to every process, again and again, while something happens to Redis. */
  async function runLoad(
    happening: () => Promise<void>,
  ): Promise<{ total: number; unavailable: number; wrong: string[]; slow: string[] }> {
    const count = { total: 0, unavailable: 0, wrong: [] as string[], slow: [] as string[] };
    let isOver = false;
    async function ask(probe: Probe, which: number): Promise<void> {
      const answer = await api.call(which, probe.method, probe.path, probe.token);
      const said = describeAnswer(answer);
      count.total += 1;
      if (said === '503 store_unavailable') count.unavailable += 1;
      else if (said !== probe.well) count.wrong.push(`${probe.name}: ${said}`);
      if (answer.tookMs > 2_000) count.slow.push(`${probe.name}: ${Math.round(answer.tookMs)} ms`);
    }
    async function loop(probe: Probe, which: number): Promise<void> {
      do {
        await ask(probe, which);
        await sleep(5);
      } while (!isOver);
    }
    const eachOne = (send: typeof ask): Promise<void>[] =>
      probes.flatMap((probe) =>
        Array.from({ length: api.count }, (_, which) => send(probe, which)),
      );
    // Each probe is answered once before Redis fails.
    await Promise.all(eachOne(ask));
    const loops = eachOne(loop);
    await happening();
    isOver = true;
    await Promise.all(loops);
    return count;
  }

  function describeAnswer({ status, errorType }: Answer): string {
    return errorType === undefined ? String(status) : `${status} ${errorType}`;
  }

  /** Waits until every process gives the correct answer to every probe again. */
  async function recovery(): Promise<void> {
    const deadline = performance.now() + 15_000;
    for (const { name, method, path, token, well } of probes) {
      for (let which = 0; which < api.count; which += 1) {
        await eventually(
          async () => {
            const said = describeAnswer(await api.call(which, method, path, token));
            expect([name, which, said]).toEqual([name, which, well]);
          },
          { withinMs: deadline - performance.now(), everyMs: 100 },
        );
      }
    }
  }

  it.each([
    [
      'frozen',
      async () => {
        redis.pause();
        await sleep(3_000);
        redis.resume();
      },
    ],
    [
      'killed and started again',
      async () => {
        await redis.kill();
        await sleep(2_500);
        await redis.restart();
      },
    ],
    [
      'restarted three times',
      async () => {
        for (let times = 0; times < 3; times += 1) {
          await redis.restart();
          await sleep(700);
        }
      },
    ],
  ])(
    '%s, it answers correctly or with 503 within 2 s, and recovers by itself',
    async (how, happening) => {
      const { total, unavailable, wrong, slow } = await runLoad(happening);
      expect({ wrong, slow }).toEqual({ wrong: [], slow: [] });
      expect(unavailable).toBeGreaterThan(0);
      expect(total).toBeGreaterThan(unavailable);
      if (process.env.SHOW_FIGURES === '1') {
        process.stdout.write(
          `Redis ${how}: ${total} answers, ${unavailable} of them 503, 0 wrong\n`,
        );
      }
      await recovery();
    },
    60_000,
  );

  it('a full Redis refuses sign-outs and serves other requests', async () => {
    const admin = await createClient({ url: redis.url }).connect();
    const { accessToken } = await api.issuer.signIn('user-full');
    try {
      await admin.sendCommand(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction']);
      await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '1']);
      for (let which = 0; which < api.count; which += 1) {
        const signOut = await api.call(which, 'POST', '/sign-out', accessToken);
        expect(describeAnswer(signOut)).toBe('503 store_unavailable');
        const me = await api.call(which, 'GET', '/me', accessToken);
        expect(describeAnswer(me)).toBe('200');
      }
    } finally {
      await admin.sendCommand(['CONFIG', 'SET', 'maxmemory', '0']);
      admin.destroy();
    }
    expect((await api.call(0, 'POST', '/sign-out', accessToken)).status).toBe(200);
    expect(describeAnswer(await api.call(1, 'GET', '/me', accessToken))).toBe(
      '401 session_revoked',
    );
  });

  it('an unreadable record is answered with 503', async () => {
    const admin = await createClient({ url: redis.url }).connect();
    const { accessToken } = await api.issuer.signIn('user-garbage');
    await api.call(0, 'POST', '/mfa', accessToken);
    const before = new Set(await admin.keys('*'));
    await api.call(0, 'POST', '/sign-out', accessToken);
    const [key = ''] = (await admin.keys('*')).filter((one) => !before.has(one));
    expect(key).not.toBe('');
    await admin.set(key, 'garbage', { expiration: { type: 'EX', value: 600 } });
    const answer = await api.call(1, 'GET', '/me', accessToken);
    expect(describeAnswer(answer)).toBe('503 store_unavailable');
    admin.destroy();
  });

  it('no key and no value contains an id or a token', async () => {
    const admin = await createClient({ url: redis.url }).connect();
    const keys = await admin.keys('*');
    const values = await admin.mGet(keys);
    admin.destroy();
    expect(keys.length).toBeGreaterThan(0);
    for (const probe of probes) {
      const secrets = [...probe.token.split('.'), 'user-good', 'user-verified', 'user-signed-out'];
      for (const secret of secrets) {
        expect([...keys, ...values].filter((text) => text?.includes(secret))).toEqual([]);
      }
    }
  });
});
