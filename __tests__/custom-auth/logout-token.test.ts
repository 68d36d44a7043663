/**
 * What a logout token has to say, and what it ends: one thing at a time is changed about a token
 * that is right.
 */
import type { SessionOptions } from 'express-wallet-session';
import {
  createTestClock,
  createTestIssuer,
  type TestClock,
  type TestIssuer,
} from 'express-wallet-session/testing';
import { decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import {
  createLogoutApp,
  expectDone,
  expectRefused,
  type LogoutApp,
} from '../support/oidc-logout.js';

type Members = Readonly<Record<string, unknown>>;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

let clock: TestClock;
let issuer: TestIssuer;
let other: TestIssuer;
let app: LogoutApp;

beforeEach(async () => {
  clock = createTestClock();
  [issuer, other] = await Promise.all([
    createTestIssuer({ clock, authentication: 'custom', issuer: 'https://id.example' }),
    createTestIssuer({ clock, authentication: 'custom', issuer: 'https://other.example' }),
  ]);
  app = appWith();
});

function appWith(options: SessionOptions = {}): LogoutApp {
  const authentication = [issuer.authentication, other.authentication];
  return createLogoutApp({ authentication, clock, ...options });
}

function accessTokenOf(sub: string, claims: Members = {}): Promise<string> {
  return issuer.sign({ sub, ...claims });
}

function now(): number {
  return clock() / 1000;
}

async function errorTypeOf(path: '/me' | '/transfer', accessToken: string): Promise<unknown> {
  return ((await app.get(path, accessToken)).body as { errorType?: string }).errorType;
}

async function statusOf(path: '/me' | '/transfer', accessToken: string): Promise<number> {
  return (await app.get(path, accessToken)).status;
}

describe('A logout token', () => {
  it.each<[string, { claims?: () => Members; header?: Members }]>([
    ['as a provider sends it', {}],
    ['of several audiences', { claims: () => ({ aud: ['another', 'test-client'] }) }],
    ['of type JWT', { header: { typ: 'JWT' } }],
    ['of type application/logout+jwt', { header: { typ: 'application/logout+jwt' } }],
    ['of no type', { header: { typ: undefined } }],
    ['without exp, as they were before 2022', { claims: () => ({ exp: undefined }) }],
    ['with claims that nobody knows', { claims: () => ({ 'https://example.com/why': 'because' }) }],
    [
      'with another event beside',
      { claims: () => ({ events: { [EVENT]: {}, 'urn:example:more': {} } }) },
    ],
    ['that was made 300 s ago', { claims: () => ({ iat: now() - 300 }) }],
    ['whose issuer is 5 s ahead', { claims: () => ({ iat: now() + 5 }) }],
    ['that expired 4 s ago', { claims: () => ({ exp: now() - 4 }) }],
  ])('%s ends the session', async (_what, { claims, header }) => {
    const accessToken = await accessTokenOf('alice', { sid: 'here' });
    expect(await statusOf('/me', accessToken)).toBe(200);

    expectDone(await app.logOut(await issuer.logoutToken({ sid: 'here', ...claims?.() }, header)));

    expect(await errorTypeOf('/me', accessToken)).toBe('session_revoked');
  });

  it.each<[string, { claims?: () => Members; header?: Members }]>([
    ['with a nonce', { claims: () => ({ nonce: 'n-1' }) }],
    ['with a nonce of null', { claims: () => ({ nonce: null }) }],
    ['without events', { claims: () => ({ events: undefined }) }],
    ['with another event', { claims: () => ({ events: { 'urn:example:more': {} } }) }],
    ['with events in a list', { claims: () => ({ events: [EVENT] }) }],
    ['with an event that is no object', { claims: () => ({ events: { [EVENT]: 'yes' } }) }],
    ['with an event that is a list', { claims: () => ({ events: { [EVENT]: [] } }) }],
    ['of an issuer that nobody knows', { claims: () => ({ iss: 'https://unknown.example' }) }],
    ['of another issuer that we know', { claims: () => ({ iss: other.issuer }) }],
    ['of no issuer', { claims: () => ({ iss: undefined }) }],
    ['for another client', { claims: () => ({ aud: 'another' }) }],
    ['for the API in place of the client', { claims: () => ({ aud: issuer.audience }) }],
    ['for nobody', { claims: () => ({ aud: undefined }) }],
    ['that is 301 s old', { claims: () => ({ iat: now() - 301 }) }],
    ['from the future', { claims: () => ({ iat: now() + 6 }) }],
    ['without iat', { claims: () => ({ iat: undefined }) }],
    ['with an iat that is no time', { claims: () => ({ iat: String(now()) }) }],
    ['that has expired', { claims: () => ({ exp: now() - 5 }) }],
    ['with an exp that is no time', { claims: () => ({ exp: 'never' }) }],
    ['that is not valid yet', { claims: () => ({ nbf: now() + 6 }) }],
    ['without jti', { claims: () => ({ jti: undefined }) }],
    ['with an empty jti', { claims: () => ({ jti: '' }) }],
    ['that names nobody', { claims: () => ({ sub: undefined }) }],
    ['with an empty sub', { claims: () => ({ sub: '' }) }],
    ['with a sub that is no string', { claims: () => ({ sub: 1 }) }],
    ['with an empty sid beside the sub', { claims: () => ({ sid: '' }) }],
    ['with a sid that is no string', { claims: () => ({ sid: 1 }) }],
    ['of a key that nobody knows', { header: { kid: 'unknown' } }],
    ['of the type of an access token', { header: { typ: 'at+jwt' } }],
    ['of more than 8 KiB', { claims: () => ({ why: 'x'.repeat(8192) }) }],
  ])('%s is refused, and ends nothing', async (_what, { claims, header }) => {
    await refusesAndEndsNothing(await issuer.logoutToken({ sub: 'alice', ...claims?.() }, header));
  });

  it.each<[string, () => Promise<string>]>([
    ["signed with another issuer's key", () => other.logoutToken({ ...oursOf('alice') })],
    [
      "signed with another issuer's key, which it calls as ours is called",
      async () => other.logoutToken(oursOf('alice'), { kid: await ourKid() }),
    ],
    ['that is an access token', () => issuer.sign({ sub: 'alice', aud: 'test-client' })],
    ['that is an ID token', () => issuer.sign({ sub: 'alice', aud: 'test-client', nonce: 'n-1' })],
    [
      'that is not signed',
      () => Promise.resolve(new UnsecuredJWT({ ...oursOf('alice') }).encode()),
    ],
    [
      'signed with the public key as a secret',
      async () =>
        new SignJWT({ ...oursOf('alice') })
          .setProtectedHeader({ alg: 'HS256', kid: await ourKid() })
          .sign(new TextEncoder().encode(JSON.stringify(issuer.jwks().keys[0]))),
    ],
    [
      'whose claims were changed',
      async () => {
        const [header, , signature] = (await issuer.logoutToken({ sub: 'bob' })).split('.');
        const [, claims] = (await issuer.logoutToken({ sub: 'alice' })).split('.');
        return [header, claims, signature].join('.');
      },
    ],
    ['that is no token', () => Promise.resolve('alice')],
  ])('%s is refused, and ends nothing', async (_what, make) => {
    await refusesAndEndsNothing(await make());
  });

  async function refusesAndEndsNothing(logoutToken: string): Promise<void> {
    const accessToken = await accessTokenOf('alice');
    await app.get('/verify', accessToken);

    expectRefused(await app.logOut(logoutToken));

    expect(await statusOf('/transfer', accessToken)).toBe(200);
  }

  /** The claims of a logout token that would be right if it was signed by whom it should be. */
  function oursOf(sub: string): Members {
    return {
      iss: issuer.issuer,
      aud: 'test-client',
      sub,
      jti: 'logout-1',
      iat: now(),
      exp: now() + 120,
      events: { [EVENT]: {} },
    };
  }

  async function ourKid(): Promise<string> {
    return decodeProtectedHeader(await accessTokenOf('alice')).kid ?? '';
  }
});

describe('What a logout token ends', () => {
  it('is the session that it names, and no other of the user', async () => {
    const here = await accessTokenOf('alice', { sid: 'here' });
    const there = await accessTokenOf('alice', { sid: 'there' });

    expectDone(await app.logOut(await issuer.logoutToken({ sub: 'alice', sid: 'here' })));

    expect(await errorTypeOf('/me', here)).toBe('session_revoked');
    expect(await statusOf('/me', there)).toBe(200);
  });

  it("is never another issuer's, though session and user are called the same", async () => {
    const ours = await accessTokenOf('alice', { sid: 'here' });
    const theirs = await other.sign({ sub: 'alice', sid: 'here' });

    expectDone(await app.logOut(await issuer.logoutToken({ sid: 'here' })));
    expectDone(await app.logOut(await issuer.logoutToken({ sub: 'alice' })));

    expect(await errorTypeOf('/me', ours)).toBe('session_revoked');
    expect(await statusOf('/me', theirs)).toBe(200);
  });

  it('is, where it names no session, whatever of the user started up to its `iat`', async () => {
    const before = await accessTokenOf('alice', { sid: 'before' });
    await app.get('/verify', before);
    const logoutToken = await issuer.logoutToken({ sub: 'alice' });
    clock.advance(1);
    const after = await accessTokenOf('alice', { sid: 'after' });
    const bob = await accessTokenOf('bob', { auth_time: now() - 100 });
    await app.get('/verify', bob);
    clock.advance(100);

    expectDone(await app.logOut(logoutToken));

    expect(await errorTypeOf('/me', before)).toBe('session_revoked');
    expect(await statusOf('/me', after)).toBe(200);
    expect(await errorTypeOf('/transfer', after)).toBe('mfa_required');
    expect(await statusOf('/transfer', bob)).toBe(200);
  });

  it('includes what was verified in the second of its `iat`', async () => {
    clock.advance(0.9);
    await app.get('/verify', await accessTokenOf('alice'));
    const logoutToken = await issuer.logoutToken({ sub: 'alice' });
    clock.advance(0.1);

    expectDone(await app.logOut(logoutToken));

    expect(await errorTypeOf('/transfer', await accessTokenOf('alice'))).toBe('mfa_required');
  });

  it('includes older evidence', async () => {
    const verifiedAt = new Date(clock());
    app = appWith({ mfa: { evidence: () => ({ method: 'otp', verifiedAt }) } });
    const before = await accessTokenOf('alice');
    expect(await statusOf('/transfer', before)).toBe(200);
    expectDone(await app.logOut(await issuer.logoutToken({ sub: 'alice' })));
    clock.advance(1);

    const after = await accessTokenOf('alice');

    expect(await errorTypeOf('/transfer', before)).toBe('session_revoked');
    expect(await errorTypeOf('/transfer', after)).toBe('mfa_required');
  });

  it('is not brought back by a refresh', async () => {
    const client = await issuer.signIn('alice');
    expectDone(await app.logOut(await issuer.logoutToken({ sub: 'alice' })));
    clock.advance(600);

    const { accessToken } = await issuer.refresh(client.refreshToken);

    expect(await errorTypeOf('/me', accessToken)).toBe('session_revoked');
  });

  it('is not what was started since, however late the token comes', async () => {
    const logoutToken = await issuer.logoutToken({ sub: 'alice', exp: undefined });
    clock.advance(1);
    const after = await accessTokenOf('alice');
    await app.get('/verify', after);
    clock.advance(299);

    expectDone(await app.logOut(logoutToken));

    expect(await statusOf('/transfer', after)).toBe(200);
  });

  it('is nothing more when the token is sent again', async () => {
    const ofUser = await issuer.logoutToken({ sub: 'alice' });
    const ofSession = await issuer.logoutToken({ sub: 'alice', sid: 'before' });
    for (const token of [ofUser, ofSession]) expectDone(await app.logOut(token));
    clock.advance(1);
    const after = await accessTokenOf('alice', { sid: 'after' });
    await app.get('/verify', after);
    clock.advance(1);

    for (const token of [ofUser, ofSession, ofUser]) expectDone(await app.logOut(token));

    expect(await statusOf('/transfer', after)).toBe(200);
  });

  it('is nothing more when it is sent again, though the clock of the issuer is ahead', async () => {
    const token = await issuer.logoutToken({ sub: 'alice', iat: now() + 5, exp: undefined });
    expectDone(await app.logOut(token));
    clock.advance(1);
    const after = await accessTokenOf('alice', { auth_time: now() + 5, iat: now() + 5 });
    await app.get('/verify', after);

    expectDone(await app.logOut(token));

    expect(await statusOf('/transfer', after)).toBe(200);
  });
});
