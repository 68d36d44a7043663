/**
 * The claims that a logout token must have, and the sessions that it ends: each case changes one
 * thing about a valid token.
 */
import type { Express } from 'express';
import type { SessionOptions } from 'express-wallet-session';
import {
  createTestClock,
  createTestIssuer,
  type TestClock,
  type TestIssuer,
} from 'express-wallet-session/testing';
import { decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import type { Test } from 'supertest';
import { expectProblem } from '../support/expect-problem.js';
import { expectLoggedOut, expectLogoutRefused, logOut, logoutAudience } from '../support/logout.js';
import { walletApi } from '../support/wallet-api.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

type Members = Readonly<Record<string, unknown>>;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

let clock: TestClock;
let issuer: TestIssuer;
let other: TestIssuer;
let app: Express;

beforeEach(async () => {
  clock = createTestClock();
  [issuer, other] = await Promise.all([
    createTestIssuer({ clock, authentication: 'custom', issuer: 'https://id.example' }),
    createTestIssuer({ clock, authentication: 'custom', issuer: 'https://other.example' }),
  ]);
  app = appWith();
});

function appWith(options: SessionOptions = {}): Express {
  const authentication = [issuer.authentication, other.authentication];
  return walletApi({ authentication, clock, ...options }, { logoutAudience });
}

function client(accessToken: string): WalletClient {
  return new WalletClient(app, accessToken);
}

function accessTokenOf(sub: string, claims: Members = {}): Promise<string> {
  return issuer.sign({ sub, ...claims });
}

function now(): number {
  return clock() / 1000;
}

async function expectPass(test: Test): Promise<void> {
  expect((await test).status).toBe(200);
}

describe('A logout token', () => {
  it.each<[string, { claims?: () => Members; header?: Members }]>([
    ['as a provider sends it', {}],
    ['of several audiences', { claims: () => ({ aud: ['another', logoutAudience] }) }],
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
    await expectPass(client(accessToken).me());

    expectLoggedOut(
      await logOut(app, await issuer.logoutToken({ sid: 'here', ...claims?.() }, header)),
    );

    expectProblem(await client(accessToken).me(), 'session_revoked');
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
    ['that is an access token', () => issuer.sign({ sub: 'alice', aud: logoutAudience })],
    ['that is an ID token', () => issuer.sign({ sub: 'alice', aud: logoutAudience, nonce: 'n-1' })],
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
    await client(accessToken).verifyMfa();

    expectLogoutRefused(await logOut(app, logoutToken));

    expectTransferred(await client(accessToken).transfer());
  }

  /** The claims of a logout token that is valid if the issuer signs it. */
  function oursOf(sub: string): Members {
    return {
      iss: issuer.issuer,
      aud: logoutAudience,
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

describe('A logout token ends', () => {
  it('the session that it names, and no other of the user', async () => {
    const here = await accessTokenOf('alice', { sid: 'here' });
    const there = await accessTokenOf('alice', { sid: 'there' });

    expectLoggedOut(await logOut(app, await issuer.logoutToken({ sub: 'alice', sid: 'here' })));

    expectProblem(await client(here).me(), 'session_revoked');
    await expectPass(client(there).me());
  });

  it('no session of another issuer with the same session and user id', async () => {
    const ours = await accessTokenOf('alice', { sid: 'here' });
    const theirs = await other.sign({ sub: 'alice', sid: 'here' });

    expectLoggedOut(await logOut(app, await issuer.logoutToken({ sid: 'here' })));
    expectLoggedOut(await logOut(app, await issuer.logoutToken({ sub: 'alice' })));

    expectProblem(await client(ours).me(), 'session_revoked');
    await expectPass(client(theirs).me());
  });

  it('without `sid` all sessions of the user that started up to its `iat`', async () => {
    const before = await accessTokenOf('alice', { sid: 'before' });
    await client(before).verifyMfa();
    const logoutToken = await issuer.logoutToken({ sub: 'alice' });
    clock.advance(1);
    const after = await accessTokenOf('alice', { sid: 'after' });
    const bob = await accessTokenOf('bob', { auth_time: now() - 100 });
    await client(bob).verifyMfa();
    clock.advance(100);

    expectLoggedOut(await logOut(app, logoutToken));

    expectProblem(await client(before).me(), 'session_revoked');
    await expectPass(client(after).me());
    expectProblem(await client(after).transfer(), 'mfa_required');
    expectTransferred(await client(bob).transfer());
  });

  it('MFA sessions verified in the second of its `iat`', async () => {
    clock.advance(0.9);
    await client(await accessTokenOf('alice')).verifyMfa();
    const logoutToken = await issuer.logoutToken({ sub: 'alice' });
    clock.advance(0.1);

    expectLoggedOut(await logOut(app, logoutToken));

    expectProblem(await client(await accessTokenOf('alice')).transfer(), 'mfa_required');
  });

  it('older evidence of MFA', async () => {
    const verifiedAt = new Date(clock());
    app = appWith({ mfa: { evidence: () => ({ method: 'otp', verifiedAt }) } });
    const before = await accessTokenOf('alice');
    expectTransferred(await client(before).transfer());
    expectLoggedOut(await logOut(app, await issuer.logoutToken({ sub: 'alice' })));
    clock.advance(1);

    const after = await accessTokenOf('alice');

    expectProblem(await client(before).transfer(), 'session_revoked');
    expectProblem(await client(after).transfer(), 'mfa_required');
  });

  it('sessions whose tokens are refreshed later', async () => {
    const before = await issuer.signIn('alice');
    expectLoggedOut(await logOut(app, await issuer.logoutToken({ sub: 'alice' })));
    clock.advance(600);

    const { accessToken } = await issuer.refresh(before.refreshToken);

    expectProblem(await client(accessToken).me(), 'session_revoked');
  });

  it('no session started after its `iat`, however late it arrives', async () => {
    const logoutToken = await issuer.logoutToken({ sub: 'alice', exp: undefined });
    clock.advance(1);
    const after = await accessTokenOf('alice');
    await client(after).verifyMfa();
    clock.advance(299);

    expectLoggedOut(await logOut(app, logoutToken));

    expectTransferred(await client(after).transfer());
  });

  it('nothing more if it is sent again', async () => {
    const ofUser = await issuer.logoutToken({ sub: 'alice' });
    const ofSession = await issuer.logoutToken({ sub: 'alice', sid: 'before' });
    for (const token of [ofUser, ofSession]) expectLoggedOut(await logOut(app, token));
    clock.advance(1);
    const after = await accessTokenOf('alice', { sid: 'after' });
    await client(after).verifyMfa();
    clock.advance(1);

    for (const token of [ofUser, ofSession, ofUser]) expectLoggedOut(await logOut(app, token));

    expectTransferred(await client(after).transfer());
  });

  it('nothing more if it is sent again and the clock of the issuer is ahead', async () => {
    const token = await issuer.logoutToken({ sub: 'alice', iat: now() + 5, exp: undefined });
    expectLoggedOut(await logOut(app, token));
    clock.advance(1);
    const after = await accessTokenOf('alice', { auth_time: now() + 5, iat: now() + 5 });
    await client(after).verifyMfa();

    expectLoggedOut(await logOut(app, token));

    expectTransferred(await client(after).transfer());
  });
});
