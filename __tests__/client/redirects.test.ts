/** Redirects outside a browser, and the tokens on them; browser.test.ts has those in a browser. */
import { createSessionFetch } from 'express-wallet-session/client';
import { closeApis, redirect, refuse, SignedInUser, startApi } from './api.js';
import type { Answer, Api } from './api.js';

let api: Api;
let listed: Api;
let stranger: Api;
let answer: Answer;
let listedAnswer: Answer;
let user: SignedInUser;
let sessionFetch: typeof fetch;

beforeEach(async () => {
  const echo: Answer = ({ method, body }, response) => response.end(`${method} ${body}`);
  answer = echo;
  listedAnswer = echo;
  api = await startApi((request, response) => answer(request, response));
  listed = await startApi((request, response) => listedAnswer(request, response));
  stranger = await startApi(echo);
  user = new SignedInUser();
  sessionFetch = createSessionFetch({
    getAccessToken: user.getAccessToken,
    origins: [api.origin, listed.origin],
  });
  // From here on both tokens are sent.
  await sessionFetch(api.origin);
  user.rotate();
  api.received.length = 0;
});
afterEach(closeApis);

const post = { method: 'POST', body: 'x', headers: { 'Content-Type': 'text/plain' } };
type Arguments = Parameters<typeof fetch>;
const withRequest = (input: string, init?: RequestInit): Arguments => [new Request(input, init)];
const withText = (input: string, init?: RequestInit): Arguments => [input, init];

describe.each([
  ['an address', withText],
  ['a Request', withRequest],
])('A redirect of %s', (_what, given) => {
  it('within the origin carries both tokens', async () => {
    answer = ({ path }, response) => {
      if (path === '/old') redirect(response, 301, '/new?x=1');
      else response.end('here');
    };
    const response = await sessionFetch(...given(`${api.origin}/old`));
    expect(await response.text()).toBe('here');
    expect([response.status, response.redirected, response.url]).toEqual([
      200,
      true,
      `${api.origin}/new?x=1`,
    ]);
    expect(api.calls()).toEqual(['GET /old', 'GET /new?x=1']);
    expect(api.tokens()).toEqual(['t2/t1', 't2/t1']);
    await sessionFetch(api.origin);
    expect(api.tokens().at(-1)).toBe('t2');
  });

  it('to another listed origin carries both tokens', async () => {
    answer = (_request, response) => {
      redirect(response, 302, `${listed.origin}/there`);
    };
    const response = await sessionFetch(...given(`${api.origin}/`));
    expect(await response.text()).toBe('GET ');
    expect(listed.tokens()).toEqual(['t2/t1']);
  });

  it.each([301, 302, 303, 307, 308])(
    'by %i to an origin that is not listed carries neither',
    async (status) => {
      answer = (_request, response) => {
        redirect(response, status, `${stranger.origin}/there`);
      };
      const response = await sessionFetch(...given(`${api.origin}/`, post));
      const isKept = status > 303;
      expect(await response.text()).toBe(isKept ? 'POST x' : 'GET ');
      expect([response.redirected, response.url]).toEqual([true, `${stranger.origin}/there`]);
      expect(stranger.tokens()).toEqual(['none']);
      expect(stranger.received[0]?.headers).not.toHaveProperty('authorization');
      expect(stranger.received[0]?.headers['content-type']).toBe(isKept ? 'text/plain' : undefined);
    },
  );

  it.each([
    [301, 'GET '],
    [302, 'GET '],
    [303, 'GET '],
    [307, 'POST x'],
    [308, 'POST x'],
  ])('by %i arrives as %p, as with fetch', async (status, arrived) => {
    answer = ({ path, method, body }, response) => {
      if (path === '/old') redirect(response, status, 'new');
      else response.end(`${method} ${body}`);
    };
    const ours = await sessionFetch(...given(`${api.origin}/old`, post));
    const theirs = await fetch(...given(`${api.origin}/old`, post));
    expect([await ours.text(), await theirs.text()]).toEqual([arrived, arrived]);
  });

  it('of a PUT stays a PUT, except by 303', async () => {
    answer = ({ path, method, body }, response) => {
      if (path !== '/new') redirect(response, Number(path.slice(1)), '/new');
      else response.end(`${method} ${body}`);
    };
    const put = { ...post, method: 'PUT' };
    const texts: string[] = [];
    for (const status of [301, 302, 303]) {
      const response = await sessionFetch(...given(`${api.origin}/${status}`, put));
      texts.push(await response.text());
    }
    expect(texts).toEqual(['PUT x', 'PUT x', 'GET ']);
  });
});

describe('A chain of redirects', () => {
  it('carries no token back to a listed origin that it has left', async () => {
    answer = (_request, response) => {
      redirect(response, 302, `${stranger.origin}/`);
    };
    stranger = await startApi((_request, response) => {
      redirect(response, 302, `${listed.origin}/transfers`);
    });
    const response = await sessionFetch(`${api.origin}/`);
    expect(await response.text()).toBe('GET ');
    expect(stranger.tokens()).toEqual(['none']);
    expect(listed.tokens()).toEqual(['none']);
  });

  it('carries the headers for one origin to no other, as with fetch', async () => {
    answer = (_request, response) => {
      redirect(response, 302, `${listed.origin}/`);
    };
    const headers = { Cookie: 'a=1', 'X-Mine': '1', 'Previous-Access-Token': 'mine' };
    await sessionFetch(`${api.origin}/`, { headers });
    await sessionFetch(`${stranger.origin}/`, { headers: { 'X-Mine': '2' } });
    expect(api.received[0]?.headers).toMatchObject({
      cookie: 'a=1',
      'x-mine': '1',
      'previous-access-token': 'mine',
    });
    expect(listed.received[0]?.headers['x-mine']).toBe('1');
    expect(listed.received[0]?.headers).not.toHaveProperty('cookie');
    expect(listed.tokens()).toEqual(['t2/t1']);
  });

  it('ends after 20 redirects, as with fetch', async () => {
    answer = ({ path }, response) => {
      redirect(response, 302, `/${Number(path.slice(1)) + 1}`);
    };
    await expect(sessionFetch(`${api.origin}/0`)).rejects.toThrow('Redirect failed');
    expect(api.calls().at(-1)).toBe('GET /20');
    await expect(fetch(`${api.origin}/100`)).rejects.toThrow('fetch failed');
    expect(api.calls().at(-1)).toBe('GET /120');
  });

  it('is repeated from the address that refused, not from its start', async () => {
    answer = ({ path, token }, response) => {
      if (path === '/transfers') redirect(response, 303, '/receipt');
      else if (token === 't2') refuse(response, 'token_expired');
      else response.end('receipt');
    };
    const response = await sessionFetch(`${api.origin}/transfers`, post);
    expect(await response.text()).toBe('receipt');
    expect(api.calls()).toEqual(['POST /transfers', 'GET /receipt', 'GET /receipt']);
    expect(api.tokens()).toEqual(['t2/t1', 't2/t1', 't3/t2']);
  });

  it('is not repeated if the option fetch has followed it by itself', async () => {
    answer = ({ path }, response) => {
      if (path === '/transfers') redirect(response, 303, '/receipt');
      else refuse(response, 'mfa_required', { mfa: { maxAgeSeconds: 300 } });
    };
    let prompts = 0;
    const following = createSessionFetch({
      getAccessToken: user.getAccessToken,
      onMfaRequired: () => Promise.resolve().then(() => void (prompts += 1)),
      origins: [api.origin],
      fetch: (input, init) => fetch(input, { ...init, redirect: 'follow' }),
    });
    const response = await following(`${api.origin}/transfers`, post);
    expect(response.status).toBe(403);
    expect(prompts).toBe(0);
    expect(api.calls()).toEqual(['POST /transfers', 'GET /receipt']);
  });
});

describe('A redirect that cannot be followed', () => {
  it('is that of a stream, which was sent already', async () => {
    answer = (_request, response) => {
      redirect(response, 307, '/again');
    };
    const stream = { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' };
    await expect(sessionFetch(`${api.origin}/`, stream as RequestInit)).rejects.toThrow(
      'Redirect failed',
    );
    expect(api.calls()).toEqual(['POST /']);
  });

  it('is one to an address that is not HTTP', async () => {
    answer = (_request, response) => {
      redirect(response, 302, 'data:text/plain,x');
    };
    await expect(sessionFetch(`${api.origin}/`)).rejects.toThrow('Redirect failed');
  });

  it('is one without Location', async () => {
    answer = (_request, response) => response.writeHead(302).end('nowhere');
    const response = await sessionFetch(`${api.origin}/`);
    expect([response.status, await response.text()]).toEqual([302, 'nowhere']);
  });

  it('is a 3xx of another kind', async () => {
    answer = (_request, response) => {
      redirect(response, 300, '/choice');
    };
    expect((await sessionFetch(`${api.origin}/`)).status).toBe(300);
  });
});

describe('The redirect mode of the caller', () => {
  beforeEach(() => {
    answer = (_request, response) => {
      redirect(response, 302, `${stranger.origin}/`);
    };
  });

  it('manual hands the redirect back', async () => {
    for (const given of [withText, withRequest]) {
      const response = await sessionFetch(...given(`${api.origin}/`, { redirect: 'manual' }));
      expect([response.status, response.headers.get('location')]).toEqual([
        302,
        `${stranger.origin}/`,
      ]);
    }
    expect(stranger.calls()).toEqual([]);
  });

  it('error fails the request', async () => {
    await expect(sessionFetch(`${api.origin}/`, { redirect: 'error' })).rejects.toThrow(
      'fetch failed',
    );
    expect(stranger.calls()).toEqual([]);
  });
});

describe('Without a token', () => {
  it('redirects are left to fetch', async () => {
    user.token = null;
    answer = (_request, response) => {
      redirect(response, 302, `${stranger.origin}/there`);
    };
    const response = await sessionFetch(`${api.origin}/`);
    expect([response.redirected, response.url]).toEqual([true, `${stranger.origin}/there`]);
    expect(stranger.tokens()).toEqual(['none']);
  });
});

describe('The answer of an origin that is not listed', () => {
  it('calls no callback', async () => {
    const told: string[] = [];
    const client = createSessionFetch({
      getAccessToken: user.getAccessToken,
      onSignInRequired: () => told.push('sign in'),
      onSessionEnding: () => told.push('ending'),
      origins: [api.origin],
    });
    stranger = await startApi((_request, response) => {
      response.setHeader('Session-Ends-In', '5');
      refuse(response, 'session_revoked');
    });
    answer = (_request, response) => {
      redirect(response, 302, `${stranger.origin}/`);
    };
    expect((await client(`${api.origin}/`)).status).toBe(401);
    user.token = null;
    expect((await client(`${api.origin}/`)).status).toBe(401);
    expect(told).toEqual([]);
  });
});
