/**
 * Other implementations of `fetch`: the polyfill of React Native, whose answers and FormData have
 * less than a browser's, and node-fetch, whose bodies are streams of Node.
 */
import { PassThrough } from 'node:stream';
import { createSessionFetch } from 'express-wallet-session/client';
import { closeApis, refuse, SignedInUser, startApi } from './api.js';
import type { Api } from './api.js';

const realFetch = fetch;
let api: Api;
let user: SignedInUser;
let prompts: number;
let refusal: 'token_expired' | 'mfa_required';

beforeEach(async () => {
  refusal = 'token_expired';
  prompts = 0;
  user = new SignedInUser();
  api = await startApi(({ method, body }, response) => {
    if (api.received.length === 1) refuse(response, refusal, { mfa: { maxAgeSeconds: 300 } });
    else response.end(`${method} ${body}`);
  });
});
afterEach(closeApis);

function clientWith(send: typeof fetch): typeof fetch {
  return createSessionFetch({
    getAccessToken: user.getAccessToken,
    onMfaRequired: () => Promise.resolve().then(() => void (prompts += 1)),
    origins: [api.origin],
    fetch: send,
  });
}

interface Polyfill {
  readonly Request: typeof Request;
  readonly Response: new (body: string, init: ResponseInit & { readonly url: string }) => Response;
  readonly Headers: typeof Headers;
}

describe('On React Native, the client', () => {
  /** The FormData of React Native: without iterator, `toStringTag` and `get()`. */
  class NativeFormData {
    readonly parts: [string, unknown][] = [];
    append(name: string, value: unknown): void {
      this.parts.push([name, value]);
    }
    getParts(): [string, unknown][] {
      return this.parts;
    }
  }

  const own = { Request, Headers, FormData };
  let polyfill: Polyfill;
  let sessionFetch: typeof fetch;

  beforeAll(async () => {
    const name = 'whatwg-fetch';
    polyfill = (await import(name)) as Polyfill;
  });
  beforeEach(() => {
    const { Request, Headers } = polyfill;
    Object.assign(globalThis, { Request, Headers, FormData: NativeFormData });
    sessionFetch = clientWith(nativeFetch);
  });
  afterEach(() => Object.assign(globalThis, own));

  /** Sends as React Native does: redirects are followed out of sight, and the answer has no body. */
  async function nativeFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const { body, headers, method } = init ?? {};
    const response = await realFetch(input, {
      method: method ?? 'GET',
      headers: [...new polyfill.Headers(headers)],
      body: body instanceof NativeFormData ? JSON.stringify(body.getParts()) : (body ?? null),
    });
    const { status, url } = response;
    return new polyfill.Response(await response.text(), {
      status,
      url,
      headers: [...response.headers],
    });
  }

  it('gets answers without `body` and `redirected`', async () => {
    const response = await nativeFetch(`${api.origin}/`);
    expect([response.body, response.redirected, response.type]).toEqual([
      undefined,
      undefined,
      'default',
    ]);
  });

  it.each(['token_expired', 'mfa_required'] as const)('acts on %s', async (errorType) => {
    refusal = errorType;
    const response = await sessionFetch(`${api.origin}/`, { method: 'POST', body: 'x' });
    expect(await response.text()).toBe('POST x');
    expect([user.refreshes, prompts]).toEqual(errorType === 'token_expired' ? [1, 0] : [0, 1]);
  });

  it('hands back an answer that can still be read', async () => {
    refusal = 'mfa_required';
    const silent = createSessionFetch({
      getAccessToken: user.getAccessToken,
      origins: [api.origin],
      fetch: nativeFetch,
    });
    const response = await silent(`${api.origin}/`);
    expect(await response.json()).toMatchObject({ errorType: 'mfa_required' });
  });

  function form(): FormData {
    const data = new FormData();
    data.append('amount', '1');
    return data;
  }

  it.each([
    ['a FormData', form, '[["amount","1"]]'],
    ['a string', () => 'x', 'x'],
    ['a typed array', () => new TextEncoder().encode('x'), 'x'],
  ])('sends %s again, in a Request too', async (_what, body, sent) => {
    const init = { method: 'POST', body: body() };
    expect(await (await sessionFetch(`${api.origin}/`, init)).text()).toBe(`POST ${sent}`);
    api.received.length = 0;
    const request = new Request(`${api.origin}/`, init);
    expect(await (await sessionFetch(request)).text()).toBe(`POST ${sent}`);
    expect(api.received.map((received) => received.body)).toEqual([sent, sent]);
  });

  it('sends a Request without a body again', async () => {
    const response = await sessionFetch(new Request(`${api.origin}/`));
    expect(await response.text()).toBe('GET ');
    expect(api.calls()).toEqual(['GET /', 'GET /']);
  });

  it('repeats no POST that was redirected out of sight', async () => {
    api = await startApi(({ path }, response) => {
      if (path === '/old') response.writeHead(303, { Location: '/receipt' }).end();
      else refuse(response, 'mfa_required', { mfa: { maxAgeSeconds: 300 } });
    });
    const client = clientWith(nativeFetch);
    const response = await client(`${api.origin}/old#top`, { method: 'POST', body: 'x' });
    expect(response.status).toBe(403);
    expect([api.calls(), prompts]).toEqual([['POST /old', 'GET /receipt'], 0]);
  });

  it('takes a fragment in the address for no redirect', async () => {
    const response = await sessionFetch(`${api.origin}/#top`, { method: 'POST', body: 'x' });
    expect(await response.text()).toBe('POST x');
  });

  it('rejects with an AbortError, although the signal carries no reason', async () => {
    const controller = new AbortController();
    Object.defineProperty(controller.signal, 'reason', { value: undefined });
    const waiting = createSessionFetch({
      getAccessToken: () => new Promise<never>(() => undefined),
      origins: [api.origin],
      fetch: nativeFetch,
    });
    const response = waiting(`${api.origin}/`, { signal: controller.signal });
    controller.abort();
    await expect(response).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('With node-fetch, the client', () => {
  /** Its bodies are streams of Node, which have neither `getReader()` nor `cancel()`. */
  const nodeFetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const text = await response.text();
    const { status, ok, headers, url } = response;
    const answer = {
      ...{ status, ok, headers, url, redirected: false, type: 'default' },
      body: new PassThrough().end(text),
      text: () => Promise.resolve(text),
      clone: () => answer,
    };
    return answer as object as Response;
  };

  it.each(['token_expired', 'mfa_required'] as const)('acts on %s', async (errorType) => {
    refusal = errorType;
    const response = await clientWith(nodeFetch)(`${api.origin}/`, { method: 'POST', body: 'x' });
    expect(await response.text()).toBe('POST x');
  });

  it("sends npm's form-data once, because it is a stream", async () => {
    const data = Object.assign(new PassThrough().end('x'), { append: () => undefined });
    Object.defineProperty(data, Symbol.toStringTag, { value: 'FormData' });
    const init = { method: 'POST', body: data as object as FormData, duplex: 'half' };
    const response = await clientWith(nodeFetch)(`${api.origin}/`, init as RequestInit);
    expect(response.status).toBe(401);
    expect(api.received.map(({ body }) => body)).toEqual(['x']);
  });
});
