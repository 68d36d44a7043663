/**
 * `end()`, `endEverywhere()` and `endMfa()` void earlier verifications, evidence included, and no
 * later one, in the same millisecond too.
 */
import { setImmediate } from 'node:timers/promises';
import {
  amrEvidence,
  memoryStore,
  type MfaEvidence,
  type Session,
  type SessionOptions,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { type TestClock, type TestIssuer } from 'express-wallet-session/testing';
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer, type TestIssuerKit } from '../support/use-test-issuer.js';
import { walletApi } from '../support/wallet-api.js';
import { expectTransferred, previously, WalletClient } from '../support/wallet-client.js';

type Written = Parameters<SessionStore['write']>;

const proof = { method: 'totp' };

/** The ways to end the MFA session of a session. */
const ends = [
  ['mfa.end()', ({ mfa }: Session): Promise<void> => mfa.end()],
  ['mfa.endEverywhere()', ({ mfa }: Session): Promise<void> => mfa.endEverywhere()],
  [
    'sessions.endMfa()',
    ({ userId, issuer: name }: Session): Promise<void> => sessions.endMfa({ userId, issuer: name }),
  ],
] as const;

const cdp = useTestIssuer();
const custom = useTestIssuer({ authentication: 'custom' });

let clock: TestClock;
let issuer: TestIssuer;
let sessions: Sessions;
let evident: MfaEvidence | undefined;

/** Sets the variables that the functions below use; the evidence of MFA is `evident`. */
function setUp(kit: TestIssuerKit, options: SessionOptions = {}): void {
  ({ clock, issuer } = kit);
  evident = undefined;
  sessions = kit.sessions({ mfa: { evidence: () => evident }, ...options });
}

function sessionOf(token: string): Promise<Session> {
  return sessions.authenticateToken(token);
}

function transferBy(token: string): ReturnType<WalletClient['transfer']> {
  return new WalletClient(walletApi(sessions), token).transfer();
}

describe.each([
  ['cdp', cdp],
  ['custom', custom],
])('Under %s authentication', (authentication, kit) => {
  let token: string;

  beforeEach(async () => {
    setUp(kit);
    token = (await issuer.signIn('alice')).accessToken;
  });

  describe.each(ends)('%s', (_name, end) => {
    it('ends an MFA session permanently', async () => {
      const session = await sessionOf(token);
      await session.mfa.start(proof);
      expectTransferred(await transferBy(token));
      await end(session);
      expect(await session.mfa.current()).toBeUndefined();
      expectProblem(await transferBy(token), 'mfa_required');
      clock.advance(600);
      expectProblem(await transferBy(token), 'mfa_required');
    });

    it('is idempotent, with and without an MFA session', async () => {
      const session = await sessionOf(token);
      await end(session);
      await end(session);
      expectProblem(await transferBy(token), 'mfa_required');
      await session.mfa.start(proof);
      await end(session);
      await end(session);
      expectProblem(await transferBy(token), 'mfa_required');
    });

    it('leaves an MFA session that starts later in the same millisecond', async () => {
      const session = await sessionOf(token);
      await session.mfa.start(proof);
      await end(session);
      const started = await session.mfa.start({ method: 'hwk' });
      expect(await session.mfa.current()).toEqual(started);
      expectTransferred(await transferBy(token));
      await end(session);
      expectProblem(await transferBy(token), 'mfa_required');
      await session.mfa.start(proof);
      expectTransferred(await transferBy(token));
      clock.advance(299);
      expectTransferred(await transferBy(token));
    });

    it('voids evidence verified up to now plus the tolerance', async () => {
      const endedAt = clock();
      const verifiedAfterMs = (milliseconds: number): MfaEvidence => ({
        method: 'otp',
        verifiedAt: new Date(endedAt + milliseconds),
      });
      evident = verifiedAfterMs(-10_000);
      expectTransferred(await transferBy(token));
      const session = await sessionOf(token);
      await end(session);
      for (const milliseconds of [-10_000, 0, 5000]) {
        evident = verifiedAfterMs(milliseconds);
        expectProblem(await transferBy(token), 'mfa_required');
        expect(await session.mfa.current()).toBeUndefined();
      }
      clock.advance(0.001);
      evident = verifiedAfterMs(5001);
      expectTransferred(await transferBy(token));
    });

    it('voids evidence for the whole MFA window', async () => {
      evident = { method: 'otp', verifiedAt: new Date(clock()) };
      await end(await sessionOf(token));
      for (const seconds of [1, 100, 198]) {
        clock.advance(seconds);
        expectProblem(await transferBy(token), 'mfa_required');
      }
      clock.advance(1);
      expectProblem(await transferBy(token), 'mfa_required');
    });

    it('voids evidence for a route that the next MFA session does not satisfy', async () => {
      const session = await sessionOf(token);
      evident = { method: 'otp', verifiedAt: new Date(clock() - 1000) };
      await end(session);
      await session.mfa.start({ method: 'hwk' });
      const app = walletApi(sessions, { transfers: { methods: ['otp'] } });
      const refusal = await new WalletClient(app, token).transfer();
      expectProblem(refusal, 'mfa_required', { methods: ['otp'] });
    });

    it('voids evidence while other entries fill the store', async () => {
      setUp(kit, { store: memoryStore({ maxEntries: 5 }) });
      for (const isStartedAgain of [false, true]) {
        evident = { method: 'otp', verifiedAt: new Date(clock() - 1000) };
        const session = await sessionOf(token);
        await end(session);
        if (isStartedAgain) await session.mfa.start({ method: 'hwk' });
        for (let n = 0; n < 9; n += 1) {
          const other = await issuer.signIn(`user-${n}`);
          await (await sessionOf(other.accessToken)).mfa.start(proof);
        }
        const app = walletApi(sessions, { transfers: { methods: ['otp'] } });
        const refusal = await new WalletClient(app, token).transfer();
        expectProblem(refusal, 'mfa_required', { methods: ['otp'] });
      }
    });

    it('keeps the expiry of an MFA session that starts later', async () => {
      const session = await sessionOf(token);
      evident = { method: 'otp', verifiedAt: new Date(clock()) };
      await end(session);
      await session.mfa.start({ method: 'hwk' });
      expect(await session.mfa.current()).toMatchObject({ method: 'hwk' });
      clock.advance(299);
      expect(await session.mfa.current()).toMatchObject({ method: 'hwk' });
      clock.advance(1);
      expect((await transferBy(token)).body).toMatchObject({ errorType: 'mfa_expired' });
      await end(session);
      expectProblem(await transferBy(token), 'mfa_required');
    });
  });

  it('signOutEverywhere() voids MFA sessions and evidence of the user', async () => {
    const session = await sessionOf(token);
    await session.mfa.start(proof);
    evident = { method: 'otp', verifiedAt: new Date(clock()) };
    await session.signOutEverywhere();
    clock.advance(1);
    const { accessToken } = await issuer.signIn('alice');
    expectProblem(await transferBy(accessToken), 'mfa_required');
  });

  it('endEverywhere() and endMfa() end MFA for all clients, mfa.end() for the scope of the MFA session', async () => {
    const phone = (await issuer.signIn('alice')).accessToken;
    const bob = (await issuer.signIn('bob')).accessToken;
    for (const [end, isForAll] of [
      [ends[0][1], authentication === 'custom'],
      [ends[1][1], true],
      [ends[2][1], true],
    ] as const) {
      for (const one of [token, phone, bob]) await (await sessionOf(one)).mfa.start(proof);
      await end(await sessionOf(token));
      expectProblem(await transferBy(token), 'mfa_required');
      if (isForAll) expectProblem(await transferBy(phone), 'mfa_required');
      else expectTransferred(await transferBy(phone));
      expectTransferred(await transferBy(bob));
    }
  });

  it('endMfa() voids an MFA session whose write is in flight', async () => {
    const store = memoryStore();
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = { ...store, write: (...given: Written) => gate.then(() => store.write(...given)) };
    const session = await kit.sessions({ store: slow }).authenticateToken(token);
    sessions = kit.sessions({ store });
    const starting = session.mfa.start(proof);
    await setImmediate();
    await sessions.endMfa({ userId: 'alice' });
    open();
    await starting;
    expectProblem(await transferBy(token), 'mfa_required');
  });
});

describe('An unreadable record in the store', () => {
  let store: SessionStore;
  let garbled: boolean;
  let token: string;

  beforeEach(async () => {
    const sound = memoryStore();
    garbled = false;
    store = {
      ...sound,
      write: (key, value, ...rest) =>
        sound.write(key, garbled ? value.slice(0, -5) : value, ...rest),
      raise: (key, value, ttlSeconds) =>
        sound.raise(key, garbled ? value.slice(0, -5) : value, ttlSeconds),
    };
    setUp(custom, { store });
    token = (await issuer.signIn('alice')).accessToken;
  });

  it.each(ends)('counts as %s and voids earlier verifications', async (_name, end) => {
    const session = await sessionOf(token);
    await session.mfa.start(proof);
    evident = { method: 'otp', verifiedAt: new Date(clock()) };
    clock.advance(1);
    garbled = true;
    await end(session);
    expectProblem(await transferBy(token), 'mfa_required');
    garbled = false;
    await session.mfa.start({ method: 'hwk' });
    expectTransferred(await transferBy(token));
    expect(await session.mfa.current()).toMatchObject({ method: 'hwk' });
  });

  it('is not an MFA session', async () => {
    garbled = true;
    await (await sessionOf(token)).mfa.start(proof);
    expectProblem(await transferBy(token), 'mfa_required');
  });
});

describe('An ended MFA session of one client', () => {
  it('stays ended on the next token, and voids older evidence there', async () => {
    setUp(cdp);
    evident = { method: 'otp', verifiedAt: new Date(clock()) };
    const first = await issuer.signIn('alice');
    await (await sessionOf(first.accessToken)).mfa.start(proof);
    await (await sessionOf(first.accessToken)).mfa.end();
    const { accessToken } = await issuer.refresh(first.refreshToken);
    const next = new WalletClient(walletApi(sessions), accessToken, previously(first.accessToken));
    expectProblem(await next.transfer(), 'mfa_required');
    expectProblem(await transferBy(accessToken), 'mfa_required');
  });
});

describe('Evidence in the token', () => {
  it('is void after endEverywhere() until the user signs in again', async () => {
    setUp(custom, { mfa: { evidence: amrEvidence() } });
    const claims = { amr: ['pwd', 'otp'] };
    const laptop = await issuer.signIn('alice', { claims });
    expectTransferred(await transferBy(laptop.accessToken));
    clock.advance(10);
    await (await sessionOf(laptop.accessToken)).mfa.endEverywhere();
    expectProblem(await transferBy(laptop.accessToken), 'mfa_required');
    const refreshed = await issuer.refresh(laptop.refreshToken);
    expectProblem(await transferBy(refreshed.accessToken), 'mfa_required');
    clock.advance(6);
    const again = await issuer.signIn('alice', { claims });
    expectTransferred(await transferBy(again.accessToken));
  });
});
