/** Wrong options, and defaults. */
import { createSessionFetch } from 'express-wallet-session/client';
import type { SessionFetchOptions } from 'express-wallet-session/client';
import { closeApis, startApi } from './api.js';

const getAccessToken = () => Promise.resolve('t1');
const origins = ['https://api.example.com'];

afterEach(closeApis);

function complaintOf(options: unknown): string {
  try {
    createSessionFetch(options as SessionFetchOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
  return 'none';
}

const badOrigins =
  'createSessionFetch: `origins` must be a list like ["https://api.example.com"]; required outside a browser';

it('createSessionFetch() names each wrong option in one error', () => {
  expect(
    complaintOf({ getToken: getAccessToken, onMfaRequired: true, fetch: null, origins: ['*'] }),
  ).toBe(
    'createSessionFetch: `getAccessToken` must be a function; unknown option `getToken`; ' +
      '`onMfaRequired` must be a function; `fetch` must be a function; ' +
      '`origins` must be a list like ["https://api.example.com"]; required outside a browser',
  );
});

it.each([
  [undefined],
  [null],
  [[]],
  ['https://api.example.com'],
  [['https://api.example.com', undefined]],
  [['https://api.example.com/v1']],
  [['https://api.example.com/']],
  [['https://user:secret@api.example.com']],
  [['api.example.com']],
  [['null']],
  [['file:///']],
  [['wss://api.example.com']],
  [['https://*.example.com']],
  [[new URL('https://api.example.com')]],
])('createSessionFetch() outside a browser rejects the origins %j', (bad) => {
  expect(complaintOf({ getAccessToken, origins: bad })).toBe(badOrigins);
});

it.each([undefined, null, {}, 'options'])(
  'createSessionFetch() rejects %p as its options',
  (options) => {
    expect(complaintOf(options)).toContain('`getAccessToken` must be a function');
  },
);

it('createSessionFetch() takes undefined for absent', () => {
  const options = {
    getAccessToken,
    origins,
    onMfaRequired: undefined,
    onMfaEnrollmentRequired: undefined,
    onSignInRequired: undefined,
    onSessionEnding: undefined,
    fetch: undefined,
  };
  expect(complaintOf(options)).toBe('none');
  expect(complaintOf({ ...options, misspelt: undefined })).toBe('none');
});

it('The origins do not change with the list that was given', async () => {
  const api = await startApi((_request, response) => response.end());
  const list = [api.origin];
  const sessionFetch = createSessionFetch({ getAccessToken, origins: list });
  list.pop();
  await sessionFetch(api.origin);
  expect(api.tokens()).toEqual(['t1']);
});

it('The option fetch is called without an owner, as a browser demands', async () => {
  const owners: unknown[] = [];
  const sessionFetch = createSessionFetch({
    getAccessToken,
    origins,
    fetch: function (this: unknown) {
      owners.push(this);
      return Promise.resolve(new Response());
    },
  });
  await sessionFetch('https://api.example.com/');
  await sessionFetch('https://elsewhere.example/');
  expect(owners).toEqual([undefined, undefined]);
});

it('The global fetch may be replaced after createSessionFetch()', async () => {
  const sessionFetch = createSessionFetch({ getAccessToken, origins });
  const real = globalThis.fetch;
  globalThis.fetch = () => Promise.resolve(new Response('replaced'));
  try {
    expect(await (await sessionFetch('https://api.example.com/')).text()).toBe('replaced');
  } finally {
    globalThis.fetch = real;
  }
});

describe('With a global location', () => {
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'location');
  });

  function locate(href: string, origin: string): void {
    Object.assign(globalThis, { location: { href, origin } });
  }

  it('origins is its origin by default, and addresses are relative to it', async () => {
    const api = await startApi((_request, response) => response.end());
    const other = await startApi((_request, response) => response.end());
    locate(`${api.origin}/app/`, api.origin);
    const sessionFetch = createSessionFetch({ getAccessToken });
    await sessionFetch('me');
    await sessionFetch('/me', { method: 'POST' });
    await sessionFetch(other.origin);
    expect(api.calls()).toEqual(['GET /app/me', 'POST /me']);
    expect(api.tokens()).toEqual(['t1', 't1']);
    expect(other.tokens()).toEqual(['none']);
  });

  it('that fetch does not know, a redirected POST carries no token to another origin', async () => {
    const stranger = await startApi((_request, response) => response.end());
    const api = await startApi((_request, response) =>
      response.writeHead(307, { Location: stranger.origin }).end(),
    );
    locate(`${api.origin}/`, api.origin);
    let token = 't1';
    const sessionFetch = createSessionFetch({ getAccessToken: () => Promise.resolve(token) });
    await sessionFetch('/', { method: 'POST' });
    token = 't2';
    await sessionFetch('/', { method: 'POST' });
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
    expect(stranger.tokens()).toEqual(['none', 'none']);
  });

  it('without an origin, such as a file, origins has no default', () => {
    locate('file:///index.html', 'null');
    expect(complaintOf({ getAccessToken })).toBe(badOrigins);
  });
});
