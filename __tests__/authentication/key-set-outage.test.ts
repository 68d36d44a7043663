/**
 * Outages of the JWKS: with keys, without keys, and after the recovery.
 */
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Express } from 'express';
import { createSessions, customAuthentication, type SessionOptions } from 'express-wallet-session';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import type { Test } from 'supertest';
import { eventually } from '../support/eventually.js';
import { expectProblem, type Answered } from '../support/expect-problem.js';
import { JwksServer } from '../support/jwks-server.js';
import {
  accessTokenClaims,
  AUDIENCE,
  ISSUER,
  keySetOf,
  SigningKey,
} from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';
import { getMe } from '../support/wallet-client.js';

const DAY = 86_400;
const MAX_BYTES = 512 * 1024;
const key = new SigningKey();

let clock: TestClock;
let servers: JwksServer[];
let jwks: JwksServer;
let elsewhere: JwksServer;

beforeEach(async () => {
  clock = createTestClock();
  servers = await Promise.all(Array.from({ length: 3 }, () => JwksServer.start(key)));
  [jwks, elsewhere] = servers as [JwksServer, JwksServer];
});

afterEach(() => Promise.all(servers.map((server) => server.close())));

interface FetchOption {
  readonly fetch: typeof fetch;
}

function options(jwksUri = jwks.uri, more: Partial<FetchOption> = {}): SessionOptions {
  const given = { issuer: ISSUER, audience: AUDIENCE, jwksUri, ...more };
  return { authentication: customAuthentication(given), clock };
}

function get(app: Express, signer = key): Test {
  const token = signer.token(accessTokenClaims(clock()));
  return getMe(app, token);
}

async function expectPass(app: Express): Promise<void> {
  const answer: Answered = await get(app);
  expect(answer).toMatchObject({ status: 200, body: { userId: 'victim' } });
}

/** Expects 503; returns the seconds of its `Retry-After`. */
function expectUnavailable(answer: Answered): number {
  const retryAfter = String(answer.headers['retry-after']);
  expectProblem(answer, 'verification_unavailable', { retryAfter });
  expect(retryAfter).toMatch(/^[1-4]$/);
  return Number(retryAfter);
}

/** A valid JWKS of exactly this many bytes. */
function paddedTo(bytes: number): string {
  const text = JSON.stringify({ ...keySetOf(key), pad: '' });
  return text.replace('"pad":""', `"pad":"${'x'.repeat(bytes - text.length)}"`);
}

type Failure = readonly [string, () => unknown];

const weak = new SigningKey('RS256', { modulusLength: 1024 });

const failures: readonly Failure[] = [
  ['is closed', () => jwks.close()],
  ['resets the connection', () => (jwks.answer = (req): unknown => req.socket.destroy())],
  [
    'breaks off in the middle',
    () => {
      jwks.answer = (_req, res): void => {
        res.writeHead(200, { 'content-length': '10000' });
        res.write(JSON.stringify(keySetOf(key)), () => res.destroy());
      };
    },
  ],
  ...[201, 204, 206, 304, 400, 401, 403, 404, 429, 500, 502, 503, 504].map((status): Failure => [
    `answers ${status}`,
    (): void => {
      jwks.send(status === 204 || status === 304 ? '' : JSON.stringify(keySetOf(key)), {}, status);
    },
  ]),
  ...[301, 302, 303, 307, 308].map((status): Failure => [
    `redirects to good keys with ${status}`,
    (): void => {
      jwks.send('', { location: elsewhere.uri }, status);
    },
  ]),
  [
    'answers HTML',
    () => {
      jwks.send('<!doctype html><h1>Sign in</h1>', { 'content-type': 'text/html' });
    },
  ],
  ...[
    '',
    ' ',
    'null',
    '"keys"',
    '[]',
    '{}',
    '{"keys":null}',
    '{"keys":{}}',
    '{"keys":[]}',
    '{"keys":[null,5,"key",[],{}]}',
    JSON.stringify([key.jwk()]),
    JSON.stringify(key.jwk()),
    JSON.stringify(keySetOf(key)).slice(0, -1),
    JSON.stringify(keySetOf(weak)),
    JSON.stringify(keySetOf(key.jwk({ use: 'enc' }))),
  ].map((text): Failure => [
    `answers ${text.slice(0, 40)}…`,
    (): void => {
      jwks.send(text);
    },
  ]),
  [
    `answers more than ${MAX_BYTES} bytes`,
    () => {
      jwks.send(paddedTo(MAX_BYTES + 1));
    },
  ],
  [
    'answers few bytes that unpack to many',
    () => {
      jwks.send(gzipSync(paddedTo(64 * MAX_BYTES)), { 'content-encoding': 'gzip' });
    },
  ],
];

describe.each(failures)('When the endpoint %s', (_what, fail) => {
  it('the last good keys stay in use, and without keys the answer is 503', async () => {
    const warm = walletApi(options());
    const cold = walletApi(options());
    await expectPass(warm);
    const { answer } = jwks;
    await fail();

    clock.advance(3600);
    await expectPass(warm);
    expectProblem(await get(cold), 'verification_unavailable');
    await expectPass(warm);
    expect(elsewhere.fetches).toBe(0);

    if (jwks.answer === answer) await jwks.open();
    jwks.answer = answer;
    expectProblem(await get(cold), 'verification_unavailable');
    clock.advance(1);
    await expectPass(cold);
    await expectPass(warm);
  });
});

describe('When the endpoint hangs', () => {
  /** Each case has its own endpoint, so that they wait in parallel. */
  const hangs: Readonly<Record<string, (server: JwksServer) => Partial<FetchOption>>> = {
    'before it answers': (server) => {
      server.hold();
      return {};
    },
    'in the middle of its answer': (server) => {
      server.answer = (_req, res): void => {
        res.writeHead(200, { 'content-type': 'application/json' });
        res.write('{"keys":[');
      };
      return {};
    },
    'and the fetch that was given does not listen to being called off': () => ({
      fetch: () => new Promise<Response>(() => undefined),
    }),
  };

  it('requests wait 5 s at most, and not at all with keys or after a failure', async () => {
    const cases = await Promise.all(
      Object.values(hangs).map(async (hang, index) => {
        const server = servers[index] ?? jwks;
        const warm = walletApi(options(server.uri));
        await expectPass(warm);
        const { answer } = server;
        const cold = walletApi(options(server.uri, hang(server)));
        return { server, answer, warm, cold };
      }),
    );
    clock.advance(3600);
    await Promise.all(
      cases.map(async ({ warm, cold }) => {
        const from = performance.now();
        const waiting = Array.from({ length: 3 }, () => get(cold).then((response) => response));
        await expectPass(warm);
        expect(performance.now() - from).toBeLessThan(4000);
        for (const response of await Promise.all(waiting)) expectUnavailable(response);
        const waited = performance.now() - from;
        expect(waited).toBeGreaterThan(4900);
        expect(waited).toBeLessThan(8000);
        expectUnavailable(await get(cold));
        await expectPass(warm);
        expect(performance.now() - from - waited).toBeLessThan(2000);
      }),
    );
    clock.advance(4);
    for (const { server, answer, cold } of cases.slice(0, 2)) {
      server.answer = answer;
      await expectPass(cold);
    }
  }, 20_000);
});

describe('A key set', () => {
  it(`of ${MAX_BYTES} bytes, or with a byte order mark, is accepted`, async () => {
    jwks.send(paddedTo(MAX_BYTES));
    await expectPass(walletApi(options()));
    jwks.send(`\uFEFF${JSON.stringify(keySetOf(key))}`, { 'content-type': 'text/plain' });
    await expectPass(walletApi(options()));
  });

  it('that a custom fetch found behind a redirect is refused', async () => {
    jwks.send('', { location: elsewhere.uri }, 302);
    const app = walletApi(options(jwks.uri, { fetch: (input) => fetch(input) }));
    expectProblem(await get(app), 'verification_unavailable');
    expect(elsewhere.fetches).toBe(1);
  });
});

describe("The app's own fetch", () => {
  /** In the shape of node-fetch: the body is a stream of Node. */
  const nodeFetch = (async (input: string, init: RequestInit) => {
    const { status, headers, body } = await fetch(input, init);
    const stream = body === null ? null : Readable.fromWeb(body);
    return { status, headers, body: stream, redirected: false, url: input };
  }) as unknown as typeof fetch;
  /** In the shape of fetches without streams. */
  const textFetch = (async (input: string, init: RequestInit) => {
    const response = await fetch(input, init);
    return { status: response.status, headers: response.headers, text: () => response.text() };
  }) as unknown as typeof fetch;

  it.each([
    ['with streams of Node', nodeFetch],
    ['without streams', textFetch],
  ])('%s gets the keys, and its failures name the status', async (_what, given) => {
    await expectPass(walletApi(options(jwks.uri, { fetch: given })));
    jwks.send(paddedTo(MAX_BYTES + 1));
    await expect(createSessions(options(jwks.uri, { fetch: given })).ready()).rejects.toMatchObject(
      { cause: { message: `${jwks.uri} answered more than ${MAX_BYTES} bytes` } },
    );
    jwks.fail(404);
    await expect(createSessions(options(jwks.uri, { fetch: given })).ready()).rejects.toMatchObject(
      { cause: { message: `${jwks.uri} answered 404` } },
    );
  });

  it('may throw at once', async () => {
    const given = (): never => {
      throw new Error('no network here');
    };
    await expect(createSessions(options(jwks.uri, { fetch: given })).ready()).rejects.toMatchObject(
      { cause: { message: `${jwks.uri} could not be fetched: no network here` } },
    );
  });
});

describe('In an outage', () => {
  it('the last good keys stay in use for 24 hours', async () => {
    const app = walletApi({ ...options(), tokenCache: { maxAgeSeconds: 7 * DAY } });
    const longLived = key.token(accessTokenClaims(clock(), { exp: clock() / 1000 + 7 * DAY }));
    const getRemembered = (): Test => getMe(app, longLived);
    await expectPass(app);
    expect((await getRemembered()).status).toBe(200);
    jwks.fail();

    clock.advance(DAY - 1);
    await expectPass(app);
    expect((await getRemembered()).status).toBe(200);
    clock.advance(1);
    await eventually(async () => {
      expectUnavailable(await get(app));
    });
    expectUnavailable(await getRemembered());

    jwks.publish([key]);
    clock.advance(4);
    await expectPass(app);
    expect((await getRemembered()).status).toBe(200);
  });

  it('expired keys are fetched again sooner than keys in use are refreshed', async () => {
    // Several, because each has a random back-off.
    const all = Array.from({ length: 12 }, () => createSessions(options()));
    const readyCount = async (): Promise<number> => {
      const results = await Promise.allSettled(all.map((sessions) => sessions.ready()));
      return results.filter(({ status }) => status === 'fulfilled').length;
    };
    expect(await readyCount()).toBe(12);
    jwks.fail();
    clock.advance(DAY - 60);
    for (let second = 0; second < 60; second += 1) {
      expect(await readyCount()).toBe(12);
      await sleep(5);
      clock.advance(1);
    }
    expect(await readyCount()).toBe(0);
    jwks.publish([key]);
    clock.advance(4);
    expect(await readyCount()).toBe(12);
  });

  it('a malformed token is token_invalid', async () => {
    jwks.fail();
    const app = walletApi(options());
    const bad = key.token(accessTokenClaims(clock(), { aud: 'other' }));
    for (const token of [bad, 'x.y.z', 'x']) {
      expectProblem(await getMe(app, token), 'token_invalid');
    }
    expect(jwks.fetches).toBe(0);
  });

  it('Retry-After stays at a few seconds while there are no keys', async () => {
    jwks.fail();
    const app = walletApi(options());
    let waited = 0;
    for (let tries = 1; tries <= 40; tries += 1) {
      const seconds = expectUnavailable(await get(app));
      expect(jwks.fetches).toBe(tries);
      clock.advance(seconds);
      waited += seconds;
    }
    expect(waited).toBeGreaterThan(100);
    jwks.publish([key]);
    await expectPass(app);
  });

  it('the endpoint is fetched at growing intervals', async () => {
    const [warm, cold] = [walletApi(options()), walletApi(options())];
    await expectPass(warm);
    const fetchesIn = async (app: Express, seconds: number): Promise<number> => {
      const before = jwks.fetches;
      for (let second = 0; second < seconds; second += 1) {
        clock.advance(1);
        await get(app);
        await get(app);
      }
      return jwks.fetches - before;
    };
    clock.advance(3600);
    jwks.fail();
    expect(await fetchesIn(warm, 300)).toBeLessThan(60);
    expect(await fetchesIn(cold, 300)).toBeLessThan(110);
  });

  it('retries of several processes are spread', async () => {
    jwks.fail();
    const all = Array.from({ length: 12 }, () => createSessions(options()));
    const askAll = (): Promise<unknown> =>
      Promise.allSettled(all.map((sessions) => sessions.ready()));
    await askAll();
    const fetches: number[] = [];
    for (let step = 0; step < 20; step += 1) {
      clock.advance(0.05);
      const before = jwks.fetches;
      await askAll();
      fetches.push(jwks.fetches - before);
    }
    expect(fetches.slice(0, 14).every((count) => count === 0)).toBe(true);
    expect(fetches.reduce((sum, count) => sum + count)).toBe(12);
    expect(fetches.filter((count) => count > 0).length).toBeGreaterThan(1);
  });

  it('sessions.ready() rejects, and resolves afterwards', async () => {
    jwks.fail();
    const sessions = createSessions(options());
    await expect(sessions.ready()).rejects.toMatchObject({
      errorType: 'verification_unavailable',
      cause: { message: `${jwks.uri} answered 503` },
    });
    jwks.publish([key]);
    clock.advance(1);
    await expect(sessions.ready()).resolves.toBeUndefined();
  });

  it.each<readonly [string, (server: JwksServer) => unknown, string]>([
    ['is closed', (server) => server.close(), 'could not be fetched: fetch failed: ECONNREFUSED'],
    [
      'is no such page',
      (server) => {
        server.fail(404);
      },
      'answered 404',
    ],
    [
      'redirects',
      (server) => {
        server.send('', { location: '/login?state=secret' }, 302);
      },
      'answered 302, a redirect to ORIGIN/login, which is not followed',
    ],
    [
      'has no usable key',
      (server) => {
        server.send('{"keys":[]}');
      },
      'answered without a usable key',
    ],
  ])('the cause names the address, and that it %s', async (_what, fail, message) => {
    await fail(jwks);
    const { origin } = new URL(jwks.uri);
    await expect(createSessions(options()).ready()).rejects.toMatchObject({
      cause: { message: `${jwks.uri} ${message.replace('ORIGIN', origin)}` },
    });
  });

  it('only the cause names the failure', async () => {
    jwks.send('<h1>secret page</h1>');
    const causes: unknown[] = [];
    const app = walletApi({
      ...options(),
      onError: (error, _req, res) => {
        causes.push(error.cause);
        res.end(JSON.stringify(error.toProblem()));
      },
    });
    const { text } = await get(app);
    expect(causes).toEqual([new Error(`${jwks.uri} answered something that is not JSON`)]);
    expect(text).not.toMatch(/secret|JSON|JWKS|127\.0\.0\.1/);
  });
});
