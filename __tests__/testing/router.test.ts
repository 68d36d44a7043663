/**
 * The test issuer over HTTP, as a browser or an example app uses it.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import express from 'express';
import { customAuthentication } from 'express-wallet-session';
import express4 from 'express4';
import { decodeJwt } from 'jose';
import { createTestClock, createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';
import request from 'supertest';
import { eventually } from '../support/eventually.js';
import { listen, type Listening } from '../support/listen.js';
import { walletApi } from '../support/wallet-api.js';
import { getMe } from '../support/wallet-client.js';

const apps = {
  'Express 5': (issuer: TestIssuer) => express().use('/idp', issuer.router()),
  'Express 4 behind a body parser': (issuer: TestIssuer) =>
    express4().use(express4.json()).use('/idp', issuer.router()),
};

describe.each(Object.entries(apps))('issuer.router() in %s', (_name, createApp) => {
  async function setUp() {
    const clock = createTestClock();
    const issuer = await createTestIssuer({ clock });
    const agent = request.agent(createApp(issuer));
    return { clock, issuer, agent };
  }

  async function signIn(agent: ReturnType<typeof request.agent>): Promise<request.Response> {
    const asked = await agent.post('/idp/auth/code').send({ email: 'ada@example.com' });
    const { code } = asked.body as { code: string };
    return agent.post('/idp/auth/sign-in').send({ email: 'ada@example.com', code });
  }

  it('signs in by one-time code and keeps the refresh token in a cookie out of reach', async () => {
    const { agent } = await setUp();
    const answer = await signIn(agent);
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(Object.keys(answer.body as object)).toEqual(['accessToken']);
    const [cookie = ''] = answer.headers['set-cookie'] as unknown as string[];
    expect(cookie).toMatch(
      /^cdp_refresh_token=[\w-]+; Path=\/idp\/auth; Max-Age=604800; HttpOnly; SameSite=Strict$/,
    );
  });

  it('refreshes by the cookie, signs out, and says why when it does not', async () => {
    const { agent, clock } = await setUp();
    const body: unknown = (await signIn(agent)).body;
    clock.advance(900);
    const refreshed = await agent.post('/idp/auth/refresh');
    expect(refreshed.status).toBe(200);
    const [before, after] = [body, refreshed.body as unknown].map((one) =>
      decodeJwt((one as { accessToken: string }).accessToken),
    );
    expect(after?.sub).toBe(before?.sub);
    expect(after?.iat).toBe((before?.iat ?? 0) + 900);

    clock.advance(7 * 86_400);
    const late = await agent.post('/idp/auth/refresh');
    expect([late.status, late.body]).toEqual([
      401,
      {
        errorType: 'unauthorized',
        errorMessage: 'refresh token expired: sign in again',
        code: 'refresh_token_expired',
      },
    ]);

    await signIn(agent);
    expect((await agent.post('/idp/auth/sign-out')).status).toBe(204);
    const out = await agent.post('/idp/auth/refresh');
    expect([out.status, (out.body as { code: string }).code]).toEqual([
      401,
      'refresh_token_invalid',
    ]);
  });

  it('publishes its keys, and answers 503 in an outage', async () => {
    const { agent, issuer } = await setUp();
    const keys = await agent.get('/idp/.well-known/jwks.json');
    expect([keys.status, keys.body]).toEqual([200, issuer.jwks()]);
    issuer.setOutage(true);
    expect((await agent.get('/idp/.well-known/jwks.json')).status).toBe(503);
  });

  it.each([
    ['a wrong code', '/auth/sign-in', { email: 'ada@example.com', code: '0' }, 401],
    ['no code', '/auth/sign-in', { email: 'ada@example.com' }, 400],
    ['no email', '/auth/code', {}, 400],
  ])('refuses %s', async (_what, path, sent, status) => {
    const { agent } = await setUp();
    const answer = await agent.post(`/idp${path}`).send(sent);
    expect(answer.status).toBe(status);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('passes on what is none of its routes', async () => {
    const { agent } = await setUp();
    expect((await agent.get('/idp/auth/code')).status).toBe(404);
    expect((await agent.get('/idp/constructor')).status).toBe(404);
  });
});

describe('issuer.router() in plain Node', () => {
  const servers: Listening[] = [];

  async function serve(issuer: TestIssuer, before?: (req: IncomingMessage) => void) {
    const router = issuer.router();
    const passedOn: unknown[] = [];
    const server = await listen((req, res) => {
      before?.(req);
      router(req, res, (error) => {
        passedOn.push(error);
        res.writeHead(404).end();
      });
    });
    servers.push(server);
    return { origin: server.url, passedOn };
  }

  afterAll(() => Promise.all(servers.map((server) => server.close())));

  it.each([
    ['what is no JSON', 'no json'],
    ['what is no object', '[]'],
    ['nothing', ''],
    ['what is too long', JSON.stringify({ email: 'x'.repeat(5_000) })],
    ['what is far too long', JSON.stringify({ email: 'x'.repeat(1_000_000) })],
  ])('refuses %s', async (_what, body) => {
    const { origin } = await serve(await createTestIssuer());
    const answer = await fetch(`${origin}/auth/code`, { method: 'POST', body });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { errorType: 'invalid_request', errorMessage: expect.stringMatching(/^The body /) as string },
    ]);
  });

  it('reads a character that is split over two chunks', async () => {
    const issuer = await createTestIssuer();
    const { origin } = await serve(issuer);
    const body = Buffer.from(JSON.stringify({ email: 'gr\u00fc\u00dfe@example.com' }));
    const half = body.indexOf(0xc3) + 1;
    const pieces = new ReadableStream({
      async start(controller) {
        controller.enqueue(body.subarray(0, half));
        await new Promise((resolve) => setTimeout(resolve, 50));
        controller.enqueue(body.subarray(half));
        controller.close();
      },
    });
    const init = { method: 'POST', body: pieces, duplex: 'half' } as const;
    const { code } = (await (await fetch(`${origin}/auth/code`, init)).json()) as { code: string };
    await expect(
      issuer.signInWithCode('gr\u00fc\u00dfe@example.com', code),
    ).resolves.toHaveProperty('accessToken');
  });

  it('finds its cookie among others, and serves each refresh token once', async () => {
    const issuer = await createTestIssuer();
    const { origin } = await serve(issuer);
    const { refreshToken } = await issuer.signIn('user-1');
    const cookie = `a=1;cdp_refresh_token=${refreshToken}; not_cdp_refresh_token=b`;
    const refresh = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${origin}/auth/refresh`, { method: 'POST', headers });

    const first = await refresh({ cookie });
    expect([first.status, await first.json()]).toEqual([
      200,
      { accessToken: expect.any(String) as string },
    ]);
    expect(first.headers.get('set-cookie')).toContain('; Path=/auth; ');
    expect(first.headers.get('set-cookie')).not.toContain(refreshToken);
    const again = await refresh({ cookie });
    expect([again.status, await again.json()]).toEqual([401, refused('refresh_token_reused')]);
    const none = await refresh({ cookie: 'not_cdp_refresh_token=b' });
    expect([none.status, await none.json()]).toEqual([401, refused('refresh_token_invalid')]);
  });

  it('clears the cookie at sign-out, with or without one', async () => {
    const { origin } = await serve(await createTestIssuer());
    const answer = await fetch(`${origin}/auth/sign-out`, { method: 'POST' });
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([
      204,
      'cdp_refresh_token=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Strict',
    ]);
  });

  it('sets a Secure cookie over HTTPS', async () => {
    const issuer = await createTestIssuer();
    const { origin } = await serve(issuer, (req) => {
      Object.assign(req.socket, { encrypted: true });
    });
    const answer = await fetch(`${origin}/auth/sign-out`, { method: 'POST' });
    expect(answer.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Strict; Secure$/);
  });

  it('ends the work of aborted requests', async () => {
    const issuer = await createTestIssuer();
    const fetched: Promise<Response>[] = [];
    const fetchJwks = issuer.fetchJwks.bind(issuer);
    issuer.fetchJwks = (signal) => {
      const answer = fetchJwks(signal);
      fetched.push(answer);
      return answer;
    };
    issuer.setDelay(60_000);
    const { origin, passedOn } = await serve(issuer);
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = expect(fetch(`${origin}/.well-known/jwks.json`, { signal })).rejects.toThrow(
      'aborted',
    );
    await eventually(() => {
      expect(fetched).toHaveLength(1);
    });
    controller.abort();
    await aborted;
    await expect(fetched[0]).rejects.toMatchObject({ name: 'AbortError' });

    const { port } = new URL(origin);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('POST /auth/code HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"email"');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await once(socket, 'close');
    issuer.setDelay(0);
    expect((await fetch(`${origin}/.well-known/jwks.json`)).status).toBe(200);
    expect(passedOn).toEqual([]);
  });

  it('does not wait for a body that was consumed before', async () => {
    const issuer = await createTestIssuer();
    const router = issuer.router();
    const app = express().use(async (req, _res, next) => {
      for await (const chunk of req) expect(chunk).toBeDefined();
      next();
    }, router);
    const answer = await request(app).post('/auth/code').send({ email: 'ada@example.com' });
    expect([answer.status, (answer.body as { errorMessage: string }).errorMessage]).toEqual([
      400,
      'The body must be a JSON object.',
    ]);
  });

  it('passes errors of others on to the app', async () => {
    const issuer = await createTestIssuer();
    issuer.signOut = () => Promise.reject(new Error('of the app'));
    const { origin, passedOn } = await serve(issuer);
    const headers = { cookie: 'cdp_refresh_token=a' };
    await fetch(`${origin}/auth/sign-out`, { method: 'POST', headers });
    expect(passedOn).toEqual([new Error('of the app')]);
  });

  it('passes on what is none of its routes', async () => {
    const { origin, passedOn } = await serve(await createTestIssuer());
    expect((await fetch(`${origin}/auth/code`)).status).toBe(404);
    expect(passedOn).toEqual([undefined]);
  });
});

function refused(code: string): Record<string, string> {
  const errorMessage = `${code.replaceAll('_', ' ')}: sign in again`;
  return { errorType: 'unauthorized', errorMessage, code };
}

describe('Discovery at the test issuer', () => {
  it('serves an API that knows the issuer and the audience alone, also over a short outage', async () => {
    const app = express();
    const server = await listen(app);
    const issuer = await createTestIssuer({
      authentication: 'custom',
      issuer: `${server.url}/idp`,
    });
    app.use('/idp', issuer.router());
    const { audience } = issuer;
    const api = walletApi({
      authentication: customAuthentication({ issuer: issuer.issuer, audience }),
    });
    const { accessToken } = await issuer.signIn('user-1');

    expect((await getMe(api, accessToken)).status).toBe(200);
    expect(issuer.jwksFetches).toBe(1);
    const metadata = await fetch(`${server.url}/idp/.well-known/openid-configuration`);
    expect([metadata.status, await metadata.json()]).toEqual([
      200,
      { issuer: `${server.url}/idp`, jwks_uri: `${server.url}/idp/.well-known/jwks.json` },
    ]);

    issuer.setOutage(true);
    expect((await fetch(`${server.url}/idp/.well-known/openid-configuration`)).status).toBe(503);
    const later = await issuer.signIn('user-2');
    expect((await getMe(api, later.accessToken)).status).toBe(200);
    await server.close();
  });

  it('works without a network, by the `fetch` of its authentication', async () => {
    const issuer = await createTestIssuer({ authentication: 'custom' });
    const { fetch } = issuer.authentication.options;
    const { issuer: name, audience } = issuer;
    const api = walletApi({
      authentication: customAuthentication({ issuer: name, audience, fetch }),
    });
    const { accessToken } = await issuer.signIn('user-1');
    expect((await getMe(api, accessToken)).status).toBe(200);
  });

  it('is not found for an issuer that is no address', async () => {
    const app = express().use((await createTestIssuer()).router());
    expect((await request(app).get('/.well-known/openid-configuration')).status).toBe(404);
  });
});
