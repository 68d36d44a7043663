/**
 * The realtime example as its command starts it: one process alone, and two on one Redis.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { eventually } from '../support/eventually.js';
import { describeWithRedis, freePort, startRedis, type RedisServer } from '../support/redis.js';
import { untilPrinted } from '../support/until-printed.js';
import { eventsOf, LiveClient, RealtimeClient } from './realtime-client.js';

let example: ChildProcess | undefined;

afterEach(async () => {
  LiveClient.terminateAll();
  if (example?.exitCode !== null || example.signalCode !== null) return;
  example.kill('SIGTERM');
  await once(example, 'exit');
});

describe('The command of the realtime example', () => {
  it('starts one process on the loopback address alone', async () => {
    const port = await start({ REDIS_URL: undefined }, 'in two tabs');
    const ada = await RealtimeClient.signIn(`http://localhost:${port}`);
    const socket = await ada.live();
    await ada.post('/sign-out-everywhere');
    expect(await socket.closed).toEqual([4401, 'session_revoked']);
    await expect(fetch(`http://[::1]:${port}`)).rejects.toThrow('fetch failed');
  });

  it('says so if its port is taken', async () => {
    const port = await start({ REDIS_URL: undefined }, 'in two tabs');
    const second = spawn(process.execPath, ['--import', 'tsx', 'examples/realtime/server.ts'], {
      env: { ...process.env, REDIS_URL: undefined, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    second.stderr.on('data', (chunk) => (printed += String(chunk)));
    expect(await once(second, 'close')).toEqual([1, null]);
    expect(printed).toBe(
      `Port ${port} is taken. Choose another one: PORT=${port + 2} npm run example:realtime\n`,
    );
  });
});

describeWithRedis('Two processes of the realtime example on one Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  it('closes sockets and feeds of the one within 2 s of a sign-out in the other', async () => {
    const port = await start({ REDIS_URL: redis.url }, 'The second process');
    const [here, there] = [`http://localhost:${port}`, `http://localhost:${port + 1}`];
    const ada = await RealtimeClient.signIn(here);
    const adaThere = ada.at(there);
    const socket = await adaThere.live();
    const events = eventsOf(await adaThere.get('/feed'));

    const before = performance.now();
    expect((await ada.post('/sign-out-everywhere')).status).toBe(204);
    expect(await socket.closed).toEqual([4401, 'session_revoked']);
    expect(performance.now() - before).toBeLessThan(2000);
    expect((await events.next()).value).toEqual({
      event: 'end',
      data: { code: 4401, errorType: 'session_revoked' },
    });
  });

  it('ends the second process with the first, however that ends', async () => {
    const port = await start({ REDIS_URL: redis.url }, 'The second process');
    const there = `http://localhost:${port + 1}`;
    expect((await fetch(there)).status).toBe(200);
    example?.kill('SIGKILL');
    await eventually(async () => {
      await expect(fetch(there)).rejects.toThrow('fetch failed');
    });
  });

  it('has one identity: sign-in, factor and MFA at one count at the other', async () => {
    const port = await start({ REDIS_URL: redis.url }, 'The second process');
    const [here, there] = [`http://localhost:${port}`, `http://localhost:${port + 1}`];
    const ada = await RealtimeClient.signIn(there);
    const socket = await ada.at(here).live();
    const order = { type: 'send', id: 'order-1', to: 'Grace', amount: '25' };
    socket.send(order);
    expect(await socket.next('problem')).toMatchObject({
      problem: { errorType: 'mfa_not_enrolled' },
    });
    await ada.enrol();
    for (const url of [here, there]) {
      const live = await ada.at(url).live();
      live.send(order);
      expect(await live.next('sent')).toMatchObject({ transfer: { balance: '975.00' } });
    }
    expect(await (await ada.post('/demo/clock', { seconds: 60 })).json()).toMatchObject({
      status: 409,
      errorType: 'fixed_time',
    });
    const refused = await fetch(`${there}/mfa/totp`);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="api"',
    ]);
  });
});

/** @returns its port, once it has printed this */
async function start(
  env: Readonly<Record<string, string | undefined>>,
  text: string,
): Promise<number> {
  const port = await freePort();
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/realtime/server.ts'], {
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  example = child;
  await untilPrinted(child, child.stdout, text);
  return port;
}
