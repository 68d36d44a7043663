import { createServer, STATUS_CODES } from 'node:http';
import { connect } from 'node:net';
import {
  cdpAuthentication,
  fromBearer,
  fromCookie,
  memoryStore,
  SessionError,
  type Sessions,
} from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import { listen, type Listening } from '../support/listen.js';
import { testStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { previously } from '../support/wallet-client.js';

const kit = useTestIssuer();
let sessions: Sessions;

beforeEach(() => {
  sessions = kit.sessions();
});

function bearer(token: string): { headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` } };
}

describe('sessions.authenticate({ headers })', () => {
  it('resolves to the session of a request without Express', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    await expect(sessions.authenticate(bearer(accessToken))).resolves.toMatchObject({
      userId: 'alice',
    });
  });

  it.each([
    ['token_missing', {}],
    ['token_missing', { authorization: 'Basic abc' }],
    ['invalid_request', { authorization: 'Bearer' }],
    ['invalid_request', { authorization: 'Bearer a b' }],
    ['token_invalid', { authorization: 'Bearer nonsense' }],
  ])('rejects with %s for %j', async (errorType, headers) => {
    const rejection = await sessions.authenticate({ headers }).catch((error: unknown) => error);
    expect(rejection).toBeInstanceOf(SessionError);
    expect(rejection).toMatchObject({ errorType });
  });

  it('rejects anonymous requests with token_missing, with `required: false` too', async () => {
    const lenient = kit.sessions({ required: false });
    await expect(lenient.authenticate({ headers: {} })).rejects.toMatchObject({
      errorType: 'token_missing',
      status: 401,
      headers: { 'WWW-Authenticate': 'Bearer realm="api"' },
    });
  });

  it('uses the token readers of the options', async () => {
    const token = [fromBearer(), fromCookie('session')];
    const both = kit.sessions({ token });
    const { accessToken } = await kit.issuer.signIn('alice');
    const cookie = `theme=dark; session=${accessToken}; session2=x`;
    await expect(both.authenticate({ headers: { cookie } })).resolves.toMatchObject({
      userId: 'alice',
    });
    const twice = { headers: { cookie, ...bearer(accessToken).headers } };
    await expect(both.authenticate(twice)).rejects.toMatchObject({ errorType: 'invalid_request' });
  });

  it('carries an MFA session over, as validateSession() does', async () => {
    const first = await kit.issuer.signIn('alice');
    const before = await sessions.authenticate(bearer(first.accessToken));
    const started = await before.mfa.start({ method: 'totp' });
    kit.clock.advance(100);
    const second = await kit.issuer.refresh(first.refreshToken);
    const after = await sessions.authenticate({
      headers: { ...bearer(second.accessToken).headers, ...previously(first.accessToken) },
    });
    expect(await after.mfa.current()).toEqual(started);
    expect(await before.mfa.current()).toBeUndefined();
  });

  it('rejects with session_revoked after a sign-out', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const session = await sessions.authenticate(bearer(accessToken));
    await session.signOut();
    for (const again of [
      sessions.authenticate(bearer(accessToken)),
      sessions.authenticateToken(accessToken),
    ]) {
      await expect(again).rejects.toMatchObject({ errorType: 'session_revoked' });
    }
  });

  /** A header that came over HTTP is Latin-1, so these come through `authenticate()` alone. */
  const wideWhiteSpace = [
    '\u1680',
    ...Array.from({ length: 11 }, (_, index) => String.fromCharCode(0x2000 + index)),
    ...['\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\ufeff'],
  ].map((space) => [`U+${space.charCodeAt(0).toString(16).padStart(4, '0')}`, space]);

  it.each(wideWhiteSpace)('refuses a Bearer token with white space %s', async (_name, space) => {
    const { accessToken } = await kit.issuer.signIn('alice');
    for (const token of [
      `${space}${accessToken}`,
      `${accessToken}${space}`,
      accessToken.replace('.', `.${space}`),
    ]) {
      await expect(sessions.authenticate(bearer(token))).rejects.toMatchObject({
        errorType: 'invalid_request',
        status: 400,
        action: 'fix_request',
        headers: { 'WWW-Authenticate': 'Bearer error="invalid_request"' },
        detail: 'Send exactly one access token, as "Authorization: Bearer" and the token.',
      });
    }
    // The same token without it is good, so the white space alone is what was refused.
    await expect(sessions.authenticate(bearer(accessToken))).resolves.toMatchObject({
      userId: 'alice',
    });
  });
});

describe('sessions.authenticate() of another framework', () => {
  /** Requests with these headers, as frameworks give them. */
  function requestsWith(
    headers: Readonly<Record<string, string>>,
  ): [string, Parameters<Sessions['authenticate']>[0]][] {
    const entries = Object.entries(headers);
    const upper = Object.fromEntries(entries.map(([name, value]) => [name.toUpperCase(), value]));
    const event: { headers: Record<string, string | undefined> } = {
      headers: { ...upper, 'X-Absent': undefined },
    };
    return [
      ["the Fetch standard's Request", new Request('https://api.example/me', { headers })],
      ['an object with its Headers', { headers: new Headers(headers), method: 'GET', url: '/me' }],
      ['names in capitals', event],
    ];
  }

  it('reads the Authorization header of each', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    for (const [what, request] of requestsWith({ Authorization: `Bearer ${accessToken}` })) {
      expect([what, (await sessions.authenticate(request)).userId]).toEqual([what, 'alice']);
    }
    for (const [what, request] of requestsWith({ Accept: '*/*' })) {
      await expect([what, sessions.authenticate(request)][1]).rejects.toMatchObject({
        errorType: 'token_missing',
      });
    }
  });

  it('reads the cookie of each, and gives readers names in lower case', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const seen: unknown[] = [];
    const token = [
      fromCookie('session'),
      (request: { method?: string | undefined; url?: string | undefined }) => {
        seen.push([request.method, request.url]);
        return undefined;
      },
    ];
    const own = kit.sessions({ token });
    for (const [, request] of requestsWith({ Cookie: `a=b; session=${accessToken}` })) {
      await expect(own.authenticate(request)).resolves.toMatchObject({ userId: 'alice' });
    }
    expect(seen).toEqual([
      ['GET', 'https://api.example/me'],
      ['GET', '/me'],
      [undefined, undefined],
    ]);
  });

  it('carries an MFA session over by the Previous-Access-Token of each', async () => {
    let { accessToken: previous, refreshToken } = await kit.issuer.signIn('alice');
    await (await sessions.authenticateToken(previous)).mfa.start({ method: 'totp' });
    for (const index of [0, 1, 2]) {
      const pair = await kit.issuer.refresh(refreshToken);
      const request = requestsWith({
        Authorization: `Bearer ${pair.accessToken}`,
        'Previous-Access-Token': previous,
      })[index]?.[1];
      const session = await sessions.authenticate(request ?? { headers: {} });
      expect(await session.mfa.current()).toMatchObject({ method: 'totp' });
      ({ accessToken: previous, refreshToken } = pair);
    }
  });

  it('refuses a name in two spellings, as it does a repeated header', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const value = `Bearer ${accessToken}`;
    await expect(
      sessions.authenticate({ headers: { Authorization: value, authorization: value } }),
    ).rejects.toMatchObject({ errorType: 'invalid_request' });
    const headers = new Headers({ authorization: value });
    headers.append('authorization', value);
    await expect(sessions.authenticate({ headers })).rejects.toMatchObject({
      errorType: 'invalid_request',
    });
  });

  it.each([[undefined], [null], [{}], [{ headers: 'authorization' }], [new Headers()]])(
    'rejects with a TypeError for %p, which has no headers',
    async (request) => {
      await expect(sessions.authenticate(request as never)).rejects.toThrow(
        new TypeError('authenticate(request): `request` must be an object with `headers`.'),
      );
    },
  );

  it('leaves members of a plain request for readers', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const token = [(request: object) => (request as { token?: string }).token];
    const own = kit.sessions({ token });
    const request = { headers: { Accept: '*/*' }, token: accessToken };
    await expect(own.authenticate(request)).resolves.toMatchObject({ userId: 'alice' });
  });

  it('gives the correlation id of each to the problem', async () => {
    for (const [, request] of requestsWith({ 'X-Correlation-Id': 'c-1' })) {
      const error = (await sessions
        .authenticate(request)
        .catch((one: unknown) => one)) as SessionError;
      expect(error.toProblem(request)).toMatchObject({ correlationId: 'c-1' });
    }
  });
});

describe('sessions.authenticateToken(token)', () => {
  it('resolves to the session of a token', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    expect((await sessions.authenticateToken(accessToken)).userId).toBe('alice');
  });

  it.each([
    ['token_missing', ''],
    ['token_invalid', 'nonsense'],
    ['token_invalid', 'a.b.c'],
    ['token_invalid', 'a'.repeat(9000)],
  ])('rejects with %s for %.10p', async (errorType, token) => {
    await expect(sessions.authenticateToken(token)).rejects.toMatchObject({ errorType });
  });

  it.each<unknown>([undefined, null, 5, ['token'], {}])(
    'rejects with token_missing for %p',
    async (token) => {
      await expect(sessions.authenticateToken(token as string)).rejects.toMatchObject({
        errorType: 'token_missing',
      });
    },
  );
});

describe('A WebSocket upgrade', () => {
  let server: Listening;
  let users: string[];

  beforeEach(async () => {
    users = [];
    const upgrading = createServer().on('upgrade', (req, socket) => {
      sessions.authenticate(req).then(
        ({ userId }) => {
          users.push(userId);
          socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n');
        },
        (error: unknown) => {
          const { status, headers } = error as SessionError;
          const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
          const reason = STATUS_CODES[status] ?? '';
          socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`);
        },
      );
    });
    server = await listen(upgrading);
  });
  afterEach(() => server.close());

  async function upgrade(headers: Readonly<Record<string, string>>): Promise<string> {
    const socket = connect(server.port, '127.0.0.1');
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines.join('')}\r\n`,
    );
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  }

  it('is accepted with a good token', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const answer = await upgrade({ Authorization: `Bearer ${accessToken}` });
    expect(answer).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(users).toEqual(['alice']);
  });

  it('is refused with status and headers without a good token', async () => {
    expect(await upgrade({})).toBe(
      'HTTP/1.1 401 Unauthorized\r\nCache-Control: no-store\r\nWWW-Authenticate: Bearer realm="api"\r\n\r\n',
    );
    expect(await upgrade({ Authorization: 'Bearer nonsense' })).toContain('error="invalid_token"');
    const { accessToken } = await kit.issuer.signIn('alice');
    const authorization = `Bearer ${accessToken}`;
    const twice = await upgrade({ Authorization: authorization, authorization });
    expect(twice).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(users).toEqual([]);
  });
});

describe('sessions.ready()', () => {
  it('resolves once the keys are loaded and the store did all its verbs', async () => {
    const store = testStore();
    const ready = kit.sessions({ store });
    expect([kit.issuer.jwksFetches, store.calls]).toEqual([0, []]);
    await expect(ready.ready()).resolves.toBeUndefined();
    expect(kit.issuer.jwksFetches).toBe(1);
    const verbs = ['add', 'move', 'raise', 'read', 'remove', 'write'];
    expect([...new Set(store.calls)].sort()).toEqual(verbs);
    await ready.authenticateToken((await kit.issuer.signIn('alice')).accessToken);
    await ready.ready();
    expect(kit.issuer.jwksFetches).toBe(1);
  });

  it('rejects while the keys of an issuer are unavailable, and resolves later', async () => {
    const other = await createTestIssuer({ authentication: 'custom', clock: kit.clock });
    other.setOutage(true);
    const authentication = [kit.issuer.authentication, other.authentication];
    const both = kit.sessions({ authentication });
    await expect(both.ready()).rejects.toMatchObject({ errorType: 'verification_unavailable' });
    other.setOutage(false);
    kit.clock.advance(5);
    await both.ready();
  });

  it('rejects while the store cannot be reached', async () => {
    const read = (): never => {
      throw new Error('refused');
    };
    const sick = kit.sessions({ store: { ...memoryStore(), read } });
    await expect(sick.ready()).rejects.toMatchObject({ errorType: 'store_unavailable' });
  });

  it('resolves without keys if CDP validates the tokens', async () => {
    const validateAccessToken = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('Missing access token.'), { statusCode: 400 }));
    const authentication = cdpAuthentication({ projectId: 'p', validateAccessToken });
    await kit.sessions({ authentication }).ready();
  });
});

describe('Calls outside of a request', () => {
  it.each(['signOutUser', 'endMfa'] as const)(
    '%s() rejects an empty or non-string `userId`',
    async (verb) => {
      for (const who of [undefined, {}, { userId: '' }, { userId: 5 }, 'alice', null]) {
        await expect(sessions[verb](who as { userId: string })).rejects.toThrow(
          `${verb}({ userId }): \`userId\` must be a non-empty string.`,
        );
      }
      await expect(sessions[verb]({ userId: 'a', issuer: 'other' })).rejects.toThrow(
        '`issuer` must',
      );
      await sessions[verb]({ userId: 'alice' });
      await sessions[verb]({ userId: 'alice', issuer: 'cdp-api' });
      await sessions[verb]({ userId: 'alice', issuer: undefined });
    },
  );

  it('signOutSession() rejects an empty or non-string `sessionId`', async () => {
    for (const which of [undefined, {}, { sessionId: '' }, 's-1']) {
      await expect(sessions.signOutSession(which as { sessionId: string })).rejects.toThrow(
        'signOutSession({ sessionId }): `sessionId` must be a non-empty string.',
      );
    }
    await sessions.signOutSession({ sessionId: 's-1' });
  });

  it('need the issuer if there are two', async () => {
    const other = await createTestIssuer({ authentication: 'custom', clock: kit.clock });
    const authentication = [kit.issuer.authentication, other.authentication];
    const both = kit.sessions({ authentication });
    for (const call of [
      both.signOutUser({ userId: 'alice' }),
      both.endMfa({ userId: 'alice' }),
      both.signOutSession({ sessionId: 's-1' }),
    ]) {
      await expect(call).rejects.toThrow('it may be left out where there is one');
    }
    await both.signOutUser({ userId: 'alice', issuer: other.issuer });
    const here = await both.authenticateToken((await kit.issuer.signIn('alice')).accessToken);
    expect(here.issuer).toBe('cdp-api');
    const { accessToken } = await other.signIn('alice');
    await expect(both.authenticateToken(accessToken)).rejects.toMatchObject({
      errorType: 'session_revoked',
    });
  });
});
