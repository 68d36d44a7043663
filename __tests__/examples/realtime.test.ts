/**
 * The realtime example with clients of `ws` and `fetch`: tokens, renewals, ends of the session, the
 * protected operation over both transports, and the doors that have to stay shut.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import { createRealtimeServer } from '../../examples/realtime/app.js';
import { createIdentity } from '../../examples/realtime/identity.js';
import { eventually } from '../support/eventually.js';
import { listen, type Listening } from '../support/listen.js';
import {
  eventsOf,
  LiveClient,
  RealtimeClient,
  refusedUpgrade,
  type Message,
} from './realtime-client.js';

const SEND = { type: 'send', id: 'order-1', to: 'Grace', amount: '25.00' };

let clock: TestClock;
let server: Listening;
let ada: RealtimeClient;

beforeEach(async () => {
  clock = createTestClock();
  const identity = await createIdentity(clock);
  server = await listen(createRealtimeServer({ identity, clock }));
  ada = await RealtimeClient.signIn(server.url);
});

afterEach(async () => {
  LiveClient.terminateAll();
  await server.close();
});

describe('The live socket', () => {
  it('takes the token in the first message, and tells session and balance', async () => {
    const socket = new LiveClient(server.url, '/live', {
      headers: { Origin: `http://localhost:${server.port}` },
    });
    await socket.opened();
    socket.send({ type: 'token', id: 'first', accessToken: ada.accessToken });
    expect(await socket.next('session')).toEqual({
      type: 'session',
      userId: expect.any(String) as unknown,
      expiresAt: '2026-01-05T12:15:00.000Z',
      endsAt: '2026-01-12T12:00:00.000Z',
      now: Date.parse('2026-01-05T12:00:00.000Z'),
    });
    expect(await socket.next('balance')).toEqual({ type: 'balance', balance: '1000.00' });
    await ada.post('/demo/deposit');
    expect(await socket.next('balance')).toEqual({ type: 'balance', balance: '1005.00' });
  });

  it('takes an Authorization header, which a browser cannot send', async () => {
    const headers = { Authorization: `Bearer ${ada.accessToken}` };
    const socket = new LiveClient(server.url, '/live', { headers });
    expect(await socket.next('balance')).toEqual({ type: 'balance', balance: '1000.00' });
    const refused = await refusedUpgrade(server.url, '/live', {
      headers: { Authorization: 'Bearer no.good.token' },
    });
    expectRefusal(refused, 401, 'token_invalid');
    expect(refused.headers).toMatchObject({
      'www-authenticate': 'Bearer error="invalid_token"',
      'cache-control': 'no-store',
    });
  });

  it('takes a ticket once, within 30 s, and only while the session lasts', async () => {
    const ticket = await ada.ticket();
    const socket = new LiveClient(server.url, `/live?ticket=${ticket}`);
    expect(await socket.next('balance')).toEqual({ type: 'balance', balance: '1000.00' });
    const refusal = (path: string) => refusedUpgrade(server.url, path);
    expectRefusal(await refusal(`/live?ticket=${ticket}`), 401, 'token_invalid');
    expectRefusal(await refusal('/live?ticket='), 401, 'token_invalid');

    const late = await ada.ticket();
    clock.advance(30);
    expectRefusal(await refusal(`/live?ticket=${late}`), 401, 'token_invalid');

    const revoked = await ada.ticket();
    await ada.post('/sign-out-everywhere');
    expectRefusal(await refusal(`/live?ticket=${revoked}`), 401, 'session_revoked');
    expect((await ada.post('/tickets')).status).toBe(401);
  });

  it.each(['https://evil.example', 'null', 'http://localhost:1', 'http://evil.example:80'])(
    'answers 403 to a page of the origin %s, whatever it brings',
    async (origin) => {
      const headers = { Origin: origin };
      const paths = ['/live', `/live?ticket=${await ada.ticket()}`];
      for (const path of paths) {
        expectRefusal(
          await refusedUpgrade(server.url, path, { headers }),
          403,
          'origin_not_allowed',
        );
      }
    },
  );

  it('answers 404 to an upgrade at another address', async () => {
    for (const path of ['/', '/live/', '/feed', '//']) {
      expectRefusal(await refusedUpgrade(server.url, path), 404, 'not_found');
    }
  });

  it.each([
    ['a token that is invalid', () => 'no.good.token', 'token_invalid'],
    ['no token', () => undefined, 'invalid_message'],
    ['an empty token', () => '', 'token_missing'],
  ])('closes at a first message with %s', async (_name, token, reason) => {
    const socket = new LiveClient(server.url);
    await socket.opened();
    socket.send({ type: 'token', id: 'first', accessToken: token() });
    expect(await socket.closed).toEqual([reason === 'invalid_message' ? 1008 : 4401, reason]);
  });

  it('closes if the first message is an operation', async () => {
    const socket = new LiveClient(server.url);
    await socket.opened();
    socket.send(SEND);
    expect(await socket.closed).toEqual([4401, 'token_missing']);
  });

  it('closes if the session was signed out before the first message', async () => {
    const socket = new LiveClient(server.url);
    await socket.opened();
    await ada.post('/sign-out-everywhere');
    socket.send({ type: 'token', id: 'first', accessToken: ada.accessToken });
    expect(await socket.closed).toEqual([4401, 'session_revoked']);
  });

  it.each(['', 'x', 'null', '[]', '{"type":"token"}', '{"type":"toString","id":"1"}'])(
    'closes at a message that is none: %s',
    async (text) => {
      const socket = await ada.live();
      socket.send(text);
      expect(await socket.closed).toEqual([1008, 'invalid_message']);
    },
  );

  it('closes at a binary message, a message of more than 20,000 bytes, and a flood', async () => {
    const binary = await ada.live();
    binary.socket.send(Buffer.from(JSON.stringify(SEND)));
    expect(await binary.closed).toEqual([1008, 'invalid_message']);

    for (const large of [new LiveClient(server.url), await ada.live()]) {
      if (large.socket.readyState !== large.socket.OPEN) await large.opened();
      large.send('x'.repeat(20_001));
      expect(await large.closed).toEqual([1009, '']);
    }

    const flood = await ada.live();
    for (let n = 0; n < 100; n += 1) flood.send({ ...SEND, id: `order-${n}` });
    expect(await flood.closed).toEqual([1008, 'too_many_messages']);
  });

  it('lets go of a client that does not answer the close frame', async () => {
    const stranger = connect(server.port, '127.0.0.1');
    stranger.write(
      [
        'GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n',
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      ].join(''),
    );
    await once(stranger, 'data');
    // The text "x", under a mask of zeros.
    stranger.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78]));
    const [frame] = (await once(stranger, 'data')) as [Buffer];
    expect(frame.subarray(4).toString()).toBe('invalid_message');
    stranger.resume();
    await once(stranger, 'close');
  });

  it('lets go of sockets without a token after 5 s, and a ticket in meanwhile', async () => {
    const crowd = Array.from({ length: 1000 }, () => new LiveClient(server.url));
    const opened = new Set<LiveClient>();
    const refusals: string[] = [];
    for (const client of crowd) {
      client.socket.once('open', () => opened.add(client));
      client.socket.once('error', ({ message }) => refusals.push(message));
    }
    await eventually(() => {
      expect(refusals.length).toBeGreaterThan(0);
    });
    const ticket = await ada.ticket();
    const socket = new LiveClient(server.url, `/live?ticket=${ticket}`);
    expect(await socket.next('balance')).toEqual({ type: 'balance', balance: '1000.00' });

    const ends = await Promise.all(crowd.map(({ closed }) => closed));
    const missing = ends.filter(([code, reason]) => code === 4401 && reason === 'token_missing');
    expect(missing).toHaveLength(opened.size);
    expect(opened.size + refusals.length).toBe(1000);
    // More if the first ones are let go while the last ones arrive, on a slow machine.
    expect(opened.size).toBeGreaterThanOrEqual(200);
    expect(new Set(refusals)).toEqual(new Set(['Unexpected server response: 503']));
  });
});

describe('The end of the session', () => {
  it('closes sockets and feeds with 4401 and token_expired when the token is over', async () => {
    const socket = await ada.live();
    const events = eventsOf(await ada.get('/feed'));
    clock.advance(906);
    expect(await socket.closed).toEqual([4401, 'token_expired']);
    expect(await lastOf(events)).toEqual({
      event: 'end',
      data: { code: 4401, errorType: 'token_expired' },
    });
  });

  it('closes them with session_expired after 7 days, however fresh the token', async () => {
    clock.advance(604_800 - 60);
    await ada.refresh();
    const socket = await ada.live();
    const events = eventsOf(await ada.get('/feed'));
    clock.advance(60);
    expect(await socket.closed).toEqual([4401, 'session_expired']);
    expect(await lastOf(events)).toMatchObject({ data: { errorType: 'session_expired' } });
  });

  it('closes all of the user and none of another when the user signs out everywhere', async () => {
    const bob = await RealtimeClient.signIn(server.url, 'bob@example.com');
    const sockets = [await ada.live(), await ada.live()];
    const bobs = await bob.live();
    const events = eventsOf(await ada.get('/feed'));
    await ada.post('/sign-out-everywhere');
    for (const { closed } of sockets) expect(await closed).toEqual([4401, 'session_revoked']);
    expect(await lastOf(events)).toMatchObject({ data: { errorType: 'session_revoked' } });
    await bob.post('/demo/deposit');
    expect(await bobs.next('balance')).toEqual({ type: 'balance', balance: '1005.00' });
  });
});

describe('A token renewed in a message', () => {
  it('keeps the socket open past the end of the first one, and MFA with it', async () => {
    await ada.enrol();
    const [socket, notRenewed] = [await ada.live(), await ada.live()];
    clock.advance(840);
    expect(await ada.renew(socket)).toMatchObject({ expiresAt: '2026-01-05T12:29:00.000Z' });
    clock.advance(890);
    expect(await notRenewed.closed).toEqual([4401, 'token_expired']);
    socket.send(SEND);
    expect(await socket.next('sent')).toMatchObject({ id: 'order-1' });
    clock.advance(16);
    expect(await socket.closed).toEqual([4401, 'token_expired']);
  });

  it('leaves MFA behind without the previous token', async () => {
    await ada.enrol();
    const socket = await ada.live();
    await ada.refresh();
    socket.send({ type: 'token', id: 'second', accessToken: ada.accessToken });
    await socket.next('session');
    socket.send(SEND);
    expect(await socket.next('problem')).toMatchObject({ problem: { errorType: 'mfa_required' } });
  });

  it('closes at a token of another user, of another sign-in, and of none', async () => {
    const bob = await RealtimeClient.signIn(server.url, 'bob@example.com');
    const bobs = await ada.live();
    bobs.send({ type: 'token', id: 'second', accessToken: bob.accessToken });
    expect(await bobs.closed).toEqual([4401, 'token_invalid']);

    const later = await ada.live();
    clock.advance(1);
    const { accessToken } = await RealtimeClient.signIn(server.url);
    later.send({ type: 'token', id: 'second', accessToken });
    expect(await later.closed).toEqual([4401, 'token_invalid']);

    const nobodys = await ada.live();
    nobodys.send({ type: 'token', id: 'second', accessToken: 'no.good.token' });
    expect(await nobodys.closed).toEqual([4401, 'token_invalid']);
  });

  it('does not take MFA of another user by the previous token', async () => {
    const bob = await RealtimeClient.signIn(server.url, 'bob@example.com');
    await bob.enrol();
    const socket = await ada.live();
    const { accessToken } = ada;
    const stolen = { accessToken, previousAccessToken: bob.accessToken };
    socket.send({ type: 'token', id: 'second', ...stolen });
    await socket.next('session');
    socket.send(SEND);
    expect(await socket.next('problem')).toMatchObject({
      problem: { errorType: 'mfa_not_enrolled' },
    });
  });
});

describe('The protected operation', () => {
  it('answers with the same problem in a message and in a resolver', async () => {
    const socket = await ada.live();
    expect(await problemsOfBoth(socket)).toEqual([
      {
        type: 'urn:express-wallet-session:mfa_not_enrolled',
        title: 'MFA not enrolled',
        status: 403,
        detail: 'This operation needs MFA, and this user has not enrolled in it.',
        errorType: 'mfa_not_enrolled',
        action: 'enroll_mfa',
        correlationId: 'order-1',
        maxAgeSeconds: 1800,
      },
    ]);

    await ada.enrol();
    for (const seconds of [840, 840]) {
      clock.advance(seconds);
      await ada.renew(socket);
    }
    clock.advance(121);
    expect(await problemsOfBoth(socket)).toMatchObject([{ errorType: 'mfa_expired' }]);
  });

  it('sends money by both, which socket and feed tell', async () => {
    await ada.enrol();
    const socket = await ada.live();
    const events = eventsOf(await ada.get('/feed'));
    socket.send(SEND);
    expect(await socket.next('balance')).toEqual({ type: 'balance', balance: '975.00' });
    const first = {
      id: 1,
      counterparty: 'Grace',
      amount: '-25.00',
      balance: '975.00',
      at: '2026-01-05T12:00:00.000Z',
    };
    expect(await socket.next('sent')).toEqual({ type: 'sent', id: 'order-1', transfer: first });
    expect((await graphql()).body).toEqual({ data: { send: { id: 2, balance: '950.00' } } });
    expect(await socket.next('balance')).toEqual({ type: 'balance', balance: '950.00' });
    expect((await events.next()).value).toEqual({ event: 'payment', data: first });
    expect((await events.next()).value).toMatchObject({ data: { id: 2 } });
    await events.return(undefined);

    const after = await fetch(`${server.url}/feed?ticket=${await ada.ticket()}`, {
      headers: { 'Last-Event-ID': '1' },
    });
    const resumed = eventsOf(after);
    expect((await resumed.next()).value).toMatchObject({ data: { id: 2 } });
    await resumed.return(undefined);
  });

  it.each([
    [{ amount: '2000' }, 'insufficient_funds'],
    [{ amount: '-1' }, 'invalid_payment'],
    [{ to: ' ' }, 'invalid_payment'],
  ])('refuses the order %j by both with %s', async (order, errorType) => {
    await ada.enrol();
    const socket = await ada.live();
    expect(await problemsOfBoth(socket, order)).toMatchObject([{ status: 422, errorType }]);
  });

  it.each([undefined, 25, ['25'], {}])('refuses the amount %j in a message', async (amount) => {
    await ada.enrol();
    const socket = await ada.live();
    socket.send({ ...SEND, amount });
    expect(await socket.next('problem')).toMatchObject({
      problem: { status: 422, errorType: 'invalid_payment' },
    });
  });

  /** The problem in the message, and that in the resolver if it differs. */
  async function problemsOfBoth(socket: LiveClient, order: Message = {}): Promise<unknown[]> {
    socket.send({ ...SEND, ...order });
    const { problem } = await socket.next('problem');
    const { status, body } = await graphql(order);
    expect([status, body.data]).toEqual([200, null]);
    const { extensions } = body.errors?.[0] ?? {};
    return JSON.stringify(problem) === JSON.stringify(extensions)
      ? [problem]
      : [problem, extensions];
  }

  async function graphql(order: Message = {}): Promise<{
    status: number;
    body: { data?: unknown; errors?: { extensions?: unknown }[] };
  }> {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${ada.accessToken}`,
        'Content-Type': 'application/json',
        'X-Correlation-Id': SEND.id,
      },
      body: JSON.stringify({
        query:
          'mutation ($to: String!, $amount: String!) { send(to: $to, amount: $amount) { id balance } }',
        variables: { to: SEND.to, amount: SEND.amount, ...order },
      }),
    });
    return { status: response.status, body: (await response.json()) as object };
  }
});

describe('The doors of the realtime example', () => {
  it.each([
    ['GET', '/feed'],
    ['POST', '/tickets'],
    ['POST', '/graphql'],
    ['POST', '/sign-out-everywhere'],
    ['POST', '/demo/deposit'],
    ['POST', '/demo/clock'],
    ['GET', '/demo/phone'],
    ['POST', '/mfa/totp'],
    ['POST', '/mfa/totp/confirm'],
    ['POST', '/mfa/totp/verify'],
  ])('needs a token for %s %s', async (method, path) => {
    const response = await fetch(server.url + path, { method });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="api"',
    ]);
    expect(await response.json()).toMatchObject({ errorType: 'token_missing' });
  });

  it('starts MFA for a good code alone, and enrols no second phone without the first', async () => {
    expect((await ada.post('/mfa/totp/verify', { code: '000000' })).status).toBe(409);
    await ada.enrol();
    const thief = await RealtimeClient.signIn(server.url);
    const answer = await thief.post('/mfa/totp');
    expect([answer.status, await answer.json()]).toMatchObject([
      403,
      { errorType: 'mfa_required', action: 'verify_mfa' },
    ]);
    expect((await thief.post('/mfa/totp/verify', { code: '12' })).status).toBe(422);
  });

  it('takes a ticket for the feed once, and no token in the address', async () => {
    const ticket = await ada.ticket();
    const feed = await fetch(`${server.url}/feed?ticket=${ticket}`);
    expect([feed.status, feed.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    await feed.body?.cancel();
    for (const query of [
      `ticket=${ticket}`,
      `ticket=${ada.accessToken}`,
      `access_token=${ada.accessToken}`,
    ]) {
      expect((await fetch(`${server.url}/feed?${query}`)).status).toBe(401);
    }
    const refused = await refusedUpgrade(server.url, `/live?ticket=${ada.accessToken}`);
    expectRefusal(refused, 401, 'token_invalid');
    expect(JSON.stringify(refused)).not.toContain(ada.accessToken);
  });

  it('serves the page under a strict content security policy', async () => {
    const response = await fetch(`${server.url}/`);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await response.text()).not.toMatch(
      /<script(?! type="module" src)|<style| style=| on\w+=/,
    );
  });

  it('survives clients that disappear in the middle of everything', async () => {
    for (let n = 0; n < 20; n += 1) {
      const socket = new LiveClient(server.url, `/live?ticket=${await ada.ticket()}`);
      if (n % 2 === 0) await once(socket.socket, 'open');
      socket.socket.terminate();
    }
    const socket = await ada.live();
    await ada.post('/demo/deposit');
    expect(await socket.next('balance')).toEqual({ type: 'balance', balance: '1005.00' });
  });
});

function expectRefusal(
  refused: Awaited<ReturnType<typeof refusedUpgrade>>,
  status: number,
  errorType: string,
): void {
  expect([refused.status, refused.headers['content-type'], refused.body]).toMatchObject([
    status,
    'application/problem+json',
    { status, errorType },
  ]);
}

async function lastOf<T>(events: AsyncIterable<T>): Promise<T | undefined> {
  let last: T | undefined;
  for await (const event of events) last = event;
  return last;
}
