/**
 * The realtime example as its command starts it: one process alone, and two on one Redis.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { eventually } from '../support/eventually.js';
import { listen } from '../support/listen.js';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis.js';
import { untilPrinted } from '../support/until-printed.js';
import { eventsOf, LiveClient, RealtimeClient } from './realtime-client.js';

/** Two processes compile TypeScript one after the other, which takes a busy machine its time. */
const START_SECONDS = 90;

afterEach(() => {
  LiveClient.terminateAll();
});

describe('The command of the realtime example', () => {
  let example: Example | undefined;
  let url: string;

  beforeAll(async () => {
    example = await startAlone();
    [url = ''] = example.urls;
  }, START_SECONDS * 1000);

  afterAll(() => example?.stop());

  it('starts one process on the loopback address alone', async () => {
    const ada = await RealtimeClient.signIn(url);
    const socket = await ada.live();
    await ada.post('/sign-out-everywhere');
    expect(await socket.closed).toEqual([4401, 'session_revoked']);
    await expect(fetch(url.replace('localhost', '[::1]'))).rejects.toThrow('fetch failed');
  });

  it(
    'says so if its port is taken',
    async () => {
      const port = Number(new URL(url).port);
      expect(await refusalToStart({ REDIS_URL: undefined, PORT: String(port) })).toBe(
        `Port ${port} is taken. Choose another one: PORT=${port + 2} npm run example:realtime\n`,
      );
    },
    START_SECONDS * 1000,
  );
});

describeWithRedis('Two processes of the realtime example on one Redis', () => {
  let redis: RedisServer;
  let example: Example | undefined;
  let here: string;
  let there: string;

  beforeAll(async () => {
    redis = await startRedis();
    example = await startTwo(redis);
    [here = '', there = ''] = example.urls;
  }, START_SECONDS * 1000);

  afterAll(async () => {
    await example?.stop();
    await redis.stop();
  });

  it('closes sockets and feeds of the one within 2 s of a sign-out in the other', async () => {
    const milliseconds: number[] = [];
    // The machine may be busy with something else in one of the three.
    for (const email of ['ada@example.com', 'grace@example.com', 'alan@example.com']) {
      const user = await RealtimeClient.signIn(here, email);
      const userThere = user.at(there);
      const socket = await userThere.live();
      const events = eventsOf(await userThere.get('/feed'));

      const before = performance.now();
      expect((await user.post('/sign-out-everywhere')).status).toBe(204);
      expect(await socket.closed).toEqual([4401, 'session_revoked']);
      milliseconds.push(performance.now() - before);
      expect((await events.next()).value).toEqual({
        event: 'end',
        data: { code: 4401, errorType: 'session_revoked' },
      });
    }
    expect(Math.min(...milliseconds)).toBeLessThan(2000);
  });

  it('has one identity: sign-in, factor and MFA at one count at the other', async () => {
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

  it(
    'ends the second process with the first, however that ends',
    async () => {
      const other = await startTwo(redis);
      const [, second = ''] = other.urls;
      expect((await fetch(second)).status).toBe(200);
      other.child.kill('SIGKILL');
      await eventually(
        async () => {
          await expect(fetch(second)).rejects.toThrow('fetch failed');
        },
        { withinMs: 15_000 },
      );
    },
    START_SECONDS * 1000,
  );

  it(
    'ends the first process, and says so, if the port of the second is taken',
    async () => {
      const taken = await listen(() => undefined);
      try {
        const env = { REDIS_URL: redis.url, PORT: String(taken.port - 1) };
        // That port may be taken too, and the answer is the same.
        expect(await refusalToStart(env)).toMatch(
          /^Port \d+ is taken\. Choose another one: PORT=\d+ npm run example:realtime\n$/,
        );
      } finally {
        await taken.close();
      }
    },
    START_SECONDS * 1000,
  );
});

interface Example {
  readonly child: ChildProcess;
  /** The addresses that were printed. */
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

function startAlone(): Promise<Example> {
  return start({ REDIS_URL: undefined }, 'in two tabs');
}

function startTwo(redis: RedisServer): Promise<Example> {
  return start({ REDIS_URL: redis.url }, 'in another tab');
}

/** Resolves once it has printed `text`. */
async function start(
  env: Readonly<Record<string, string | undefined>>,
  text: string,
): Promise<Example> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/realtime/server.ts'], {
    // A port beside a free one may be in use by a connection, or was a moment ago.
    env: { ...process.env, ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = await untilPrinted(child, child.stdout, text, START_SECONDS);
  return {
    child,
    urls: printed.match(/http:\/\/localhost:\d+/g) ?? [],
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** @returns what it printed before it ended with exit code 1 */
async function refusalToStart(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/realtime/server.ts'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (chunk) => (printed += String(chunk)));
  expect(await once(child, 'close')).toEqual([1, null]);
  return printed;
}
