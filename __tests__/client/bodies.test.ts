/** Bodies that are sent again after a refusal, and bodies that are not. */
import { createSessionFetch } from 'express-wallet-session/client';
import { closeApis, refuse, SignedInUser, startApi } from './api.js';
import type { Api } from './api.js';

let api: Api;
let user: SignedInUser;
let prompts: number;
let sessionFetch: typeof fetch;
let refusal: 'token_expired' | 'mfa_required';

beforeEach(async () => {
  refusal = 'token_expired';
  prompts = 0;
  api = await startApi(({ body }, response) => {
    if (api.received.length === 1) refuse(response, refusal, { mfa: { maxAgeSeconds: 300 } });
    else response.end(`got ${body}`);
  });
  user = new SignedInUser();
  sessionFetch = createSessionFetch({
    getAccessToken: user.getAccessToken,
    onMfaRequired: () => Promise.resolve().then(() => void (prompts += 1)),
    origins: [api.origin],
  });
});
afterEach(closeApis);

function streamOf(...parts: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(encoder.encode(part));
      controller.close();
    },
  });
}

function form(): FormData {
  const data = new FormData();
  data.set('amount', '1');
  return data;
}

const replayable: [string, () => RequestInit['body']][] = [
  ['a string', () => 'text'],
  ['URLSearchParams', () => new URLSearchParams({ amount: '1' })],
  ['a FormData', form],
  ['a Blob', () => new Blob(['text'])],
  ['a File', () => new File(['text'], 'text.txt')],
  ['an ArrayBuffer', () => new TextEncoder().encode('text').buffer],
  ['a typed array', () => new TextEncoder().encode('text')],
  ['a DataView', () => new DataView(new TextEncoder().encode('text').buffer)],
  ['nothing', () => null],
];

describe('A body that is sent again', () => {
  it.each(replayable)('is %s', async (_what, body) => {
    const url = `${api.origin}/`;
    const response = await sessionFetch(url, { method: 'POST', body: body() ?? null });
    const [first, second] = api.received.map((received) => withoutBoundary(received.body));
    expect(response.status).toBe(200);
    expect(second).toBe(first);
    expect(api.tokens()).toEqual(['t1', 't2/t1']);
  });

  it.each(replayable)('is %s in a Request', async (_what, body) => {
    const init = { method: 'PUT', body: body() ?? null, headers: { 'X-Mine': '1' } };
    const response = await sessionFetch(new Request(`${api.origin}/`, init));
    const [first, second] = api.received;
    expect(response.status).toBe(200);
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['content-type']).toBe(first?.headers['content-type']);
    expect(second?.headers['x-mine']).toBe('1');
    expect(api.calls()).toEqual(['PUT /', 'PUT /']);
  });

  it('arrives complete in the first try too', async () => {
    await sessionFetch(new Request(`${api.origin}/`, { method: 'POST', body: form() }));
    expect(api.received[0]?.body).toContain('name="amount"\r\n\r\n1\r\n');
    expect(api.received[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  });

  it('is that of the init if the Request has another', async () => {
    const request = new Request(`${api.origin}/`, { method: 'POST', body: 'old' });
    const response = await sessionFetch(request, { body: 'new' });
    expect(await response.text()).toBe('got new');
  });
});

const streams: [string, (url: string) => Parameters<typeof fetch>][] = [
  ['a stream', (url) => [url, post(streamOf('a', 'b'))]],
  ['a Request made from a stream', (url) => [new Request(url, post(streamOf('a', 'b')))]],
  ['a stream beside a Request', (url) => [new Request(url), post(streamOf('a', 'b'))]],
  ['an async iterable', (url) => [url, post(iterate())]],
];

function post(body: unknown): RequestInit {
  return { method: 'POST', body, duplex: 'half' } as RequestInit;
}

async function* iterate(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(new TextEncoder().encode('ab'));
}

describe('A stream', () => {
  it.each(streams)('is sent once, and the refusal handed back: %s', async (_what, request) => {
    const response = await sessionFetch(...request(`${api.origin}/`));
    expect(await response.json()).toMatchObject({ errorType: 'token_expired' });
    expect(api.received.map(({ body }) => body)).toEqual(['ab']);
  });

  it.each(streams)(
    'is sent with a fresh token if the app sends it anew: %s',
    async (_what, request) => {
      await sessionFetch(...request(`${api.origin}/`));
      const response = await sessionFetch(...request(`${api.origin}/`));
      expect(await response.text()).toBe('got ab');
      expect(api.tokens()).toEqual(['t1', 't2/t1']);
      expect(user.refreshes).toBe(1);
    },
  );

  it('opens no prompt, because it would not be tried again', async () => {
    refusal = 'mfa_required';
    const response = await sessionFetch(`${api.origin}/`, post(streamOf('a')));
    expect(response.status).toBe(403);
    expect(prompts).toBe(0);
  });

  it('in a Request is sent while it is read, not collected first', async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if ((pulled += 1) > 3) controller.close();
        else controller.enqueue(new Uint8Array(1));
      },
    });
    const sent: number[] = [];
    const streaming = createSessionFetch({
      getAccessToken: user.getAccessToken,
      origins: [api.origin],
      fetch: (_input, init) => {
        sent.push(pulled);
        return Promise.resolve(new Response(init?.body as ReadableStream));
      },
    });
    const response = await streaming(new Request(`${api.origin}/`, post(body)));
    expect(sent[0]).toBeLessThan(3);
    expect((await response.arrayBuffer()).byteLength).toBe(3);
  });
});

describe('A Request that was used', () => {
  it('rejects as with fetch', async () => {
    const request = new Request(`${api.origin}/`, { method: 'POST', body: 'x' });
    await request.text();
    await expect(sessionFetch(request)).rejects.toThrow();
    expect(api.received).toEqual([]);
  });

  it('is each that was sent', async () => {
    const request = new Request(`${api.origin}/`, { method: 'POST', body: 'x' });
    await sessionFetch(request);
    expect(request.bodyUsed).toBe(true);
  });
});

/** A form is given a new boundary each time it is sent. */
function withoutBoundary(body: string): string {
  return body.replace(/-{4,}formdata-\S+/g, 'boundary');
}
