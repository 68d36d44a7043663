/** The remedy for each refusal, of one request and of many at once. */
import { createSessionFetch } from 'express-wallet-session/client';
import type { Problem, SessionFetchOptions } from 'express-wallet-session/client';
import { retryAfterMilliseconds, sleep } from '../../lib/client/waiting.js';
import { closeApis, deferred, jwt, refuse, SignedInUser, startApi, until } from './api.js';
import type { Answer, Api } from './api.js';

let api: Api;
let answer: Answer;
let user: SignedInUser;
let events: string[];
let verifyMfa: (problem: Problem) => Promise<void>;
let sessionFetch: typeof fetch;

function clientWith(options: Partial<SessionFetchOptions> = {}): typeof fetch {
  return createSessionFetch({
    getAccessToken: user.getAccessToken,
    onMfaRequired: (problem) => verifyMfa(problem),
    onMfaEnrollmentRequired: ({ errorType }) => events.push(`enroll: ${errorType}`),
    onSignInRequired: ({ errorType }) => events.push(`sign in: ${errorType}`),
    origins: [api.origin],
    ...options,
  });
}

beforeEach(async () => {
  answer = (_request, response) => response.end('ok');
  api = await startApi((request, response) => answer(request, response));
  user = new SignedInUser();
  events = [];
  verifyMfa = ({ errorType }) => Promise.resolve(events.push(`prompt: ${errorType}`)).then();
  sessionFetch = clientWith();
});
afterEach(closeApis);

const mfa = { maxAgeSeconds: 300 };

/** Refuses t1 as expired, and accepts every other token. */
const t1HasExpired: Answer = ({ token }, response) => {
  if (token === 't1') refuse(response, 'token_expired');
  else response.end('ok');
};

async function texts(responses: Promise<Response>[]): Promise<string[]> {
  return Promise.all((await Promise.all(responses)).map((response) => response.text()));
}

describe('The action refresh_token', () => {
  it('refreshes, and sends the same request with both tokens', async () => {
    answer = t1HasExpired;
    const init = { method: 'POST', body: '{"amount":1}', headers: { 'X-Mine': '1' } };
    const response = await sessionFetch(`${api.origin}/transfers?x=1`, init);
    expect([response.status, await response.text()]).toEqual([200, 'ok']);
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
    expect(api.calls()).toEqual(['POST /transfers?x=1', 'POST /transfers?x=1']);
    expect(api.received.map(({ body }) => body)).toEqual(['{"amount":1}', '{"amount":1}']);
    expect(api.received.map(({ headers }) => headers['x-mine'])).toEqual(['1', '1']);
  });

  it('refreshes once per request, and hands a second refusal back unread', async () => {
    answer = (_request, response) => {
      refuse(response, 'token_expired');
    };
    const response = await sessionFetch(`${api.origin}/`);
    expect(await response.json()).toMatchObject({ status: 401, errorType: 'token_expired' });
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
    expect(user.refreshes).toBe(1);
    expect(events).toEqual([]);
  });

  it('refreshes once for all parallel requests', async () => {
    answer = t1HasExpired;
    const refreshed = deferred();
    user.beforeRefresh = () => refreshed.promise;
    const parallel = [1, 2, 3, 4].map(() => sessionFetch(`${api.origin}/`));
    await until(() => api.received.length === 4 && user.refreshes === 1);
    const late = sessionFetch(`${api.origin}/late`);
    refreshed.resolve();
    expect(await texts([...parallel, late])).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(user.refreshes).toBe(1);
    expect(api.received.filter(({ token }) => token === 't1')).toHaveLength(4);
    expect(api.received.find(({ path }) => path === '/late')?.token).toBe('t2');
  });

  const failures: [string, () => Promise<string | null>][] = [
    ['rejects', () => Promise.reject(new Error('offline'))],
    [
      'throws',
      () => {
        throw new Error('offline');
      },
    ],
    ['gives the old token', () => Promise.resolve(jwt('t1'))],
    ['gives null', () => Promise.resolve((user.token = null))],
  ];
  it.each(failures)(
    'refreshes once for 12 requests that are answered in turn, if the refresh %s',
    async (_how, fail) => {
      const held = Array.from({ length: 12 }, () => deferred());
      answer = async ({ path }, response) => {
        await held[Number(path.slice(1))]?.promise;
        refuse(response, 'token_expired');
      };
      let refreshes = 0;
      const client = clientWith({
        getAccessToken: (options) => {
          if (!options.forceRefresh) return user.getAccessToken();
          refreshes += 1;
          return fail();
        },
      });
      const responses = held.map((_, index) =>
        client(`${api.origin}/${index}`, { method: 'POST' }),
      );
      await until(() => api.received.length === 12);
      for (const [index, { resolve }] of held.entries()) {
        resolve();
        expect((await responses[index])?.status).toBe(401);
      }
      expect(refreshes).toBe(1);
      expect(api.received).toHaveLength(12);
      expect(events).toEqual(user.token === null ? ['sign in: token_expired'] : []);
    },
  );

  it('does not refresh for a refusal of the old token that arrives after the refresh', async () => {
    const late = deferred();
    answer = async (request, response) => {
      if (request.path === '/late' && request.token === 't1') await late.promise;
      t1HasExpired(request, response);
    };
    const lateResponse = sessionFetch(`${api.origin}/late`);
    await until(() => api.received.length === 1);
    await sessionFetch(`${api.origin}/`);
    late.resolve();
    expect(await texts([lateResponse])).toEqual(['ok']);
    expect(user.refreshes).toBe(1);
    expect(api.tokens()).toEqual(['t1', 't1', 't2/t1', 't2']);
  });

  it('does not refresh if the token has been renewed by itself', async () => {
    answer = (request, response) => {
      if (request.token === 't1') user.rotate();
      t1HasExpired(request, response);
    };
    expect(await texts([sessionFetch(`${api.origin}/`)])).toEqual(['ok']);
    expect(user.refreshes).toBe(0);
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
  });

  it('is not undone by an old token that was asked for before the refresh and came after it', async () => {
    answer = t1HasExpired;
    const slow = deferred();
    let isSlow = false;
    const client = clientWith({
      getAccessToken: async (options) => {
        const token = await user.getAccessToken(options);
        if (isSlow && !options.forceRefresh) {
          isSlow = false;
          await slow.promise;
        }
        return token;
      },
    });
    const refreshed = deferred();
    user.beforeRefresh = () => refreshed.promise;
    const first = client(`${api.origin}/first`);
    await until(() => user.refreshes === 0 && api.received.length === 1);
    isSlow = true;
    const second = client(`${api.origin}/second`);
    await until(() => user.refreshes === 1);
    refreshed.resolve();
    expect(await texts([first])).toEqual(['ok']);
    slow.resolve();
    expect(await texts([second])).toEqual(['ok']);
    expect(api.calls()).toEqual(['GET /first', 'GET /first', 'GET /second']);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't2']);
  });

  it('sends the token of the refresh, even if getAccessToken gives the old one otherwise', async () => {
    answer = t1HasExpired;
    const refreshed = deferred();
    let refreshes = 0;
    const stateless = clientWith({
      getAccessToken: async ({ forceRefresh }) => {
        if (!forceRefresh) return 't1';
        refreshes += 1;
        await refreshed.promise;
        return 't2';
      },
    });
    const parallel = [1, 2, 3].map(() => stateless(`${api.origin}/`));
    await until(() => api.received.length === 3 && refreshes === 1);
    refreshed.resolve();
    expect(await texts(parallel)).toEqual(['ok', 'ok', 'ok']);
    expect(refreshes).toBe(1);
    expect(api.received.slice(3).map(({ token }) => token)).toEqual(['t2', 't2', 't2']);
  });

  it('hands the answer back if the refresh rejects, and asks for no sign-in', async () => {
    answer = t1HasExpired;
    user.beforeRefresh = () => Promise.reject(new Error('offline'));
    const response = await sessionFetch(`${api.origin}/`);
    expect(await response.json()).toMatchObject({ errorType: 'token_expired' });
    expect(events).toEqual([]);
    user.beforeRefresh = () => Promise.resolve();
    expect(await texts([sessionFetch(`${api.origin}/`)])).toEqual(['ok']);
  });

  it('hands the answer back if the refresh throws', async () => {
    answer = t1HasExpired;
    let throws = true;
    const throwing = clientWith({
      getAccessToken: (options) => {
        if (options.forceRefresh && throws) throw new Error('not ready');
        return user.getAccessToken(options);
      },
    });
    expect((await throwing(`${api.origin}/`)).status).toBe(401);
    throws = false;
    expect(await texts([throwing(`${api.origin}/`)])).toEqual(['ok']);
  });

  it('tells the app once if the refresh gives null, and hands the answers back', async () => {
    answer = t1HasExpired;
    user.beforeRefresh = () => {
      user.token = null;
      return Promise.resolve();
    };
    const responses = await Promise.all([1, 2, 3].map(() => sessionFetch(`${api.origin}/`)));
    expect(responses.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(events).toEqual(['sign in: token_expired']);
    expect(api.tokens()).toEqual(['t1', 't1', 't1']);
  });

  it('refreshes for an invalid token with this action', async () => {
    answer = ({ token }, response) => {
      if (token === 't1') refuse(response, 'token_invalid', { action: 'refresh_token' });
      else response.end('ok');
    };
    expect(await texts([sessionFetch(`${api.origin}/`)])).toEqual(['ok']);
  });
});

describe('The action verify_mfa', () => {
  let isVerified: boolean;
  beforeEach(() => {
    isVerified = false;
    answer = (_request, response) => {
      if (isVerified) response.writeHead(201).end('sent');
      else refuse(response, 'mfa_expired', { mfa: { maxAgeSeconds: 60, methods: ['totp'] } });
    };
  });

  it('prompts with the problem, and tries the request once more', async () => {
    const problems: Problem[] = [];
    verifyMfa = (problem) => {
      problems.push(problem);
      isVerified = true;
      return Promise.resolve();
    };
    const response = await sessionFetch(`${api.origin}/transfers`, { method: 'POST', body: 'x' });
    expect([response.status, await response.text()]).toEqual([201, 'sent']);
    expect(api.received.map(({ body }) => body)).toEqual(['x', 'x']);
    expect(problems).toEqual([
      {
        type: 'urn:express-wallet-session:mfa_expired',
        title: 'MFA session expired',
        status: 403,
        detail: 'MFA was verified too long ago for this operation.',
        errorType: 'mfa_expired',
        action: 'verify_mfa',
        correlationId: expect.any(String) as string,
        maxAgeSeconds: 60,
        methods: ['totp'],
      },
    ]);
  });

  it('prompts once per request, and hands a second 403 back unread', async () => {
    const response = await sessionFetch(`${api.origin}/`);
    expect(await response.json()).toMatchObject({ errorType: 'mfa_expired' });
    expect(events).toEqual(['prompt: mfa_expired']);
    expect(api.calls()).toHaveLength(2);
  });

  it('prompts once for all parallel requests, also for those that are refused later', async () => {
    const late = deferred();
    const verified = deferred();
    const guarded = answer;
    answer = async (request, response) => {
      if (request.path === '/late' && !isVerified) {
        await late.promise;
        refuse(response, 'mfa_expired', { mfa });
      } else guarded(request, response);
    };
    verifyMfa = async () => {
      events.push('prompt');
      await verified.promise;
      isVerified = true;
    };
    const lateResponse = sessionFetch(`${api.origin}/late`);
    const parallel = [1, 2, 3].map(() => sessionFetch(`${api.origin}/`));
    await until(() => api.received.length === 4 && events.length === 1);
    verified.resolve();
    expect(await texts(parallel)).toEqual(['sent', 'sent', 'sent']);
    late.resolve();
    expect(await texts([lateResponse])).toEqual(['sent']);
    expect(events).toEqual(['prompt']);
  });

  it('hands every 403 back unread if the user cancels, also the late ones', async () => {
    const late = deferred();
    const guarded = answer;
    answer = async (request, response) => {
      if (request.path === '/late') await late.promise;
      guarded(request, response);
    };
    verifyMfa = () => {
      events.push('prompt');
      return Promise.reject(new Error('cancelled'));
    };
    const lateResponse = sessionFetch(`${api.origin}/late`);
    await until(() => api.received.length === 1);
    const responses = await Promise.all([1, 2].map(() => sessionFetch(`${api.origin}/`)));
    late.resolve();
    for (const response of [...responses, await lateResponse]) {
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ action: 'verify_mfa' });
    }
    expect(events).toEqual(['prompt']);
    expect(api.calls()).toHaveLength(3);
  });

  it('prompts again for a request made after the user cancelled', async () => {
    verifyMfa = () => Promise.reject(new Error(String(events.push('prompt'))));
    await sessionFetch(`${api.origin}/`);
    await sessionFetch(`${api.origin}/`);
    expect(events).toEqual(['prompt', 'prompt']);
  });

  it('tries again with a newer token before it prompts', async () => {
    answer = ({ token }, response) => {
      if (token !== 't1') response.end('ok');
      else {
        user.rotate();
        refuse(response, 'mfa_required', { mfa });
      }
    };
    expect(await texts([sessionFetch(`${api.origin}/`)])).toEqual(['ok']);
    expect(events).toEqual([]);
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
  });

  it('prompts after a newer token was refused too, and then tries a third time', async () => {
    const guarded = answer;
    answer = (request, response) => {
      if (request.token === 't1') user.rotate();
      guarded(request, response);
    };
    verifyMfa = ({ errorType }) => {
      isVerified = true;
      return Promise.resolve(events.push(errorType)).then();
    };
    const response = await sessionFetch(`${api.origin}/`, { method: 'POST' });
    expect(response.status).toBe(201);
    expect(events).toEqual(['mfa_expired']);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't2']);
  });

  it('tries again with a newer token once, even if each answer finds a newer one', async () => {
    const guarded = answer;
    answer = (request, response) => {
      user.rotate();
      guarded(request, response);
    };
    const response = await sessionFetch(`${api.origin}/`, { method: 'POST' });
    expect(response.status).toBe(403);
    expect(events).toEqual(['prompt: mfa_expired']);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't3/t2']);
  });

  it('does not prompt a request that was sent before the user cancelled, newer token or not', async () => {
    const late = deferred();
    const guarded = answer;
    answer = async (request, response) => {
      if (request.path === '/late' && request.token === 't1') await late.promise;
      guarded(request, response);
    };
    verifyMfa = () => Promise.reject(new Error(String(events.push('prompt'))));
    const lateResponse = sessionFetch(`${api.origin}/late`);
    await until(() => api.received.length === 1);
    await sessionFetch(`${api.origin}/`);
    user.rotate();
    late.resolve();
    expect((await lateResponse).status).toBe(403);
    expect(events).toEqual(['prompt']);
    expect(api.tokens()).toEqual(['t1', 't1', 't2/t1']);
  });

  it('sends the token that the verification has brought', async () => {
    verifyMfa = async () => {
      isVerified = true;
      await user.getAccessToken({ forceRefresh: true });
    };
    expect(await texts([sessionFetch(`${api.origin}/`)])).toEqual(['sent']);
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
  });

  it('lets onMfaRequired use the same fetch', async () => {
    const guarded = answer;
    answer = (request, response) => {
      if (request.path === '/mfa') {
        isVerified = true;
        response.writeHead(204).end();
      } else guarded(request, response);
    };
    verifyMfa = async () => {
      await sessionFetch(`${api.origin}/mfa`, { method: 'POST' });
    };
    expect(await texts([sessionFetch(`${api.origin}/`)])).toEqual(['sent']);
  });

  it('hands the 403 back without onMfaRequired', async () => {
    const silent = clientWith({ onMfaRequired: undefined });
    const response = await silent(`${api.origin}/`);
    expect(await response.json()).toMatchObject({ errorType: 'mfa_expired' });
    expect(api.calls()).toHaveLength(1);
  });

  it('prompts after a refresh that the same request needed', async () => {
    const guarded = answer;
    answer = (request, response) => {
      if (request.token === 't1') refuse(response, 'token_expired');
      else guarded(request, response);
    };
    verifyMfa = () => {
      isVerified = true;
      return Promise.resolve();
    };
    expect(await texts([sessionFetch(`${api.origin}/`)])).toEqual(['sent']);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 't2']);
  });
});

describe('The action retry', () => {
  const unavailable =
    (retryAfter: string): Answer =>
    (request, response) => {
      if (api.received.length > 1) {
        response.end(request.method);
        return;
      }
      response.setHeader('Retry-After', retryAfter);
      response.writeHead(503, { 'Content-Type': 'application/problem+json' });
      response.end('{"action":"retry","errorType":"store_unavailable"}');
    };

  it.each(['GET', 'OPTIONS'])('waits for Retry-After and repeats a %s', async (method) => {
    answer = unavailable('1');
    const startedAt = performance.now();
    const response = await sessionFetch(`${api.origin}/`, { method });
    expect(await response.text()).toBe(method);
    expect(performance.now() - startedAt).toBeGreaterThan(990);
    expect(api.calls()).toEqual([`${method} /`, `${method} /`]);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('hands the answer to a %s back', async (method) => {
    answer = unavailable('0');
    const response = await sessionFetch(`${api.origin}/`, { method });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ action: 'retry' });
    expect(api.calls()).toHaveLength(1);
  });

  it('repeats a request once', async () => {
    answer = (_request, response) => {
      response.writeHead(503, { 'Content-Type': 'application/problem+json', 'Retry-After': '0' });
      response.end('{"action":"retry"}');
    };
    const response = await sessionFetch(`${api.origin}/`);
    expect(response.status).toBe(503);
    expect(api.calls()).toHaveLength(2);
  });

  it.each([
    ['86400', 10_000],
    ['10', 10_000],
    ['3', 3000],
    ['0', 0],
    ['soon', 1000],
    [undefined, 1000],
  ])('waits, with Retry-After %p, for %d ms', (retryAfter, milliseconds) => {
    const response = new Response();
    if (retryAfter !== undefined) response.headers.set('Retry-After', retryAfter);
    expect(retryAfterMilliseconds(response)).toBe(milliseconds);
  });

  it('stops waiting when the caller aborts', async () => {
    answer = unavailable('10');
    const controller = new AbortController();
    const startedAt = performance.now();
    const request = sessionFetch(`${api.origin}/`, { signal: controller.signal });
    const outcome = expect(request).rejects.toThrow('enough');
    await until(() => api.received.length === 1);
    setTimeout(() => {
      controller.abort(new Error('enough'));
    }, 50);
    await outcome;
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(api.calls()).toHaveLength(1);
  });
});

it('A wait that was aborted leaves no timer, which would keep the process running', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  await expect(sleep(10_000, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  expect(timers()).toBeLessThanOrEqual(before);
});

describe('The actions sign_in and enroll_mfa', () => {
  it.each(['token_missing', 'token_invalid', 'session_expired', 'session_revoked'] as const)(
    'tell the app of %s and hand the answer back',
    async (errorType) => {
      answer = (_request, response) => {
        refuse(response, errorType);
      };
      const response = await sessionFetch(`${api.origin}/`);
      expect(await response.json()).toMatchObject({ errorType });
      expect(events).toEqual([`sign in: ${errorType}`]);
      expect(api.calls()).toHaveLength(1);
      expect(user.refreshes).toBe(0);
    },
  );

  it('tell the app that the user has to enroll', async () => {
    answer = (_request, response) => {
      refuse(response, 'mfa_not_enrolled', { mfa });
    };
    const response = await sessionFetch(`${api.origin}/`, { method: 'POST' });
    expect(await response.json()).toMatchObject({ errorType: 'mfa_not_enrolled' });
    expect(events).toEqual(['enroll: mfa_not_enrolled']);
  });

  it.each(['session_revoked', 'mfa_not_enrolled'] as const)(
    'tell of %s once for all parallel requests, and again for a later one',
    async (errorType) => {
      const held = deferred();
      answer = async (_request, response) => {
        await held.promise;
        refuse(response, errorType, { mfa });
      };
      const parallel = [1, 2, 3].map(() => sessionFetch(`${api.origin}/`));
      await until(() => api.received.length === 3);
      held.resolve();
      const responses = await Promise.all(parallel);
      expect(responses.map(({ bodyUsed }) => bodyUsed)).toEqual([false, false, false]);
      expect(events).toHaveLength(1);
      await sessionFetch(`${api.origin}/`);
      expect(events).toHaveLength(2);
    },
  );

  it('ask for no sign-in if the refused token has been replaced', async () => {
    const late = deferred();
    answer = async ({ token }, response) => {
      if (token !== 't1') {
        response.end('ok');
        return;
      }
      await late.promise;
      refuse(response, 'session_revoked');
    };
    const stale = sessionFetch(`${api.origin}/`);
    await until(() => api.received.length === 1);
    user.token = 't7';
    await sessionFetch(`${api.origin}/`);
    late.resolve();
    expect((await stale).status).toBe(401);
    expect(events).toEqual([]);
  });

  it('hand the answer back if the callback throws or rejects', async () => {
    answer = (_request, response) => {
      refuse(response, 'session_revoked');
    };
    const callbacks: (() => void)[] = [
      () => {
        throw new Error('broken');
      },
      () => Promise.reject(new Error('broken')),
    ];
    for (const onSignInRequired of callbacks) {
      const response = await clientWith({ onSignInRequired })(`${api.origin}/`);
      expect(await response.json()).toMatchObject({ errorType: 'session_revoked' });
    }
  });

  it('hand the answer back without a callback', async () => {
    answer = (_request, response) => {
      refuse(response, 'session_revoked');
    };
    expect((await clientWith({ onSignInRequired: undefined })(`${api.origin}/`)).status).toBe(401);
  });

  it('are the only ones told: fix_request and unknown actions are left to the app', async () => {
    answer = (_request, response) => {
      refuse(response, 'invalid_request');
    };
    expect((await sessionFetch(`${api.origin}/`)).status).toBe(400);
    answer = (_request, response) => {
      response.writeHead(401, { 'Content-Type': 'application/problem+json' });
      response.end('{"action":"sing_in"}');
    };
    expect((await sessionFetch(`${api.origin}/`)).status).toBe(401);
    expect(api.calls()).toHaveLength(2);
    expect(events).toEqual([]);
  });
});

describe('An answer that is no problem of the library', () => {
  it.each([
    ['plain JSON', 'application/json', '{"action":"refresh_token"}'],
    ['a problem of another kind', 'application/problem+json', '{"title":"Teapot"}'],
    ['no JSON', 'application/problem+json', '{"action":'],
    ['JSON that is null', 'application/problem+json', 'null'],
    ['an empty body', 'application/problem+json', ''],
    ['another type with the same beginning', 'application/problem+jsonx', '{"action":"sign_in"}'],
    [
      'an endless one',
      'application/problem+json',
      `{"x":"${'x'.repeat(200_000)}","action":"sign_in"}`,
    ],
  ])('is handed back unread: %s', async (_what, type, body) => {
    answer = (_request, response) => response.writeHead(401, { 'Content-Type': type }).end(body);
    const response = await sessionFetch(`${api.origin}/`);
    expect(response.bodyUsed).toBe(false);
    expect(await response.text()).toBe(body);
    expect(api.calls()).toHaveLength(1);
    expect(events).toEqual([]);
  });

  it('is handed back if it succeeded', async () => {
    answer = (_request, response) =>
      response
        .writeHead(200, { 'Content-Type': 'application/problem+json' })
        .end('{"action":"sign_in"}');
    expect(await texts([sessionFetch(`${api.origin}/`)])).toEqual(['{"action":"sign_in"}']);
    expect(events).toEqual([]);
  });

  it('is handed back if it breaks off', async () => {
    answer = (_request, response) => {
      response.writeHead(401, {
        'Content-Type': 'application/problem+json',
        'Content-Length': '50',
      });
      response.write('{"action":"sign');
      setTimeout(() => response.destroy(), 20);
    };
    const response = await sessionFetch(`${api.origin}/`);
    expect(response.status).toBe(401);
    await expect(response.text()).rejects.toThrow();
    expect(api.calls()).toHaveLength(1);
  });
});

describe('An abort', () => {
  it.each(['a token', 'a refresh', 'a prompt'])('ends the wait for %s', async (what) => {
    const never = new Promise<never>(() => undefined);
    let waits = false;
    const wait = (): Promise<never> => {
      waits = true;
      return never;
    };
    answer = (_request, response) => {
      refuse(response, what === 'a prompt' ? 'mfa_required' : 'token_expired', { mfa });
    };
    verifyMfa = wait;
    user.beforeRefresh = wait;
    const client = what === 'a token' ? clientWith({ getAccessToken: wait }) : sessionFetch;
    const controller = new AbortController();
    const request = client(`${api.origin}/`, { signal: controller.signal });
    await until(() => waits);
    controller.abort();
    await expect(request).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('of one request leaves the refresh to the others', async () => {
    answer = t1HasExpired;
    const refreshed = deferred();
    user.beforeRefresh = () => refreshed.promise;
    const controller = new AbortController();
    const first = sessionFetch(new Request(`${api.origin}/`, { signal: controller.signal }));
    await until(() => user.refreshes === 1);
    const second = sessionFetch(`${api.origin}/`);
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    refreshed.resolve();
    expect(await texts([second])).toEqual(['ok']);
    expect(user.refreshes).toBe(1);
  });

  it('before the start keeps the request from being sent', async () => {
    const signal = AbortSignal.abort();
    const waiting = clientWith({ getAccessToken: () => new Promise(() => undefined) });
    for (const client of [sessionFetch, waiting])
      await expect(client(`${api.origin}/`, { signal })).rejects.toMatchObject({
        name: 'AbortError',
      });
    expect(api.calls()).toEqual([]);
  });
});
