/** Requests are repeated within their own session only, and sessions share no state. */
import { createSessionFetch } from 'express-wallet-session/client';
import type { Problem, SessionFetchOptions } from 'express-wallet-session/client';
import { closeApis, deferred, refuse, SignedInUser, startApi, until } from './api.js';
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
    onMfaEnrollmentRequired: () => events.push('enroll'),
    onSignInRequired: ({ errorType }) => events.push(`sign in: ${errorType}`),
    onSessionEnding: (secondsLeft) => events.push(`ends in ${secondsLeft}`),
    origins: [api.origin],
    ...options,
  });
}

beforeEach(async () => {
  answer = (_request, response) => response.end('ok');
  api = await startApi((request, response) => answer(request, response));
  user = new SignedInUser();
  user.claims = { sid: 'session-1', auth_time: 1000 };
  events = [];
  verifyMfa = () => Promise.resolve();
  sessionFetch = clientWith();
});
afterEach(closeApis);

const mfa = { maxAgeSeconds: 300 };
const order = { method: 'POST', body: '{"amount":1}' };

function me(): Promise<Response> {
  return sessionFetch(`${api.origin}/me`);
}

/** Tokens of the requests to this path, in order. */
function tokensAt(path: string): (string | undefined)[] {
  return api.received.filter((request) => request.path === path).map(({ token }) => token);
}

interface Held {
  /** The order of the first user, held up by the step under test. */
  readonly response: Promise<Response>;
  readonly release: () => void;
}

/** Each step that a refused request can wait for, on a server that refuses the first try. */
const steps: [string, () => Promise<Held>][] = [
  [
    'its prompt is open',
    async () => {
      const held = deferred();
      let isPrompting = false;
      verifyMfa = () => {
        isPrompting = true;
        return held.promise;
      };
      refuseFirst('mfa_required');
      const response = sessionFetch(`${api.origin}/transfers`, order);
      await until(() => isPrompting);
      return { response, release: held.resolve };
    },
  ],
  [
    'its refresh runs',
    async () => {
      const held = deferred();
      user.beforeRefresh = () => held.promise;
      refuseFirst('token_expired');
      const response = sessionFetch(`${api.origin}/transfers`, order);
      await until(() => user.refreshes === 1);
      return { response, release: held.resolve };
    },
  ],
  ...(['token_expired', 'mfa_required'] as const).map((errorType): (typeof steps)[0] => [
    `its answer, ${errorType}, is on the way`,
    async () => {
      const held = deferred();
      refuseFirst(errorType, held.promise);
      const response = sessionFetch(`${api.origin}/transfers`, order);
      await until(() => api.received.length === 1);
      return { response, release: held.resolve };
    },
  ]),
  [
    'it waits for Retry-After',
    async () => {
      let isRefused = false;
      answer = ({ path }, response) => {
        if (path === '/transfers' && !isRefused) {
          isRefused = true;
          refuse(response, 'store_unavailable', { retryAfterSeconds: 1 });
        } else response.end('ok');
      };
      const response = sessionFetch(`${api.origin}/transfers`);
      await until(() => isRefused);
      // The client waits 1 s from here; each test below takes its next step earlier.
      return { response, release: () => undefined };
    },
  ],
];

function refuseFirst(errorType: 'token_expired' | 'mfa_required', held?: Promise<void>): void {
  let isRefused = false;
  answer = async ({ path }, response) => {
    if (path !== '/transfers' || isRefused) {
      response.end('ok');
      return;
    }
    isRefused = true;
    await held;
    refuse(response, errorType, { mfa });
  };
}

/** Claims of the next token; null for a sign-out. */
const ends: [string, Record<string, unknown> | null][] = [
  ['signs out', null],
  ['is another', { sub: 'user-2' }],
  ['is of another issuer', { iss: 'https://other.example' }],
  ['has another session id', { sid: 'session-2' }],
  ['has signed in again', { auth_time: 2000 }],
];

function change(claims: Record<string, unknown> | null): void {
  if (claims === null) user.token = null;
  else user.replace({ ...user.claims, ...claims });
}

describe.each(steps)('If the user changes while %s', (step, hold) => {
  it.each(ends)('the refusal is handed back unread, if the user %s', async (_end, claims) => {
    const { response, release } = await hold();
    change(claims);
    release();
    const { status, bodyUsed } = await response;
    expect([[401, 403, 503].includes(status), bodyUsed]).toEqual([true, false]);
    expect(tokensAt('/transfers')).toEqual(['t1']);
  });

  it.each(ends)('the refusal does not wait for the step, if the user %s', async (_end, claims) => {
    const { response, release } = await hold();
    change(claims);
    expect((await me()).status).toBe(200);
    // An answer on the way cannot be handed back before it has come.
    if (step.includes('on the way')) release();
    expect((await response).ok).toBe(false);
    release();
    await me();
    expect(tokensAt('/transfers')).toEqual(['t1']);
    expect(events).toEqual([]);
  });

  it('the request is repeated, if the token is renewed for the same user', async () => {
    const { response, release } = await hold();
    user.rotate();
    const other = me();
    release();
    await other;
    expect((await response).status).toBe(200);
    expect(tokensAt('/transfers')).toEqual(['t1', expect.stringMatching(/^t[23]$/)]);
  });

  it('a sign-out that lasted one request ends the session of the same user', async () => {
    const { response, release } = await hold();
    user.token = null;
    await me();
    user.token = 't2';
    await me();
    release();
    expect((await response).ok).toBe(false);
    expect(tokensAt('/transfers')).toEqual(['t1']);
  });
});

describe('The next user', () => {
  it('has a prompt of their own, which pays for no order of the user before', async () => {
    const prompts: ReturnType<typeof deferred<void>>[] = [];
    const verified = new Set<string>();
    verifyMfa = () => {
      const prompt = deferred();
      prompts.push(prompt);
      return prompt.promise;
    };
    answer = ({ path, token = '' }, response) => {
      if (path === '/me' || verified.has(token)) response.writeHead(201).end();
      else refuse(response, 'mfa_required', { mfa });
    };
    const first = sessionFetch(`${api.origin}/transfers`, { method: 'POST', body: 'of a' });
    await until(() => prompts.length === 1);
    user.token = null;
    await me();
    user.replace();
    const second = sessionFetch(`${api.origin}/transfers`, { method: 'POST', body: 'of b' });
    await until(() => prompts.length === 2);

    verified.add('b1');
    prompts[0]?.resolve();
    expect((await first).status).toBe(403);
    prompts[1]?.resolve();
    expect((await second).status).toBe(201);
    const orders = api.received.filter(({ path }) => path === '/transfers');
    expect(orders.map(({ token, body }) => `${token} ${body}`)).toEqual([
      't1 of a',
      'b1 of b',
      'b1 of b',
    ]);
  });

  it('does not wait for the refresh of the user before, nor get its token', async () => {
    const held = deferred();
    user.beforeRefresh = () => held.promise;
    answer = ({ token }, response) => {
      if (token === 't1' || token === 'b1') refuse(response, 'token_expired');
      else response.end('ok');
    };
    const first = sessionFetch(`${api.origin}/transfers`, order);
    await until(() => user.refreshes === 1);
    user.replace();
    user.beforeRefresh = () => Promise.resolve();
    expect(await (await sessionFetch(`${api.origin}/transfers`, order)).text()).toBe('ok');
    held.resolve();
    expect((await first).status).toBe(401);
    expect(tokensAt('/transfers')).toEqual(['t1', 'b1', 'b2']);
  });

  it('is asked anew, although a prompt of the user before has just failed', async () => {
    let prompts = 0;
    verifyMfa = () => {
      prompts += 1;
      return prompts === 1 ? Promise.reject(new Error('cancelled')) : Promise.resolve();
    };
    const late = deferred();
    answer = async ({ path, token }, response) => {
      if (path === '/late') await late.promise;
      if (path === '/me' || (token === 'b1' && prompts === 2)) response.end('ok');
      else refuse(response, 'mfa_required', { mfa });
    };
    user.replace();
    await me();
    const held = sessionFetch(`${api.origin}/late`, order);
    await until(() => api.received.length === 2);
    user.token = 't1';
    user.claims = {};
    expect((await sessionFetch(`${api.origin}/transfers`, order)).status).toBe(403);
    user.replace();
    await me();
    late.resolve();
    expect((await held).status).toBe(403);
    expect((await sessionFetch(`${api.origin}/transfers`, order)).status).toBe(200);
    expect(prompts).toBe(2);
  });

  it('is not sent with the token of the user before', async () => {
    await me();
    user.rotate();
    answer = (_request, response) => response.writeHead(503).end();
    await me();
    user.replace();
    await me();
    user.rotate();
    await me();
    expect(api.tokens()).toEqual(['t1', 't2/t1', 'b1', 'b2/b1']);
  });

  it('is not told of refusals and warnings that the user before has caused', async () => {
    const late = deferred();
    const refusals: Record<string, Answer> = {
      '/revoked': (_request, response) => {
        refuse(response, 'session_revoked');
      },
      '/enroll': (_request, response) => {
        refuse(response, 'mfa_not_enrolled', { mfa });
      },
      '/ending': (_request, response) => response.setHeader('Session-Ends-In', '60').end(),
    };
    answer = async (request, response) => {
      if (request.token === 't1') await late.promise;
      (refusals[request.path] ?? (() => response.end()))(request, response);
    };
    const responses = Object.keys(refusals).map((path) => sessionFetch(`${api.origin}${path}`));
    await until(() => api.received.length === 3);
    user.replace();
    await me();
    late.resolve();
    expect((await Promise.all(responses)).map(({ status }) => status)).toEqual([401, 403, 200]);
    expect(events).toEqual([]);
    await sessionFetch(`${api.origin}/ending`);
    expect(events).toEqual(['ends in 60']);
  });

  it('is not told of a refusal, if the client learns of the change by the refusal', async () => {
    answer = (_request, response) => {
      user.replace();
      refuse(response, 'session_revoked');
    };
    expect((await sessionFetch(`${api.origin}/transfers`, order)).status).toBe(401);
    expect(events).toEqual([]);
  });

  it('has no prompt opened for an order of the user before', async () => {
    verifyMfa = () => Promise.resolve().then(() => void events.push('prompt'));
    answer = (_request, response) => {
      user.replace();
      refuse(response, 'mfa_required', { mfa });
    };
    expect((await sessionFetch(`${api.origin}/transfers`, order)).status).toBe(403);
    expect(events).toEqual([]);
  });
});

describe('A late answer of getAccessToken', () => {
  /** Holds the answer to the next question, which is about the time of the question. */
  function holdNext(): { client: typeof fetch; hold: () => () => void } {
    let held: Promise<void> | undefined;
    const client = clientWith({
      getAccessToken: async (options) => {
        const before = held;
        held = undefined;
        const token = await user.getAccessToken(options);
        await before;
        return token;
      },
    });
    return {
      client,
      hold: () => {
        const { promise, resolve } = deferred();
        held = promise;
        return resolve;
      },
    };
  }

  it('sends the order with the token of the user who gave it', async () => {
    const { client, hold } = holdNext();
    await client(`${api.origin}/me`);
    const release = hold();
    const late = client(`${api.origin}/transfers`, order);
    user.replace();
    await client(`${api.origin}/me`);
    release();
    await late;
    expect(api.tokens()).toEqual(['t1', 'b1', 't1']);
    await client(`${api.origin}/me`);
    expect(api.tokens().at(-1)).toBe('b1');
  });

  it('leads to no remedy for a refusal of that order', async () => {
    verifyMfa = () => Promise.resolve().then(() => void events.push('prompt'));
    answer = ({ path }, response) => {
      if (path === '/me') response.end();
      else refuse(response, 'mfa_required', { mfa });
    };
    const { client, hold } = holdNext();
    await client(`${api.origin}/me`);
    const release = hold();
    const late = client(`${api.origin}/transfers`, order);
    user.replace();
    await client(`${api.origin}/me`);
    release();
    expect((await late).status).toBe(403);
    expect(tokensAt('/transfers')).toEqual(['t1']);
    expect(events).toEqual([]);
  });

  it('does not sign out the user who has come since', async () => {
    const { client, hold } = holdNext();
    user.token = null;
    const release = hold();
    const late = client(`${api.origin}/public`);
    user.token = 't1';
    await client(`${api.origin}/me`);
    user.rotate();
    release();
    await late;
    await client(`${api.origin}/me`);
    expect(api.tokens()).toEqual(['t1', 'none', 't2/t1']);
  });

  it('counts as a sign-out if it is null and was asked for in this session', async () => {
    const { client, hold } = holdNext();
    await client(`${api.origin}/me`);
    user.token = null;
    const release = hold();
    const late = client(`${api.origin}/public`);
    user.token = 't2';
    await client(`${api.origin}/me`);
    release();
    await late;
    user.token = 't3';
    await client(`${api.origin}/me`);
    expect(api.tokens()).toEqual(['t1', 't2/t1', 'none', 't3']);
  });
});

describe('A token that does not name its user', () => {
  /** Opaque tokens, or JWTs without `sub` and `sid`. */
  const kinds: [string, (name: string) => string][] = [
    ['an opaque token', (name) => name],
    ['an encrypted JWT', (name) => `${name}.key.iv.text.tag`],
    ['a JWT without claims', (name) => `e30.e30.${name}`],
    ['a JWT whose payload is null', (name) => `e30.bnVsbA.${name}`],
  ];
  let token: string | null;
  let refreshed: () => string | null;

  describe.each(kinds)('%s', (_kind, write) => {
    beforeEach(() => {
      token = write('a1');
      refreshed = () => write('a2');
      verifyMfa = () => Promise.resolve();
      sessionFetch = clientWith({
        getAccessToken: ({ forceRefresh }) =>
          Promise.resolve((token = forceRefresh ? refreshed() : token)),
      });
    });
    const bearer = ({ headers }: Api['received'][0]) => headers.authorization;

    it('is that of the same user if a refresh has given it', async () => {
      answer = (request, response) => {
        if (bearer(request) === `Bearer ${write('a1')}`) refuse(response, 'token_expired');
        else response.end('ok');
      };
      const response = await sessionFetch(`${api.origin}/transfers`, order);
      expect(response.status).toBe(200);
      expect(api.received.map(({ headers }) => headers['previous-access-token'])).toEqual([
        undefined,
        write('a1'),
      ]);
    });

    it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
      'may be of another user if it has changed by itself, so a %s is not repeated',
      async (method) => {
        answer = (_request, response) => {
          token = write('b1');
          refuse(response, 'mfa_required', { mfa });
        };
        const response = await sessionFetch(`${api.origin}/transfers`, { method });
        expect(response.status).toBe(403);
        expect(api.received.map(bearer)).toEqual([`Bearer ${write('a1')}`]);
      },
    );

    it('has changed by itself, and a GET is repeated with it', async () => {
      answer = (request, response) => {
        if (bearer(request) === `Bearer ${write('a1')}`) {
          token = write('a2');
          refuse(response, 'token_expired');
        } else response.end('ok');
      };
      expect((await sessionFetch(`${api.origin}/me`)).status).toBe(200);
    });

    it('has changed by itself, and takes the previous one along, which the server checks', async () => {
      await me();
      token = write('a2');
      await me();
      await me();
      expect(api.received.map(({ headers }) => headers['previous-access-token'])).toEqual([
        undefined,
        write('a1'),
        undefined,
      ]);
    });

    it('ends the session if it comes after null', async () => {
      const held = deferred();
      verifyMfa = () => held.promise;
      answer = ({ method }, response) => {
        if (method === 'POST') refuse(response, 'mfa_required', { mfa });
        else response.end('ok');
      };
      const response = sessionFetch(`${api.origin}/transfers`, order);
      await until(() => api.received.length === 1);
      token = null;
      await me();
      token = write('a1');
      await me();
      held.resolve();
      expect((await response).status).toBe(403);
      expect(api.calls()).toEqual(['POST /transfers', 'GET /me', 'GET /me']);
    });
  });

  it('ends the session of a token that names its user, and the reverse', async () => {
    await me();
    user.rotate();
    const named = user.getAccessToken;
    let isOpaque = true;
    sessionFetch = clientWith({
      getAccessToken: (options) => (isOpaque ? Promise.resolve('opaque') : named(options)),
    });
    await me();
    isOpaque = false;
    await me();
    isOpaque = true;
    await me();
    expect(api.tokens()).toEqual(['t1', 'opaque', 't2', 'opaque']);
  });
});
