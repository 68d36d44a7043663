/** Which requests carry the tokens, and when the previous one is sent too. */
import { createSessionFetch } from 'express-wallet-session/client';
import { closeApis, deferred, jwt, refuse, SignedInUser, startApi, until } from './api.js';
import type { Answer, Api } from './api.js';

let api: Api;
let answer: Answer;
let user: SignedInUser;
let sessionFetch: typeof fetch;

beforeEach(async () => {
  answer = (_request, response) => response.end('ok');
  api = await startApi((request, response) => answer(request, response));
  user = new SignedInUser();
  sessionFetch = createSessionFetch({
    getAccessToken: user.getAccessToken,
    origins: [api.origin],
  });
});
afterEach(closeApis);

describe('The access token', () => {
  it('is sent to a listed origin, in each form of the address', async () => {
    await sessionFetch(`${api.origin}/text`);
    await sessionFetch(new URL('/url', api.origin));
    await sessionFetch(new Request(`${api.origin}/request`));
    expect(api.calls()).toEqual(['GET /text', 'GET /url', 'GET /request']);
    expect(api.tokens()).toEqual(['t1', 't1', 't1']);
  });

  it('is sent to no other origin, and the request there is unchanged', async () => {
    const other = await startApi((_request, response) => response.end('other'));
    const init = { method: 'POST', body: 'x', headers: { 'X-Mine': '1' } };
    const response = await sessionFetch(`${other.origin}/hook`, init);
    expect(await response.text()).toBe('other');
    expect(other.tokens()).toEqual(['none']);
    expect(other.received[0]).toMatchObject({ method: 'POST', body: 'x' });
    expect(other.received[0]?.headers).toMatchObject({ 'x-mine': '1' });
  });

  it('is not asked for if it will not be sent', async () => {
    const asked: unknown[] = [];
    const passed: unknown[][] = [];
    const passing = createSessionFetch({
      getAccessToken: (options) => Promise.resolve(asked.push(options)).then(() => 't1'),
      origins: [api.origin],
      fetch: (...given) => Promise.resolve(passed.push(given)).then(() => new Response()),
    });
    const init = {};
    await passing('https://elsewhere.example/', init);
    await passing(`${api.origin}.evil.example/`, init);
    await passing('/relative', init);
    await passing(`blob:${api.origin}/0`, init);
    const opaque = new Request(api.origin, { mode: 'no-cors' });
    await passing(opaque, init);
    expect(asked).toEqual([]);
    expect(passed).toEqual([
      ['https://elsewhere.example/', init],
      [`${api.origin}.evil.example/`, init],
      ['/relative', init],
      [`blob:${api.origin}/0`, init],
      [opaque, init],
    ]);
    expect(passed.every(([, given]) => given === init)).toBe(true);
  });

  it('is not sent if getAccessToken gives null', async () => {
    user.token = null;
    const response = await sessionFetch(`${api.origin}/`);
    expect(response.status).toBe(200);
    expect(api.received[0]?.headers).not.toHaveProperty('authorization');
  });

  it('is sent beside the headers of the caller, also those of a Request', async () => {
    await sessionFetch(`${api.origin}/`, { headers: [['X-Mine', '1']] });
    await sessionFetch(new Request(`${api.origin}/`, { headers: { 'X-Mine': '2' } }));
    await sessionFetch(new Request(`${api.origin}/`, { headers: { 'X-Mine': '2' } }), {
      headers: new Headers({ 'X-Other': '3' }),
    });
    expect(api.received.map(({ headers }) => [headers['x-mine'], headers['x-other']])).toEqual([
      ['1', undefined],
      ['2', undefined],
      [undefined, '3'],
    ]);
    expect(api.tokens()).toEqual(['t1', 't1', 't1']);
  });

  it('does not replace an Authorization header of the caller, and the request is unchanged', async () => {
    answer = (_request, response) => {
      refuse(response, 'token_expired');
    };
    const headers = { authorization: 'Basic eA==' };
    const first = await sessionFetch(`${api.origin}/`, { headers });
    const second = await sessionFetch(new Request(`${api.origin}/`, { headers }));
    expect([first.status, second.status]).toEqual([401, 401]);
    expect(api.received.map((request) => request.headers.authorization)).toEqual([
      'Basic eA==',
      'Basic eA==',
    ]);
    expect(user.refreshes).toBe(0);
  });

  it('fails the request with the error of getAccessToken', async () => {
    const failing = createSessionFetch({
      getAccessToken: () => Promise.reject(new RangeError('no SDK')),
      origins: [api.origin],
    });
    await expect(failing(`${api.origin}/`)).rejects.toThrow(new RangeError('no SDK'));
    expect(api.received).toEqual([]);
  });

  it('is not sent if getAccessToken gives undefined or an empty string', async () => {
    for (const nothing of [undefined, '']) {
      const careless = createSessionFetch({
        getAccessToken: () => Promise.resolve(nothing as string | null),
        origins: [api.origin],
      });
      await careless(`${api.origin}/`);
    }
    expect(api.tokens()).toEqual(['none', 'none']);
  });
});

describe('The previous access token', () => {
  it('is sent once the token has changed, until a request with both was answered', async () => {
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    await sessionFetch(`${api.origin}/`);
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't2']);
  });

  it.each([400, 401, 408, 425, 429, 500, 502, 503, 504, 507, 599])(
    'is sent again after a %i, which may come from a gateway or carried nothing over',
    async (status) => {
      await sessionFetch(`${api.origin}/`);
      user.rotate();
      answer = (_request, response) => response.writeHead(status).end();
      await sessionFetch(`${api.origin}/`);
      answer = (_request, response) => response.end();
      await sessionFetch(`${api.origin}/`);
      await sessionFetch(`${api.origin}/`);
      expect(api.tokens()).toEqual(['t1', 't2/t1', 't2/t1', 't2']);
    },
  );

  it.each([200, 204, 304, 402, 403, 404, 409, 410, 422, 424, 428, 499])(
    'is not sent again after a %i',
    async (status) => {
      await sessionFetch(`${api.origin}/`);
      user.rotate();
      answer = (_request, response) => response.writeHead(status).end();
      await sessionFetch(`${api.origin}/`);
      await sessionFetch(`${api.origin}/`);
      expect(api.tokens()).toEqual(['t1', 't2/t1', 't2']);
    },
  );

  it('is sent again after a request that carried the previous token of the caller', async () => {
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    const headers = { 'Previous-Access-Token': 'mine' };
    await sessionFetch(`${api.origin}/`, { headers });
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/mine', 't2/t1']);
  });

  it('is sent again after a redirect that fetch has followed to another origin', async () => {
    const other = await startApi((_request, response) => response.end());
    const following = createSessionFetch({
      getAccessToken: user.getAccessToken,
      origins: [api.origin],
      fetch: (input, init) => fetch(input, { ...init, redirect: 'follow' }),
    });
    await following(`${api.origin}/`);
    user.rotate();
    answer = (_request, response) => response.writeHead(302, { Location: other.origin }).end();
    await following(`${api.origin}/`);
    answer = (_request, response) => response.end();
    await following(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't2/t1']);
  });

  it('is sent again after a request that was never answered', async () => {
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    answer = (_request, response) => response.destroy();
    await expect(sessionFetch(`${api.origin}/`)).rejects.toThrow('fetch failed');
    answer = (_request, response) => response.end();
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't2/t1']);
  });

  it('is the last one that was answered, after several refreshes without an answer', async () => {
    await sessionFetch(`${api.origin}/`);
    answer = (_request, response) => response.writeHead(503).end();
    for (let refreshes = 0; refreshes < 3; refreshes += 1) {
      user.rotate();
      await sessionFetch(`${api.origin}/`);
    }
    answer = (_request, response) => response.end();
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't3/t1', 't4/t1', 't4/t1', 't5/t4']);
  });

  it('is the first one known, as long as none was answered', async () => {
    answer = (_request, response) => response.writeHead(503).end();
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't3/t1']);
  });

  it('is sent with each parallel request until one of them was answered', async () => {
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    const held = deferred();
    answer = async (_request, response) => {
      await held.promise;
      response.end();
    };
    const parallel = [1, 2, 3].map(() => sessionFetch(`${api.origin}/`));
    await until(() => api.received.length === 4);
    held.resolve();
    await Promise.all(parallel);
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't2/t1', 't2/t1', 't2']);
  });

  it('is not the earlier one again after a late answer to that', async () => {
    const late = deferred();
    answer = async ({ path }, response) => {
      if (path === '/slow') await late.promise;
      response.end();
    };
    const slow = sessionFetch(`${api.origin}/slow`);
    await until(() => api.received.length === 1);
    user.rotate();
    await sessionFetch(`${api.origin}/`);
    late.resolve();
    await slow;
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't2', 't3/t2']);
  });

  it('stays the newer one if an earlier token is answered last', async () => {
    const late = deferred();
    answer = async ({ path }, response) => {
      if (path === '/slow') await late.promise;
      response.end();
    };
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    const slow = sessionFetch(`${api.origin}/slow`);
    await until(() => api.received.length === 2);
    user.rotate();
    await sessionFetch(`${api.origin}/`);
    late.resolve();
    await slow;
    user.rotate();
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't3/t1', 't4/t3']);
  });

  it('is the one that was answered while a newer one was in flight', async () => {
    const late = deferred();
    answer = async ({ path }, response) => {
      if (path === '/slow') await late.promise;
      response.end();
    };
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    const slow = sessionFetch(`${api.origin}/slow`);
    await until(() => api.received.length === 2);
    user.rotate();
    answer = async (_request, response) => {
      late.resolve();
      await slow;
      response.end();
    };
    // The second token was answered before the third, and may have the MFA session.
    await sessionFetch(`${api.origin}/`);
    await sessionFetch(`${api.origin}/`);
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't3/t1', 't3/t2', 't3']);
  });

  it('is forgotten if the user signs out', async () => {
    await sessionFetch(`${api.origin}/`);
    user.token = null;
    await sessionFetch(`${api.origin}/`);
    user.token = 't9';
    await sessionFetch(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 'none', 't9']);
  });

  it('is sent to no origin that is not listed', async () => {
    const other = await startApi((_request, response) => response.end());
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    await sessionFetch(`${other.origin}/`);
    expect(other.tokens()).toEqual(['none']);
  });
});

describe('The option getAccessToken', () => {
  const { now } = Date;
  afterEach(() => {
    Date.now = now;
  });
  const seconds = () => Math.floor(Date.now() / 1000);

  /** Like CDP's function, renews a token near its end in each call, also in calls side by side. */
  function createSdk() {
    const calls = { running: 0, atOnce: 0, renewals: 0 };
    let exp = seconds() + 900;
    async function getAccessToken({ forceRefresh }: { readonly forceRefresh: boolean }) {
      calls.running += 1;
      calls.atOnce = Math.max(calls.atOnce, calls.running);
      if (forceRefresh || exp <= seconds() + 60) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        calls.renewals += 1;
        exp = seconds() + 900;
      }
      calls.running -= 1;
      return jwt(`t${calls.renewals + 1}`, { exp });
    }
    return { calls, getAccessToken };
  }

  it.each([840, 900, 36_000])(
    'is called once at a time for a token that was issued %i s ago, so it renews once',
    async (elapsedSeconds) => {
      const { calls, getAccessToken } = createSdk();
      const client = createSessionFetch({ getAccessToken, origins: [api.origin] });
      await client(`${api.origin}/`);
      Date.now = () => now() + elapsedSeconds * 1000;
      await Promise.all(Array.from({ length: 12 }, () => client(`${api.origin}/`)));
      expect(calls).toEqual({ running: 0, atOnce: 1, renewals: 1 });
      expect(api.tokens().slice(1)).toEqual(Array(12).fill('t2/t1'));
    },
  );

  it('is called once at a time for a refresh too', async () => {
    const { calls, getAccessToken } = createSdk();
    const client = createSessionFetch({ getAccessToken, origins: [api.origin] });
    await client(`${api.origin}/`);
    Date.now = () => now() + 839_000;
    answer = ({ token }, response) => {
      if (token === 't1') refuse(response, 'token_expired');
      else response.end('ok');
      Date.now = () => now() + 901_000;
    };
    await Promise.all(Array.from({ length: 12 }, () => client(`${api.origin}/`)));
    expect(calls).toEqual({ running: 0, atOnce: 1, renewals: 1 });
  });

  it('is called side by side for a token whose `exp` is of another clock', async () => {
    const held = deferred();
    let calls = 0;
    const client = createSessionFetch({
      getAccessToken: async () => {
        calls += 1;
        if (calls === 2) await held.promise;
        return jwt('t1', { exp: seconds() - 3600 });
      },
      origins: [api.origin],
    });
    await client(`${api.origin}/`);
    const waiting = client(`${api.origin}/`);
    await client(`${api.origin}/`);
    held.resolve();
    await waiting;
    expect(calls).toBe(3);
  });

  it('does not keep later requests waiting after it rejected', async () => {
    const { getAccessToken } = createSdk();
    let isOffline = false;
    const client = createSessionFetch({
      getAccessToken: (options) =>
        isOffline ? Promise.reject(new Error('offline')) : getAccessToken(options),
      origins: [api.origin],
    });
    await client(`${api.origin}/`);
    Date.now = () => now() + 900_000;
    isOffline = true;
    const failed = [client(`${api.origin}/`), client(`${api.origin}/`)];
    for (const response of failed) await expect(response).rejects.toThrow('offline');
    isOffline = false;
    await client(`${api.origin}/`);
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
  });
});

describe('The answer', () => {
  it('is that of fetch, unread', async () => {
    answer = (_request, response) => {
      refuse(response, 'mfa_required', { mfa: { maxAgeSeconds: 300 } });
    };
    const response = await sessionFetch(`${api.origin}/`);
    expect(response.bodyUsed).toBe(false);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ errorType: 'mfa_required', maxAgeSeconds: 300 });
  });

  it('is the error of fetch if fetch fails', async () => {
    const gone = await startApi(() => undefined);
    await gone.close();
    const failing = createSessionFetch({
      getAccessToken: user.getAccessToken,
      origins: [gone.origin],
    });
    const [ours, theirs] = await Promise.all([
      failing(`${gone.origin}/`).catch((error: unknown) => error),
      fetch(`${gone.origin}/`).catch((error: unknown) => error),
    ]);
    expect(String(ours)).toBe('TypeError: fetch failed');
    expect(String(ours)).toBe(String(theirs));
  });
});
