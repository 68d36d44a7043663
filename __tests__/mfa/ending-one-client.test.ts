/**
 * `mfa.end()` where each client has an MFA session of its own and no session id ties its tokens: what
 * it voids stays void over refreshes, carry-overs and writes that the store does late.
 */
import {
  cdpAuthentication,
  memoryStore,
  type CdpAuthenticationOptions,
  type MfaEvidence,
  type Session,
  type SessionOptions,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { expectProblem } from '../support/expect-problem.js';
import { expiringStore, wrapStore, type StoreVerb } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { walletApi } from '../support/wallet-api.js';
import { expectTransferred, previously, WalletClient } from '../support/wallet-client.js';

const kit = useTestIssuer();

let sessions: Sessions;
let evident: MfaEvidence | undefined;

function startProcess(options: SessionOptions = {}): Sessions {
  return kit.sessions({ mfa: { evidence: () => evident }, ...options });
}

beforeEach(() => {
  sessions = startProcess();
  evident = { method: 'otp', verifiedAt: new Date(kit.clock() - 1000) };
});

function client(token: string, previous?: string): WalletClient {
  const headers = previous === undefined ? {} : previously(previous);
  return new WalletClient(walletApi(sessions), token, headers);
}

function sessionOf(token: string): Promise<Session> {
  return sessions.authenticateToken(token);
}

/** An access token that was issued this many seconds ago. */
function issued(secondsAgo: number, claims: object = {}): Promise<string> {
  return kit.issuer.sign({ sub: 'alice', iat: kit.clock() / 1000 - secondsAgo, ...claims });
}

describe.each([
  ['with `auth_time`', { auth_time: Date.UTC(2026, 0, 5, 11) / 1000 }],
  ['without `auth_time`', {}],
])('Of tokens %s', (_what, claims) => {
  let first: string;
  let second: string;

  beforeEach(async () => {
    [first, second] = [await issued(60, claims), await issued(30, claims)];
    expectTransferred(await client(first).transfer());
    expectTransferred(await client(second).transfer());
  });

  it('evidence that end() voided is void for the next token, previous token or not', async () => {
    await (await sessionOf(first)).mfa.end();
    expectProblem(await client(second).transfer(), 'mfa_required');
    expectProblem(await client(second, first).transfer(), 'mfa_required');
    expectProblem(await client(second).transfer(), 'mfa_required');
  });

  it('and for the old token, after the next one came with it', async () => {
    await (await sessionOf(first)).mfa.end();
    await client(second, first).me();
    expectProblem(await client(first).transfer(), 'mfa_required');
  });

  it('and after MFA was carried over onto the ended token', async () => {
    await (await sessionOf(second)).mfa.end();
    kit.clock.advance(6);
    await client(first).verifyMfa({ method: 'hwk' });
    expectTransferred(await client(second, first).transfer());
    const session = await sessionOf(second);
    await expect(session.mfa.require({ methods: ['otp'] })).rejects.toMatchObject({
      errorType: 'mfa_required',
    });
    await session.mfa.end();
    expectProblem(await client(second).transfer(), 'mfa_required');
  });

  it('and for as long as it could count, in a process with a longer window too', async () => {
    const store = expiringStore(kit.clock);
    sessions = startProcess({ store });
    await (await sessionOf(first)).mfa.end();
    const windowSeconds = 86_400;
    sessions = startProcess({ store, mfa: { windowSeconds, evidence: () => evident } });
    for (const seconds of [10, 3600, 40_000, 40_000]) {
      kit.clock.advance(seconds);
      const token = await issued(0, claims);
      expectProblem(await client(token).transfer(), 'mfa_required', {
        maxAgeSeconds: windowSeconds,
      });
    }
  });

  it('later evidence counts, and MFA that is started again', async () => {
    const session = await sessionOf(first);
    await session.mfa.end();
    await session.mfa.start({ method: 'totp' });
    expectTransferred(await client(first).transfer());
    await session.mfa.end();
    kit.clock.advance(5.001);
    evident = { method: 'otp', verifiedAt: new Date(kit.clock()) };
    expectTransferred(await client(second).transfer());
  });

  it('MFA of the other clients stays', async () => {
    const phone = await issued(20, claims);
    for (const token of [first, phone]) await client(token).verifyMfa();
    await (await sessionOf(first)).mfa.end();
    expectProblem(await client(first).transfer(), 'mfa_required');
    expectTransferred(await client(phone).transfer());
  });
});

describe('Evidence of another sign-in', () => {
  it.each([
    ['another `auth_time`', { auth_time: 1_767_600_000 }, { auth_time: 1_767_600_001 }],
    ['another session id', { sid: 'session-1' }, { sid: 'session-2' }],
  ])('with %s stays when one is ended', async (_what, here, there) => {
    const [laptop, phone] = [await issued(60, here), await issued(60, there)];
    await (await sessionOf(laptop)).mfa.end();
    expectProblem(await client(laptop).transfer(), 'mfa_required');
    expectProblem(await client(await issued(0, here)).transfer(), 'mfa_required');
    expectTransferred(await client(phone).transfer());
  });

  it('is void too when the sign-in that is ended is unknown', async () => {
    const [laptop, phone] = [await issued(60), await issued(60, { auth_time: 1_767_600_000 })];
    await (await sessionOf(laptop)).mfa.end();
    expectProblem(await client(phone).transfer(), 'mfa_required');
  });
});

/** A store that fails at the next call of a verb, and does it when it is told to. */
function lateStore(verb: StoreVerb): { store: SessionStore; fail: () => void; land: () => void } {
  let isFailing = false;
  let late: () => unknown = () => undefined;
  const store = wrapStore((work, called) => {
    if (!isFailing || called !== verb) return work();
    isFailing = false;
    late = work;
    throw new Error('no answer in time');
  }, memoryStore());
  return {
    store,
    fail: () => {
      isFailing = true;
    },
    land: () => {
      late();
    },
  };
}

/** A carry-over that the store answers with a failure, and does when it lands. */
async function failedCarryOver(): Promise<{ first: string; second: string; land: () => void }> {
  const { store, fail, land } = lateStore('move');
  sessions = startProcess({ store });
  const [first, second] = [await issued(60), await issued(30)];
  await client(first).verifyMfa();
  fail();
  expectProblem(await client(second, first).transfer(), 'store_unavailable');
  return { first, second, land };
}

describe('What the store does late', () => {
  const unavailable = { errorType: 'store_unavailable' };

  beforeEach(() => {
    evident = undefined;
  });

  it.each<readonly [string, (session: Session) => Promise<void>]>([
    ['end()', (session) => session.mfa.end()],
    ['endEverywhere()', (session) => session.mfa.endEverywhere()],
    ['sessions.endMfa()', () => sessions.endMfa({ userId: 'alice' })],
  ])('of a start() opens nothing after %s', async (_name, end) => {
    for (const claims of [{}, { sid: 'session-1' }]) {
      const { store, fail, land } = lateStore('write');
      sessions = startProcess({ store });
      const token = await issued(60, claims);
      const session = await sessionOf(token);
      fail();
      await expect(session.mfa.start({ method: 'totp' })).rejects.toMatchObject(unavailable);
      await end(session);
      land();
      expectProblem(await client(token).transfer(), 'mfa_required');
      await session.mfa.start({ method: 'totp' });
      expectTransferred(await client(token).transfer());
    }
  });

  it.each<readonly [string, (session: Session) => Promise<void>]>([
    ['end()', (session) => session.mfa.end()],
    ['signOut()', (session) => session.signOut()],
  ])('of a carry-over brings nothing along after %s of the old token', async (_name, end) => {
    const { first, second, land } = await failedCarryOver();
    await end(await sessionOf(first));
    land();
    expectProblem(await client(second).transfer(), 'mfa_required');
    expectProblem(await client(second, first).transfer(), 'mfa_required');
  });

  it('of a carry-over is void after end() of the new token', async () => {
    const { second, land } = await failedCarryOver();
    await (await sessionOf(second)).mfa.end();
    land();
    expectProblem(await client(second).transfer(), 'mfa_required');
  });

  it('of a carry-over is carried over, if nothing was ended', async () => {
    const { first, second, land } = await failedCarryOver();
    land();
    expectTransferred(await client(second).transfer());
    expectProblem(await client(first).transfer(), 'mfa_required');
  });
});

describe('An MFA session of a process whose clock is ahead', () => {
  it.each([
    ['by 10 minutes does not count', 600_000, false],
    ['by more than the tolerance does not count', 5001, false],
    ['by the tolerance counts', 5000, true],
  ])('%s', async (_what, aheadMs, counts) => {
    evident = undefined;
    const store = memoryStore();
    sessions = startProcess({ store });
    const ahead = startProcess({ store, clock: () => kit.clock() + aheadMs });
    const [first, second] = [await issued(60), await issued(30)];
    await (await ahead.authenticateToken(first)).mfa.start({ method: 'totp' });
    const session = await sessionOf(first);
    expect((await session.mfa.current()) !== undefined).toBe(counts);
    expect((await client(first).transfer()).status).toBe(counts ? 201 : 403);
    expect((await client(second, first).transfer()).status).toBe(counts ? 201 : 403);
  });

  it('is ended by a process whose clock is behind', async () => {
    evident = undefined;
    const store = memoryStore();
    const ahead = startProcess({ store, clock: () => kit.clock() + 8000 });
    sessions = startProcess({ store, clock: () => kit.clock() + 4000 });
    const behind = startProcess({ store });
    const [first, second] = [await issued(60), await issued(30)];
    await (await ahead.authenticateToken(first)).mfa.start({ method: 'totp' });
    expectTransferred(await client(second, first).transfer());
    await (await behind.authenticateToken(second)).mfa.end();
    expectProblem(await client(second).transfer(), 'mfa_required');
    await (await sessionOf(second)).mfa.start({ method: 'totp' });
    await behind.endMfa({ userId: 'alice' });
    expectProblem(await client(second).transfer(), 'mfa_required');
  });
});

describe('In the store', () => {
  it('raised values are ASCII and begin with what orders them, and keys tell no id', async () => {
    const raised: [string, string][] = [];
    const keys = new Set<string>();
    const { options } = kit.issuer.authentication as unknown as {
      options: CdpAuthenticationOptions;
    };
    const store = wrapStore((work, verb, given) => {
      if (verb === 'raise') raised.push([String(given[0]), String(given[1])]);
      for (const key of [given[0]].flat()) keys.add(String(key));
      return work();
    });
    const authentication = cdpAuthentication(options);
    sessions = startProcess({ store, authentication });
    const bob = { sub: 'bob', sid: 'session-1', auth_time: 1_767_600_000 };
    for (const claims of [{}, bob]) {
      const token = await issued(60, { jti: 'token-1', ...claims });
      const session = await sessionOf(token);
      await session.mfa.start({ method: 'totp' });
      await session.mfa.end();
      await session.mfa.endEverywhere();
      await session.signOut();
      await session.signOutEverywhere();
    }
    expect(raised.length).toBeGreaterThan(8);
    for (const [, value] of raised) expect(value).toMatch(/^\d{13,16}(\.\d{10})?$/);
    for (const key of keys) {
      expect(key).toMatch(/^\{[\w-]{24}\}:[a-z-]+(:[\w-]+)*$/);
      expect(key).not.toMatch(/alice|bob|session-1|token-1|1767600000/);
    }
  });
});
