/** The client in a browser, which hides redirects, has a cache, and runs service workers. */
import type { ServerResponse } from 'node:http';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type * as Client from 'express-wallet-session/client';
import { describeWithChromium, launchChromium } from '../support/chromium.js';
import { closeApis, redirect, refuse, startApi } from './api.js';
import type { Api, Received } from './api.js';

function askForApproval(response: ServerResponse): void {
  const approval = { challengeId: 'id', description: 'export', expiresInSeconds: 300 };
  refuse(response, 'mfa_required', { approval });
}

describeWithChromium('In a browser', () => {
  let browser: Browser;
  let page: Page;
  let own: Api;
  let listed: Api;
  let stranger: Api;

  /** A service worker that answers navigations through the client. */
  const worker = `
    import { createSessionFetch } from '/client.js';
    let token = 't1';
    const sessionFetch = createSessionFetch({
      getAccessToken: async ({ forceRefresh }) => (token = forceRefresh ? 't2' : token),
    });
    addEventListener('install', () => skipWaiting());
    addEventListener('activate', (event) => event.waitUntil(clients.claim()));
    addEventListener('fetch', (event) => {
      if (event.request.mode === 'navigate') event.respondWith(sessionFetch(event.request));
    });
  `;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: ['lib/client/index.ts'],
      bundle: true,
      format: 'esm',
      write: false,
    });
    const script = outputFiles[0]?.text;
    const cors = {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Headers': 'authorization, previous-access-token',
      'Access-Control-Expose-Headers': 'Session-Ends-In',
    };
    // It lets everything in that a browser would ask it for.
    stranger = await startApi((_request, response) =>
      response.writeHead(200, cors).end('stranger'),
    );
    const answers: Record<
      string,
      (request: Received, response: Parameters<typeof redirect>[0]) => unknown
    > = {
      '/': (_request, response) => response.setHeader('Content-Type', 'text/html').end('<html>'),
      '/client.js': (_request, response) =>
        response.setHeader('Content-Type', 'text/javascript').end(script),
      '/303': (_request, response) => {
        redirect(response, 303, '/echo');
      },
      '/307': (_request, response) => {
        redirect(response, 307, '/echo');
      },
      '/away': (_request, response) => {
        redirect(response, 307, `${stranger.origin}/`);
      },
      '/expired': ({ token, body }, response) => {
        if (token === 't2') refuse(response, 'token_expired');
        else response.end(body);
      },
      '/cached': (_request, response) =>
        response.setHeader('Cache-Control', 'max-age=3600').end('cacheable'),
      '/worker.js': (_request, response) =>
        response.setHeader('Content-Type', 'text/javascript').end(worker),
      '/page': ({ method, token, body }, response) => {
        if (token === 't1') refuse(response, 'token_expired');
        else response.setHeader('Content-Type', 'text/html').end(`${method} page ${body}`);
      },
      '/page/moved': (_request, response) => {
        redirect(response, 302, '/page');
      },
      '/export': ({ headers }, response) => {
        if (headers['x-mfa-challenge-id'] === 'id') redirect(response, 302, '/echo');
        else askForApproval(response);
      },
      '/export/away': ({ headers }, response) => {
        if (headers['x-mfa-challenge-id'] === 'id') redirect(response, 302, `${stranger.origin}/`);
        else askForApproval(response);
      },
      '/ending': (_request, response) => response.setHeader('Session-Ends-In', '60').end(),
      '/echo': ({ method, body }, response) => response.end(`${method} ${body}`),
    };
    own = await startApi((request, response) => answers[request.path]?.(request, response));
    listed = await startApi((request, response) => {
      for (const [name, value] of Object.entries(cors)) response.setHeader(name, value);
      if (request.method === 'OPTIONS') response.writeHead(204).end();
      else answers[request.path]?.(request, response);
    });
    browser = await launchChromium();
  }, 30_000);

  afterAll(() => Promise.all([browser.close(), closeApis()]));

  beforeEach(async () => {
    page = await browser.newPage();
    await page.goto(own.origin);
    for (const api of [own, listed, stranger]) api.received.length = 0;
  });
  afterEach(() => page.close());

  interface Asked {
    readonly address: string;
    readonly init?: { readonly method: string; readonly body: string };
    readonly asRequest?: boolean;
    readonly origins?: string[];
    /** The request before the token changes. */
    readonly first?: string;
  }

  /** Asks, in the page, with a token that has just changed from t1 to t2. */
  async function ask(asked: Asked): Promise<unknown> {
    return page.evaluate(async ({ address, init, asRequest, origins, first = '/echo' }) => {
      const module = '/client.js';
      const { createSessionFetch } = (await import(module)) as typeof Client;
      let token = 't1';
      const warnings: number[] = [];
      const sessionFetch = createSessionFetch({
        getAccessToken: ({ forceRefresh }) =>
          Promise.resolve((token = forceRefresh ? 't3' : token)),
        onSessionEnding: (secondsLeft) => warnings.push(secondsLeft),
        onApprovalRequired: () => Promise.resolve(),
        ...(origins !== undefined && { origins }),
      });
      await (await sessionFetch(`${origins?.[0] ?? ''}${first}`)).text();
      token = 't2';
      try {
        const request = asRequest === true ? new Request(address, init) : address;
        const response = await (asRequest === true
          ? sessionFetch(request)
          : sessionFetch(request, init));
        const { status, type, redirected } = response;
        return { status, type, redirected, text: await response.text(), warnings };
      } catch (error) {
        return String(error);
      }
    }, asked);
  }

  /** The requests of the client after the first one, which made t1 known. */
  function calls(api: Api): string[] {
    const tokens = api.tokens();
    return api
      .calls()
      .map((call, index) => `${call} ${tokens[index] ?? ''}`)
      .filter((call) => !/OPTIONS|client.js|favicon| t1$/.test(call));
  }

  const answered = { status: 200, type: 'basic', redirected: false, warnings: [] };
  const post = { method: 'POST', body: 'x' };

  it("a relative address is the page's own, and gets the token without the option origins", async () => {
    expect(await ask({ address: '/echo' })).toEqual({ ...answered, text: 'GET ' });
    expect(calls(own)).toEqual(['GET /echo t2/t1']);
  });

  it('a request to another origin carries no token', async () => {
    expect(await ask({ address: stranger.origin })).toMatchObject({ text: 'stranger' });
    expect(calls(stranger)).toEqual(['GET / none']);
  });

  it('a refused request is tried again, as an address and as a Request', async () => {
    expect(await ask({ address: '/expired', init: post })).toEqual({ ...answered, text: 'x' });
    expect(calls(own)).toEqual(['POST /expired t2/t1', 'POST /expired t3/t1']);
    own.received.length = 0;
    expect(await ask({ address: '/expired', init: post, asRequest: true })).toEqual({
      ...answered,
      text: 'x',
    });
    expect(calls(own)).toEqual(['POST /expired t2/t1', 'POST /expired t3/t1']);
  });

  it('a cached answer does not stand for an answer to both tokens', async () => {
    expect(await ask({ address: '/cached', first: '/cached' })).toMatchObject({
      text: 'cacheable',
    });
    expect(calls(own)).toEqual(['GET /cached t2/t1']);
  });

  describe('in a service worker, a navigation', () => {
    beforeEach(async () => {
      await page.close();
      // Of its own, because the other tests must not have the worker.
      const context = await browser.newContext();
      page = await context.newPage();
      await page.goto(own.origin);
      await page.evaluate(`(async () => {
        const { serviceWorker } = navigator;
        const controlled = new Promise((resolve) => {
          serviceWorker.addEventListener('controllerchange', resolve);
        });
        await serviceWorker.register('/worker.js', { type: 'module' });
        if (serviceWorker.controller === null) await controlled;
      })()`);
      own.received.length = 0;
    });
    afterEach(() => page.context().close());

    it('is sent with the token, and repeated after a refresh', async () => {
      await page.goto(`${own.origin}/page`);
      expect(await page.textContent('body')).toBe('GET page ');
      await page.goto(`${own.origin}/page`);
      expect(calls(own)).toEqual(['GET /page t2/t1', 'GET /page t2']);
    });

    it('is redirected by the browser', async () => {
      await page.goto(`${own.origin}/page/moved`);
      expect([page.url(), await page.textContent('body')]).toEqual([
        `${own.origin}/page`,
        'GET page ',
      ]);
    });

    it('sends the form', async () => {
      await page.setContent('<form method="post" action="/page"><input name="a" value="1">');
      await page.evaluate('document.forms[0].submit()');
      await page.waitForURL(`${own.origin}/page`);
      expect(await page.textContent('body')).toBe('POST page a=1');
      expect(calls(own)).toEqual(['POST /page t2/t1']);
    });
  });

  it('a GET is redirected within the origin', async () => {
    const text = 'GET ';
    expect(await ask({ address: '/303' })).toEqual({ ...answered, redirected: true, text });
    expect(calls(own)).toEqual(['GET /303 t2/t1', 'GET /303 t2', 'GET /echo t2']);
  });

  it.each([
    ['/303', 'GET ', 'GET /echo t2/t1'],
    ['/307', 'POST x', 'POST /echo t2/t1'],
  ])('a POST is redirected within the origin, once: %s', async (address, text, last) => {
    const expected = { ...answered, redirected: true, text };
    expect(await ask({ address, init: post })).toEqual(expected);
    expect(calls(own)).toEqual([`POST ${address} t2/t1`, last]);
  });

  it('an approved GET is sent once, and redirected within the origin', async () => {
    const text = 'GET ';
    expect(await ask({ address: '/export' })).toEqual({ ...answered, redirected: true, text });
    expect(calls(own)).toEqual(['GET /export t2/t1', 'GET /export t2', 'GET /echo t2']);
  });

  it('an approved GET that is redirected to another origin takes no id there', async () => {
    expect(await ask({ address: '/export/away' })).toBe('TypeError: Failed to fetch');
    expect(calls(own)).toEqual(['GET /export/away t2/t1', 'GET /export/away t2']);
    expect(calls(stranger)).toEqual([]);
  });

  it('a GET that is redirected to another origin takes neither token there', async () => {
    expect(await ask({ address: '/away' })).toMatchObject({ type: 'cors', text: 'stranger' });
    expect(calls(stranger)).toEqual(['GET / none']);
  });

  it('a POST that is redirected to another origin fails before it gets there', async () => {
    expect(await ask({ address: '/away', init: post })).toBe('TypeError: Failed to fetch');
    expect(calls(own)).toEqual(['POST /away t2/t1']);
    expect(calls(stranger)).toEqual([]);
  });

  describe('a listed origin that is not the own one:', () => {
    let origins: string[];
    beforeEach(() => {
      origins = [listed.origin];
    });

    it('both tokens are sent, and the warning is read', async () => {
      expect(await ask({ address: `${listed.origin}/ending`, origins })).toMatchObject({
        status: 200,
        warnings: [60],
      });
      expect(calls(listed)).toEqual(['GET /ending t2/t1']);
    });

    it('a GET that is redirected takes neither token to another', async () => {
      const answer = await ask({ address: `${listed.origin}/away`, origins });
      expect(answer).toMatchObject({ redirected: true, text: 'stranger' });
      expect(calls(listed)).toEqual(['GET /away t2/t1', 'GET /away t2']);
      expect(calls(stranger)).toEqual(['GET / none']);
    });

    it('a POST that is redirected is sent once, and its answer handed back', async () => {
      expect(await ask({ address: `${listed.origin}/away`, init: post, origins })).toEqual({
        ...answered,
        status: 0,
        type: 'opaqueredirect',
        text: '',
      });
      expect(calls(listed)).toEqual(['POST /away t2/t1']);
      expect(calls(stranger)).toEqual([]);
    });
  });
});
