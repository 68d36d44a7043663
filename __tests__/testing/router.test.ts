/**
 * The test issuer over HTTP: what a browser or an example app meets.
 */
import { createServer } from 'node:http';
import express from 'express';
import express4 from 'express4';
import { decodeJwt } from 'jose';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';
import request from 'supertest';

type Issuer = Awaited<ReturnType<typeof createTestIssuer>>;

const apps = {
  'Express 5': (issuer: Issuer) => express().use('/idp', issuer.router()),
  'Express 4 behind a body parser': (issuer: Issuer) =>
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

  it('publishes its keys, and is down with them', async () => {
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
  it('refuses what is no JSON and what is too long', async () => {
    const router = (await createTestIssuer()).router();
    const server = createServer((req, res) => {
      router(req, res, () => res.writeHead(404).end());
    });
    for (const body of ['no json', '[]', JSON.stringify({ email: 'x'.repeat(5000) })]) {
      const answer = await request(server).post('/auth/code').send(body);
      expect([answer.status, (answer.body as { errorType: string }).errorType]).toEqual([
        400,
        'invalid_request',
      ]);
    }
  });
});
