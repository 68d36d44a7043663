/** Approvals of single requests: prompts in turn, and the id of the challenge in the next try. */
import { createSessionFetch } from 'express-wallet-session/client';
import type { Problem, SessionFetchOptions } from 'express-wallet-session/client';
import { closeApis, redirect, refuse, SignedInUser, startApi, until } from './api.js';
import type { Answer, Api, Received } from './api.js';

type Prompt = NonNullable<SessionFetchOptions['onApprovalRequired']>;

let api: Api;
let answer: Answer;
let user: SignedInUser;
let tokenFor: SignedInUser['getAccessToken'];
let prompted: string[];
let prompt: Prompt;
let expiresInSeconds: number;
let sessionFetch: typeof fetch;

function clientWith(options: Partial<SessionFetchOptions> = {}): typeof fetch {
  return createSessionFetch({
    getAccessToken: (options) => tokenFor(options),
    onApprovalRequired: (problem, { signal }) => {
      prompted.push(problem.challengeId ?? '');
      return prompt(problem, { signal });
    },
    origins: [api.origin],
    ...options,
  });
}

const idOf = ({ headers }: Received) => headers['x-mfa-challenge-id'];

/** Refuses each request without an id, with a challenge named after its body. */
const asksForApproval: Answer = (request, response) => {
  const { body } = request;
  if (idOf(request) !== undefined) {
    response.writeHead(201).end(`sent ${body}`);
    return;
  }
  const description = { action: 'transfer', order: body };
  refuse(response, 'mfa_required', {
    approval: { challengeId: `id-of-${body}`, description, expiresInSeconds },
  });
};

beforeEach(async () => {
  answer = asksForApproval;
  api = await startApi((request, response) => answer(request, response));
  user = new SignedInUser();
  tokenFor = user.getAccessToken;
  prompted = [];
  prompt = () => Promise.resolve();
  expiresInSeconds = 300;
  sessionFetch = clientWith();
});
afterEach(closeApis);

const never = new Promise<never>(() => undefined);

function send(body: string, init: RequestInit = {}, client = sessionFetch): Promise<Response> {
  return client(`${api.origin}/transfers`, { method: 'POST', body, ...init });
}

/** Body, and the id that was sent with it, of each request. */
function sent(): string[] {
  return api.received.map((request) => `${request.body} ${String(idOf(request) ?? 'without')}`);
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );
}

describe('The option onApprovalRequired', () => {
  it('gets the problem, and the same request is sent once more with the id', async () => {
    const problems: Problem[] = [];
    prompt = (problem) => Promise.resolve(problems.push(problem)).then();
    const headers = { 'X-Mine': '1', 'Content-Type': 'text/plain' };
    const response = await send('a', { headers });
    expect([response.status, await response.text()]).toEqual([201, 'sent a']);
    expect(sent()).toEqual(['a without', 'a id-of-a']);
    expect(api.received.map((received) => received.headers['x-mine'])).toEqual(['1', '1']);
    expect(problems).toEqual([
      {
        type: 'urn:express-wallet-session:mfa_required',
        title: 'MFA required',
        status: 403,
        detail: expect.any(String) as string,
        errorType: 'mfa_required',
        action: 'approve_request',
        correlationId: expect.any(String) as string,
        challengeId: 'id-of-a',
        description: { action: 'transfer', order: 'a' },
        expiresInSeconds: 300,
      },
    ]);
  });

  it('gets the signal and nothing else beside the problem', async () => {
    const given: unknown[] = [];
    const client = clientWith({
      onApprovalRequired: (_problem, options) => Promise.resolve(given.push(options)).then(),
    });
    expect((await send('a', {}, client)).status).toBe(201);
    expect(given).toStrictEqual([{ signal: expect.any(AbortSignal) as unknown }]);
  });

  const changeable: [string, () => [RequestInit['body'], () => void]][] = [
    [
      'a typed array',
      () => {
        const bytes = new TextEncoder().encode('50');
        return [bytes, () => bytes.fill(57)];
      },
    ],
    [
      'an ArrayBuffer',
      () => {
        const bytes = new TextEncoder().encode('50');
        return [bytes.buffer, () => bytes.fill(57)];
      },
    ],
    [
      'URLSearchParams',
      () => {
        const form = new URLSearchParams({ amount: '50' });
        return [
          form,
          () => {
            form.set('amount', '99');
          },
        ];
      },
    ],
    [
      'a FormData',
      () => {
        const form = new FormData();
        form.set('amount', '50');
        form.append('bill', new File(['text'], 'bill.txt', { type: 'text/plain' }));
        return [
          form,
          () => {
            form.set('amount', '99');
          },
        ];
      },
    ],
  ];
  it.each(changeable)('is followed by the same body, changed or not: %s', async (_kind, create) => {
    const [body, change] = create();
    answer = (request, response) => {
      if (idOf(request) !== undefined) response.writeHead(201).end();
      else {
        const approval = { challengeId: 'the-id', description: null, expiresInSeconds };
        refuse(response, 'mfa_required', { approval });
      }
    };
    prompt = () => {
      change();
      return Promise.resolve();
    };
    const response = send('', { body: body ?? null });
    change();
    expect((await response).status).toBe(201);
    const bodies = api.received.map((request) => request.body.replace(/form-?data-.*/gi, ''));
    expect(bodies[0]).toContain('50');
    expect(bodies[1]).toBe(bodies[0]);
  });

  it('may approve through the same fetch', async () => {
    answer = (request, response) => {
      if (request.path === '/approvals') response.writeHead(204).end();
      else asksForApproval(request, response);
    };
    prompt = async ({ challengeId = '' }) => {
      await sessionFetch(`${api.origin}/approvals`, { method: 'POST', body: challengeId });
    };
    expect((await send('a')).status).toBe(201);
    expect(api.calls()).toEqual(['POST /transfers', 'POST /approvals', 'POST /transfers']);
  });

  const refusals: [string, Partial<SessionFetchOptions>][] = [
    ['is missing', { onApprovalRequired: undefined }],
    ['rejects', { onApprovalRequired: () => Promise.reject(new Error('declined')) }],
    [
      'throws',
      {
        onApprovalRequired: () => {
          throw new Error('declined');
        },
      },
    ],
  ];
  it.each(refusals)('leaves the caller the 403, unread, if it %s', async (_how, options) => {
    const response = await send('a', {}, clientWith(options));
    expect([response.status, response.bodyUsed]).toEqual([403, false]);
    expect(await response.json()).toMatchObject({ challengeId: 'id-of-a' });
    expect(sent()).toEqual(['a without']);
  });

  it('is called once per request; a second 403 is handed back unread', async () => {
    answer = (_request, response) => {
      const challengeId = `id-${api.received.length}`;
      const approval = { challengeId, description: null, expiresInSeconds };
      refuse(response, 'mfa_required', { approval });
    };
    const response = await send('a');
    expect(await response.json()).toMatchObject({ challengeId: 'id-2' });
    expect(prompted).toEqual(['id-1']);
    expect(sent()).toEqual(['a without', 'a id-1']);
  });

  it.each([undefined, '', 'a b', 'a\nb', 'ä', 5])(
    'is not called if the problem has the challenge id %p, which no header can carry',
    async (challengeId) => {
      answer = (_request, response) => {
        response.writeHead(403, { 'Content-Type': 'application/problem+json' });
        response.end(JSON.stringify({ action: 'approve_request', challengeId }));
      };
      expect((await send('a')).status).toBe(403);
      expect(prompted).toEqual([]);
    },
  );

  it('is never called for a body that is a stream', async () => {
    const body = new Blob(['a']).stream();
    const response = await send('', { body, duplex: 'half' });
    expect(response.status).toBe(403);
    expect([prompted, sent()]).toEqual([[], ['a without']]);
  });

  it('is called after MFA was verified, if the route demands both', async () => {
    let isVerified = false;
    answer = (request, response) => {
      if (isVerified) asksForApproval(request, response);
      else refuse(response, 'mfa_required', { mfa: { maxAgeSeconds: 300 } });
    };
    const client = clientWith({
      onMfaRequired: () => Promise.resolve().then(() => void (isVerified = true)),
    });
    expect((await send('a', {}, client)).status).toBe(201);
    expect(sent()).toEqual(['a without', 'a without', 'a id-of-a']);
  });
});

describe('The signal of an approval', () => {
  it('is aborted with the request, with the same reason', async () => {
    let signal: AbortSignal | undefined;
    prompt = (_problem, options) => {
      signal = options.signal;
      return never;
    };
    const controller = new AbortController();
    const response = rejection(send('a', { signal: controller.signal }));
    await until(() => signal !== undefined);
    expect(signal?.aborted).toBe(false);
    const reason = new Error('left the page');
    controller.abort(reason);
    expect(await response).toBe(reason);
    expect(signal?.reason).toBe(reason);
    expect(sent()).toEqual(['a without']);
  });

  it('is aborted when the challenge ends, and the 403 is handed back', async () => {
    expiresInSeconds = 1;
    let reason: unknown;
    prompt = (_problem, { signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      return never;
    };
    const response = await send('a');
    expect(await response.json()).toMatchObject({ challengeId: 'id-of-a' });
    expect(reason).toMatchObject({ name: 'TimeoutError' });
    expect(sent()).toEqual(['a without']);
  });

  it('is not aborted after the prompt, and leaves no timer', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout');
    const before = timers().length;
    let signal: AbortSignal | undefined;
    prompt = (_problem, options) => {
      signal = options.signal;
      return Promise.resolve();
    };
    const controller = new AbortController();
    const response = await send('a', { signal: controller.signal });
    await response.text();
    controller.abort();
    expect(signal?.aborted).toBe(false);
    expect(timers().length).toBeLessThanOrEqual(before);
  });

  it.each(['signs out', 'is another'])('is aborted when the user %s', async (change) => {
    let signal: AbortSignal | undefined;
    prompt = (_problem, options) => {
      signal = options.signal;
      return never;
    };
    const response = send('a');
    await until(() => signal !== undefined);
    if (change === 'signs out') user.token = null;
    else user.replace();
    await sessionFetch(`${api.origin}/me`, { headers: { 'X-Mfa-Challenge-Id': 'mine' } });
    expect((await response).status).toBe(403);
    expect(signal?.aborted).toBe(true);
    expect(api.calls()).toEqual(['POST /transfers', 'GET /me']);
  });
});

describe('Several approvals at once', () => {
  /** Prompts that the test answers, in the order they were opened. */
  function manualPrompts() {
    const open: { resolve: () => void; reject: (error: Error) => void }[] = [];
    let atOnce = 0;
    let running = 0;
    prompt = (_problem, { signal }) => {
      running += 1;
      atOnce = Math.max(atOnce, running);
      return new Promise<void>((resolve, reject) => {
        open.push({ resolve, reject });
        signal.addEventListener('abort', () => {
          reject(new Error('closed'));
        });
      }).finally(() => {
        running -= 1;
      });
    };
    return { open, atOnce: () => atOnce };
  }

  it('are three prompts, one after another, each for its own request', async () => {
    const { open, atOnce } = manualPrompts();
    const responses = ['a', 'b', 'c'].map((body) => send(body));
    for (let count = 1; count <= 3; count += 1) {
      await until(() => open.length === count);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(open).toHaveLength(count);
      open[count - 1]?.resolve();
    }
    const texts = await Promise.all(responses.map(async (response) => (await response).text()));
    expect(texts).toEqual(['sent a', 'sent b', 'sent c']);
    expect([...prompted].sort()).toEqual(['id-of-a', 'id-of-b', 'id-of-c']);
    expect(atOnce()).toBe(1);
    expect(sent().slice(3).sort()).toEqual(['a id-of-a', 'b id-of-b', 'c id-of-c']);
  });

  it('go on after one was declined', async () => {
    const { open } = manualPrompts();
    const first = send('a');
    await until(() => open.length === 1);
    const second = send('b');
    await until(() => api.received.length === 2);
    open[0]?.reject(new Error('declined'));
    expect((await first).status).toBe(403);
    await until(() => open.length === 2);
    open[1]?.resolve();
    expect((await second).status).toBe(201);
    expect(prompted).toEqual(['id-of-a', 'id-of-b']);
  });

  it('do not prompt a request that was aborted while it waited', async () => {
    const { open } = manualPrompts();
    const first = send('a');
    await until(() => open.length === 1);
    const controller = new AbortController();
    const second = rejection(send('b', { signal: controller.signal }));
    await until(() => api.received.length === 2);
    const third = send('c');
    await until(() => api.received.length === 3);
    controller.abort();
    expect(await second).toMatchObject({ name: 'AbortError' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    // The one behind it still waits for the first.
    expect(prompted).toEqual(['id-of-a']);
    open[0]?.resolve();
    await until(() => open.length === 2);
    open[1]?.resolve();
    expect((await first).status).toBe(201);
    expect((await third).status).toBe(201);
    expect(prompted).toEqual(['id-of-a', 'id-of-c']);
  });

  it('go on after an abort, though the app still owes a token', async () => {
    const { open } = manualPrompts();
    const first = send('a');
    await until(() => open.length === 1);
    let isAsked = false;
    const controller = new AbortController();
    const second = rejection(send('b', { signal: controller.signal }));
    await until(() => api.received.length === 2);
    const third = send('c');
    await until(() => api.received.length === 3);
    tokenFor = () => {
      tokenFor = user.getAccessToken;
      isAsked = true;
      return never;
    };
    // Declined, so that the first asks for no token before the second does.
    open[0]?.reject(new Error('declined'));
    expect((await first).status).toBe(403);
    await until(() => isAsked);
    controller.abort();
    expect(await second).toMatchObject({ name: 'AbortError' });
    await until(() => open.length === 2);
    open[1]?.resolve();
    expect((await third).status).toBe(201);
    expect(prompted).toEqual(['id-of-a', 'id-of-c']);
  });

  it('do not prompt for a challenge that ended while it waited', async () => {
    const { open } = manualPrompts();
    const first = send('a');
    await until(() => open.length === 1);
    expiresInSeconds = 0.05;
    expect((await send('b')).status).toBe(403);
    open[0]?.resolve();
    expect((await first).status).toBe(201);
    expect(prompted).toEqual(['id-of-a']);
  });

  it('do not prompt for a challenge that ended while the device slept', async () => {
    const { open } = manualPrompts();
    const first = send('a');
    await until(() => open.length === 1);
    const second = send('b');
    await until(() => api.received.length === 2);
    // Until the refusal is known, whose end is counted from then.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { now } = Date;
    Date.now = () => now() + 300_000;
    try {
      open[0]?.resolve();
      expect((await first).status).toBe(201);
      expect((await second).status).toBe(403);
    } finally {
      Date.now = now;
    }
    expect(prompted).toEqual(['id-of-a']);
  });

  it('close one dialog before the next one opens, also when the first is aborted', async () => {
    const { open, atOnce } = manualPrompts();
    const controller = new AbortController();
    const first = rejection(send('a', { signal: controller.signal }));
    await until(() => open.length === 1);
    const second = send('b');
    await until(() => api.received.length === 2);
    controller.abort();
    await first;
    await until(() => open.length === 2);
    open[1]?.resolve();
    expect((await second).status).toBe(201);
    expect(atOnce()).toBe(1);
  });

  it('go on after a prompt that never settles, when its challenge ends', async () => {
    prompt = ({ challengeId }) => (challengeId === 'id-of-a' ? never : Promise.resolve());
    expiresInSeconds = 1;
    const first = send('a');
    await until(() => prompted.length === 1);
    expiresInSeconds = 300;
    expect((await send('b')).status).toBe(201);
    expect((await first).status).toBe(403);
  });

  it('do not prompt in a session that has ended unnoticed while the request waited', async () => {
    const { open } = manualPrompts();
    const first = send('a');
    await until(() => open.length === 1);
    const second = send('b');
    await until(() => api.received.length === 2);
    user.replace();
    open[0]?.resolve();
    expect([(await first).status, (await second).status]).toEqual([403, 403]);
    expect(prompted).toEqual(['id-of-a']);
    expect(sent()).toEqual(['a without', 'b without']);
  });

  it('of the next user do not wait for those of the user before, which are not prompted', async () => {
    const { open } = manualPrompts();
    const first = send('a');
    await until(() => open.length === 1);
    const second = send('b');
    await until(() => api.received.length === 2);
    user.replace();
    const third = send('c');
    await until(() => open.length === 2);
    expect([(await first).status, (await second).status]).toEqual([403, 403]);
    open[1]?.resolve();
    expect((await third).status).toBe(201);
    expect(prompted).toEqual(['id-of-a', 'id-of-c']);
    expect(api.received.map(({ token, body }) => `${token} ${body}`)).toEqual([
      't1 a',
      't1 b',
      'b1 c',
      'b1 c',
    ]);
  });
});

describe('The request with the id of a challenge', () => {
  it('goes out with the newest token, if that was refreshed during the prompt', async () => {
    prompt = () => {
      user.rotate();
      return Promise.resolve();
    };
    expect((await send('a')).status).toBe(201);
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
  });

  it.each(['POST', 'GET'])('is sent again with the id after a refresh: %s', async (method) => {
    answer = (request, response) => {
      if (idOf(request) !== undefined && request.token === 't1') refuse(response, 'token_expired');
      else asksForApproval(request, response);
    };
    const response = await send('', { method, body: method === 'GET' ? null : 'a' });
    expect(response.status).toBe(201);
    expect(api.received.map(idOf)).toEqual([
      undefined,
      ...Array<string>(2).fill(prompted[0] ?? ''),
    ]);
    expect([user.refreshes, prompted.length]).toEqual([1, 1]);
  });

  it('is refreshed once more, if a refresh came before the prompt', async () => {
    answer = (request, response) => {
      const isExpired = request.token === (idOf(request) === undefined ? 't1' : 't2');
      if (isExpired) refuse(response, 'token_expired');
      else asksForApproval(request, response);
    };
    expect((await send('a')).status).toBe(201);
    expect(sent()).toEqual(['a without', 'a without', 'a id-of-a', 'a id-of-a']);
    expect(user.refreshes).toBe(2);
  });

  it('is refreshed once, and a second refusal is handed back', async () => {
    answer = (request, response) => {
      if (idOf(request) !== undefined) refuse(response, 'token_expired');
      else asksForApproval(request, response);
    };
    expect((await send('a')).status).toBe(401);
    expect([user.refreshes, api.received.length]).toEqual([1, 3]);
  });

  it.each([
    ['POST', 503],
    ['GET', 201],
  ])('of a %s that is answered 503 ends as %i', async (method, status) => {
    let isDown = true;
    answer = (request, response) => {
      if (idOf(request) !== undefined && isDown) {
        isDown = false;
        response.setHeader('Retry-After', '0');
        response.writeHead(503, { 'Content-Type': 'application/problem+json' });
        response.end('{"action":"retry"}');
      } else asksForApproval(request, response);
    };
    const response = await send('', { method, body: method === 'GET' ? null : 'a' });
    expect(response.status).toBe(status);
    const ids = api.received.map(idOf).slice(1);
    expect(ids).toEqual(Array(method === 'GET' ? 2 : 1).fill(prompted[0]));
  });

  it('of a GET waits once more, if a wait came before the prompt', async () => {
    let isDown = false;
    answer = (request, response) => {
      isDown = !isDown;
      if (isDown) {
        response.setHeader('Retry-After', '0');
        response.writeHead(503, { 'Content-Type': 'application/problem+json' });
        response.end('{"action":"retry"}');
      } else asksForApproval(request, response);
    };
    const response = await send('', { method: 'GET', body: null });
    expect(response.status).toBe(201);
    expect(api.received.map(idOf)).toEqual([undefined, undefined, prompted[0], prompted[0]]);
  });

  it('follows a redirect to a listed origin with the id, and to no other', async () => {
    const listed = await startApi((_request, response) => response.end('listed'));
    const stranger = await startApi((_request, response) => response.end('stranger'));
    const client = clientWith({ origins: [api.origin, listed.origin] });
    for (const target of [listed, stranger]) {
      answer = (request, response) => {
        if (idOf(request) !== undefined) redirect(response, 307, target.origin);
        else asksForApproval(request, response);
      };
      const response = await send('a', {}, client);
      expect(response.url).toBe(`${target.origin}/`);
    }
    expect(listed.received.map(idOf)).toEqual(['id-of-a']);
    expect(stranger.received.map(idOf)).toEqual([undefined]);
    expect(stranger.tokens()).toEqual(['none']);
  });

  it.each(['of the prompt', 'of the caller'])(
    'follows no redirect to another origin where a cookie stands for the token: %s',
    async (source) => {
      const stranger = await startApi((_request, response) => response.end('stranger'));
      user.token = null;
      answer = (request, response) => {
        if (idOf(request) !== undefined) redirect(response, 307, stranger.origin);
        else asksForApproval(request, response);
      };
      const headers = { 'X-Mfa-Challenge-Id': 'mine' };
      const response = await send('a', source === 'of the caller' ? { headers } : {});
      expect([response.status, response.url]).toEqual([200, `${stranger.origin}/`]);
      expect(sent().at(-1)).toBe(source === 'of the caller' ? 'a mine' : 'a id-of-a');
      expect(stranger.received.map(idOf)).toEqual([undefined]);
    },
  );

  it('that the caller has set is not sent again after a redirect that a browser hides', async () => {
    const calls: unknown[] = [];
    const hidden = Object.defineProperty(new Response(), 'type', { value: 'opaqueredirect' });
    const client = clientWith({
      fetch: (_address, init) => {
        calls.push(init?.redirect);
        return Promise.resolve(hidden);
      },
    });
    const headers = { 'X-Mfa-Challenge-Id': 'mine' };
    expect(await client(`${api.origin}/orders`, { headers })).toBe(hidden);
    expect(calls).toEqual(['manual']);
  });

  it('that the caller has set follows no redirect to another origin either', async () => {
    const stranger = await startApi((_request, response) => response.end('stranger'));
    answer = (_request, response) => {
      redirect(response, 307, stranger.origin);
    };
    await send('a', { headers: { 'X-Mfa-Challenge-Id': 'mine' } });
    expect(api.received.map(idOf)).toEqual(['mine']);
    expect(stranger.received.map(idOf)).toEqual([undefined]);
  });
});
