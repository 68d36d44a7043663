/**
 * Signing out on the memory store: which sessions end, and for how long.
 */
import type { Express } from 'express';
import type { Sessions } from 'express-wallet-session';
import { createTestIssuer, type TestClock, type TestIssuer } from 'express-wallet-session/testing';
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer, type TestIssuerKit } from '../support/use-test-issuer.js';
import { expectTransferred, previously, WalletClient } from '../support/wallet-client.js';

const WEEK = 604_800;

const cdp = useTestIssuer();
const custom = useTestIssuer({ authentication: 'custom' });

let clock: TestClock;
let issuer: TestIssuer;
let sessions: Sessions;
let app: Express;

/** Sets the variables that the functions below use. */
function setUp(kit: TestIssuerKit): void {
  ({ clock, issuer } = kit);
  sessions = kit.sessions();
  app = kit.api(sessions);
}

function client(token: string): WalletClient {
  return new WalletClient(app, token);
}

async function expectIn(token: string): Promise<void> {
  expect((await client(token).me()).status).toBe(200);
}

async function expectOut(token: string): Promise<void> {
  expectProblem(await client(token).me(), 'session_revoked');
}

describe('signOut() under custom authentication', () => {
  beforeEach(() => {
    setUp(custom);
  });

  it('ends the session: its tokens so far and those that a refresh brings', async () => {
    const laptop = await issuer.signIn('alice');
    const sibling = await issuer.refresh(laptop.refreshToken);
    await expectIn(laptop.accessToken);
    await expectIn(sibling.accessToken);
    const answer = await client(laptop.accessToken).signOut();
    expect([answer.status, answer.body]).toEqual([200, null]);
    // Sign-outs are checked for cached tokens too.
    await expectOut(laptop.accessToken);
    await expectOut(laptop.accessToken);
    await expectOut(sibling.accessToken);
    clock.advance(600);
    await expectOut((await issuer.refresh(sibling.refreshToken)).accessToken);
  });

  it('ends no other session, of this user or of another', async () => {
    const [laptop, phone, bob] = await Promise.all(
      ['alice', 'alice', 'bob'].map((user) => issuer.signIn(user)),
    );
    await client(laptop?.accessToken ?? '').signOut();
    await expectIn(phone?.accessToken ?? '');
    await expectIn(bob?.accessToken ?? '');
    await expectIn((await issuer.signIn('alice')).accessToken);
  });

  it('holds until the end of the session', async () => {
    const start = clock() / 1000;
    const { accessToken } = await issuer.signIn('alice');
    const claims = { sub: 'alice', sid: 'session-1', auth_time: start };
    await client(await issuer.sign(claims)).signOut();
    clock.advance(WEEK - 1);
    await expectOut(await issuer.sign(claims));
    clock.advance(1);
    expectProblem(await client(await issuer.sign(claims)).me(), 'session_expired');
    expectProblem(await client(accessToken).me(), 'session_expired');
  });

  it('holds for `maxSessionSeconds` if the session has no start', async () => {
    const claims = { sub: 'alice', sid: 'session-1', auth_time: undefined };
    await client(await issuer.sign(claims)).signOut();
    clock.advance(WEEK - 1);
    await expectOut(await issuer.sign(claims));
  });

  it('is idempotent, also for concurrent calls', async () => {
    const { accessToken } = await issuer.signIn('alice');
    const session = await sessions.authenticateToken(accessToken);
    await Promise.all([session.signOut(), session.signOut()]);
    await session.signOut();
    await expectOut(accessToken);
  });

  it('ends the MFA session of the client, and not that of the user', async () => {
    const { accessToken } = await issuer.signIn('alice');
    const shared = await sessions.authenticateToken(accessToken);
    const started = await shared.mfa.start({ method: 'totp' });
    await shared.signOut();
    expect(await shared.mfa.current()).toEqual(started);

    setUp(cdp);
    for (const claims of [{ sid: 'session-1' }, {}]) {
      const own = await sessions.authenticateToken(await issuer.sign(claims));
      await own.mfa.start({ method: 'totp' });
      await own.signOut();
      expect(await own.mfa.current()).toBeUndefined();
    }
  });

  it('leaves the MFA session to the other clients of the user until it expires', async () => {
    const [laptop, phone] = [await issuer.signIn('alice'), await issuer.signIn('alice')];
    await client(laptop.accessToken).verifyMfa();
    await client(laptop.accessToken).signOut();
    expectTransferred(await client(phone.accessToken).transfer());
    clock.advance(299);
    expectTransferred(await client(phone.accessToken).transfer());
    clock.advance(1);
    expectProblem(await client(phone.accessToken).transfer(), 'mfa_expired', {
      detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
    });
  });
});

describe('signOut() of tokens without a session id', () => {
  beforeEach(() => {
    setUp(cdp);
  });

  it('ends this access token, and no other of the same session', async () => {
    const first = await issuer.signIn('alice');
    clock.advance(60);
    const second = await issuer.refresh(first.refreshToken);
    const phone = await issuer.signIn('alice');
    await client(second.accessToken).signOut();
    await expectOut(second.accessToken);
    await expectIn(first.accessToken);
    await expectIn(phone.accessToken);
    await expectIn((await issuer.refresh(second.refreshToken)).accessToken);
  });

  it('ends the access token until its expiry', async () => {
    const { accessToken } = await issuer.signIn('alice');
    await client(accessToken).signOut();
    clock.advance(904);
    await expectOut(accessToken);
    clock.advance(1);
    expectProblem(await client(accessToken).me(), 'token_expired');
  });

  it('ends the MFA session, also for tokens refreshed later', async () => {
    const first = await issuer.signIn('alice');
    await client(first.accessToken).verifyMfa();
    expectTransferred(await client(first.accessToken).transfer());
    await client(first.accessToken).signOut();
    const { accessToken } = await issuer.refresh(first.refreshToken);
    const next = new WalletClient(app, accessToken, previously(first.accessToken));
    expectProblem(await next.transfer(), 'mfa_required');
  });

  it('ends a token without `jti` by its hash, and no other', async () => {
    const [one, other] = [
      await issuer.sign({ sub: 'alice', jti: undefined }),
      await issuer.sign({ sub: 'alice', jti: undefined, nonce: 'other' }),
    ];
    await client(one).signOut();
    await expectOut(one);
    await expectIn(other);
  });

  it('ends no token of another user with the same `jti`', async () => {
    const [alice, bob] = [
      await issuer.sign({ sub: 'alice', jti: 'token-1' }),
      await issuer.sign({ sub: 'bob', jti: 'token-1' }),
    ];
    await client(alice).signOut();
    await expectOut(alice);
    await expectIn(bob);
  });
});

describe('signOut() of CDP tokens with a session id', () => {
  it('ends the session, and its MFA session', async () => {
    setUp(cdp);
    const sid = 'session-1';
    const [token, sibling] = [await issuer.sign({ sid }), await issuer.sign({ sid })];
    const other = await issuer.sign({ sid: 'session-2' });
    await client(token).verifyMfa();
    await client(other).verifyMfa();
    await client(sibling).signOut();
    await expectOut(token);
    await expectOut(sibling);
    expectTransferred(await client(other).transfer());
  });
});

describe('signOutEverywhere() under custom authentication', () => {
  beforeEach(() => {
    setUp(custom);
  });

  it('ends every session of the user over refreshes, and no session of another', async () => {
    const [laptop, phone] = [await issuer.signIn('alice'), await issuer.signIn('alice')];
    const bob = await issuer.signIn('bob');
    for (const { accessToken } of [laptop, phone, bob]) await expectIn(accessToken);
    const answer = await client(laptop.accessToken).signOutEverywhere();
    expect([answer.status, answer.body]).toEqual([200, null]);
    await expectOut(laptop.accessToken);
    await expectOut(phone.accessToken);
    await expectIn(bob.accessToken);
    clock.advance(600);
    await expectOut((await issuer.refresh(phone.refreshToken)).accessToken);
  });

  it('ends sessions that started in this second or earlier, and none later', async () => {
    const now = clock() / 1000;
    const startedAt = (authTime: number): Promise<string> =>
      issuer.sign({ sub: 'alice', auth_time: authTime });
    clock.advance(0.999);
    const { accessToken } = await issuer.signIn('alice');
    await client(accessToken).signOutEverywhere();
    clock.advance(2);
    for (const start of [now - 600_000, now - 1, now, now + 0.5]) {
      await expectOut(await startedAt(start));
    }
    for (const start of [now + 1, now + 2]) await expectIn(await startedAt(start));
    await expectIn((await issuer.signIn('alice')).accessToken);
  });

  it('ends this session even where its start is ahead of the clock', async () => {
    const token = await issuer.sign({ sub: 'alice', auth_time: clock() / 1000 + 4 });
    await client(token).signOutEverywhere();
    await expectOut(token);
  });

  it('compares `iat` if the session has no start', async () => {
    const before = await issuer.sign({ sub: 'alice', auth_time: undefined });
    await sessions.signOutUser({ userId: 'alice' });
    await expectOut(before);
    clock.advance(1);
    await expectIn(await issuer.sign({ sub: 'alice', auth_time: undefined }));
  });

  it('ends the MFA sessions too, so that a new session starts without', async () => {
    const laptop = await issuer.signIn('alice');
    await client(laptop.accessToken).verifyMfa();
    await client(laptop.accessToken).signOutEverywhere();
    clock.advance(1);
    const again = await issuer.signIn('alice');
    expectProblem(await client(again.accessToken).transfer(), 'mfa_required');
    await client(again.accessToken).verifyMfa();
    expectTransferred(await client(again.accessToken).transfer());
  });

  it('holds until the end of those sessions, and over a second call', async () => {
    const start = clock() / 1000;
    const claims = { sub: 'alice', auth_time: start };
    await sessions.signOutUser({ userId: 'alice' });
    clock.advance(WEEK - 10);
    await expectOut(await issuer.sign(claims));
    await sessions.signOutUser({ userId: 'alice' });
    clock.advance(9);
    await expectOut(await issuer.sign(claims));
    await expectOut(await issuer.sign({ ...claims, auth_time: start + WEEK - 10 }));
    await expectIn(await issuer.sign({ ...claims, auth_time: start + WEEK - 9 }));
  });
});

describe('signOutEverywhere() of tokens without session id and start', () => {
  beforeEach(() => {
    setUp(cdp);
  });

  it('ends the access tokens issued so far, and not those issued later', async () => {
    const [laptop, phone] = [await issuer.signIn('alice'), await issuer.signIn('alice')];
    await client(laptop.accessToken).verifyMfa();
    await client(phone.accessToken).verifyMfa();
    await client(laptop.accessToken).signOutEverywhere();
    await expectOut(laptop.accessToken);
    await expectOut(phone.accessToken);
    // Times are whole seconds, so the same second counts as earlier.
    await expectOut((await issuer.refresh(laptop.refreshToken)).accessToken);
    clock.advance(1);
    const { accessToken } = await issuer.refresh(phone.refreshToken);
    await expectIn(accessToken);
    const next = new WalletClient(app, accessToken, previously(phone.accessToken));
    expectProblem(await next.transfer(), 'mfa_required');
  });
});

describe('Outside of a request', () => {
  it('signOutUser() ends every session of the user', async () => {
    setUp(custom);
    const [alice, bob] = [await issuer.signIn('alice'), await issuer.signIn('bob')];
    await client(alice.accessToken).verifyMfa();
    await expectIn(alice.accessToken);
    await sessions.signOutUser({ userId: 'alice' });
    await expectOut(alice.accessToken);
    await expectIn(bob.accessToken);
    clock.advance(1);
    const again = await issuer.signIn('alice');
    expectProblem(await client(again.accessToken).transfer(), 'mfa_required');
  });

  it('signOutSession() ends one session by its id', async () => {
    setUp(custom);
    const [laptop, phone] = [await issuer.signIn('alice'), await issuer.signIn('alice')];
    const { sessionId = '' } = await sessions.authenticateToken(laptop.accessToken);
    await sessions.signOutSession({ sessionId });
    await expectOut(laptop.accessToken);
    await expectOut((await issuer.refresh(laptop.refreshToken)).accessToken);
    await expectIn(phone.accessToken);
  });

  it('endMfa() ends the MFA sessions and no session', async () => {
    setUp(cdp);
    const [laptop, phone, bob] = await Promise.all(
      ['alice', 'alice', 'bob'].map(async (user) =>
        client((await issuer.signIn(user)).accessToken),
      ),
    );
    for (const one of [laptop, phone, bob]) await one?.verifyMfa();
    await sessions.endMfa({ userId: 'alice' });
    for (const one of [laptop, phone]) {
      expect((await one?.me())?.status).toBe(200);
      const refused = await one?.transfer();
      if (refused !== undefined) expectProblem(refused, 'mfa_required');
    }
    const transferred = await bob?.transfer();
    expect(transferred?.status).toBe(201);
  });
});

describe('Two issuers with the same user id', () => {
  it('are signed out separately', async () => {
    const { issuer: one } = custom;
    const other = await createTestIssuer({
      ...{ authentication: 'custom', issuer: 'https://other/' },
      clock: custom.clock,
    });
    const both = custom.api({ authentication: [one.authentication, other.authentication] });
    const same = { sub: 'alice', sid: 'session-1', jti: 'token-1' };
    const [here, there] = [
      new WalletClient(both, await one.sign(same)),
      new WalletClient(both, await other.sign(same)),
    ];
    await here.signOut();
    expect((await there.me()).status).toBe(200);
    await there.verifyMfa();
    const later = new WalletClient(both, await one.sign({ sub: 'alice' }));
    expectProblem(await later.transfer(), 'mfa_required');
    await later.signOutEverywhere();
    expectTransferred(await there.transfer());
  });
});
