/**
 * Sessions that live longer than a request: `session.check()` and `session.mfa.require()`.
 */
import { memoryStore, type Session, type SessionOptions } from 'express-wallet-session';
import { testStore, throwing } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';

const WEEK = 604_800;

const custom = useTestIssuer({ authentication: 'custom' });

async function open(options: SessionOptions = {}, claims: object = {}): Promise<Session> {
  const token = await custom.issuer.sign({ sub: 'alice', ...claims });
  return custom.sessions(options).authenticateToken(token);
}

async function answerOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => value,
    (error: unknown) => (error as { errorType?: string }).errorType ?? error,
  );
}

/** Both reject alike, before MFA is looked at. */
const checks = [
  ['session.check()', (session: Session): Promise<void> => session.check()],
  ['session.mfa.require()', (session: Session): Promise<void> => session.mfa.require()],
] as const;

describe.each(checks)('%s', (_name, check) => {
  it('resolves with undefined while the session is good', async () => {
    const session = await open();
    await session.mfa.start({ method: 'totp' });
    expect(await answerOf(check(session))).toBeUndefined();
    custom.clock.advance(299);
    expect(await answerOf(check(session))).toBeUndefined();
  });

  it('rejects with token_expired once `exp` and the tolerance have passed', async () => {
    const session = await open();
    custom.clock.advance(904);
    await session.mfa.start({ method: 'totp' });
    expect(await answerOf(check(session))).toBeUndefined();
    custom.clock.advance(1);
    expect(await answerOf(check(session))).toBe('token_expired');
  });

  it('rejects with session_expired at the end of the session', async () => {
    const claims = { auth_time: custom.clock() / 1000 - WEEK + 10 };
    const session = await open({}, claims);
    await session.mfa.start({ method: 'totp' });
    expect(await answerOf(check(session))).toBeUndefined();
    custom.clock.advance(10);
    expect(await answerOf(check(session))).toBe('session_expired');
  });

  it.each([
    ['signOut()', (session: Session) => session.signOut()],
    ['signOutEverywhere()', (session: Session) => session.signOutEverywhere()],
  ])('rejects with session_revoked after %s', async (_signOut, signOut) => {
    const session = await open();
    await session.mfa.start({ method: 'totp' });
    await signOut(session);
    expect(await answerOf(check(session))).toBe('session_revoked');
  });

  it('rejects with session_revoked after a sign-out by another process', async () => {
    const store = memoryStore();
    const session = await open({ store });
    await session.mfa.start({ method: 'totp' });
    await custom.sessions({ store }).signOutUser({ userId: 'alice' });
    expect(await answerOf(check(session))).toBe('session_revoked');
  });

  it('rejects with store_unavailable while the store fails', async () => {
    const store = testStore();
    const session = await open({ store });
    await session.mfa.start({ method: 'totp' });
    store.fault = () => throwing(new Error('down'));
    expect(await answerOf(check(session))).toBe('store_unavailable');
    store.fault = () => undefined;
    expect(await answerOf(check(session))).toBeUndefined();
  });

  it('asks for no keys', async () => {
    const session = await open();
    await session.mfa.start({ method: 'totp' });
    const { jwksFetches } = custom.issuer;
    custom.issuer.setOutage(true);
    custom.clock.advance(250);
    expect(await answerOf(check(session))).toBeUndefined();
    expect(custom.issuer.jwksFetches).toBe(jwksFetches);
  });
});

describe("With `revocation: 'when-available'` and a store that fails", () => {
  it('session.check() resolves and session.mfa.require() rejects, as requests would', async () => {
    const store = testStore();
    const session = await open({ store, revocation: 'when-available' });
    await session.mfa.start({ method: 'totp' });
    store.fault = () => throwing(new Error('down'));
    expect(await answerOf(session.check())).toBeUndefined();
    expect(await answerOf(session.mfa.require())).toBe('store_unavailable');
  });
});

describe('session.mfa.require()', () => {
  it('rejects as requireMfa() refuses', async () => {
    const session = await open();
    await expect(session.mfa.require()).rejects.toMatchObject({
      name: 'SessionError',
      errorType: 'mfa_required',
      status: 403,
      action: 'verify_mfa',
    });
    await session.mfa.start({ method: 'totp', acr: 'urn:gold' });
    expect(await answerOf(session.mfa.require({ methods: ['totp'], acr: ['urn:gold'] }))).toBe(
      undefined,
    );
    expect(await answerOf(session.mfa.require({ methods: ['hwk'] }))).toBe('mfa_required');
    expect(await answerOf(session.mfa.require({ acr: ['urn:other'] }))).toBe('mfa_required');
    custom.clock.advance(60);
    await expect(session.mfa.require({ maxAgeSeconds: 60 })).rejects.toMatchObject({
      errorType: 'mfa_expired',
      detail: 'MFA was verified 60 s ago; this operation allows 60 s.',
    });
    expect(await answerOf(session.mfa.require({ maxAgeSeconds: 61 }))).toBeUndefined();
  });

  it('counts evidence and enrolment', async () => {
    let isEnrolled = false;
    const session = await open({ mfa: { isEnrolled: () => isEnrolled } });
    expect(await answerOf(session.mfa.require())).toBe('mfa_not_enrolled');
    expect(await answerOf(session.mfa.require({ whenNotEnrolled: 'allow' }))).toBeUndefined();
    isEnrolled = true;
    expect(await answerOf(session.mfa.require({ whenNotEnrolled: 'allow' }))).toBe('mfa_required');
    const verifiedAt = new Date(custom.clock());
    const evident = await open({ mfa: { evidence: () => ({ method: 'otp', verifiedAt }) } });
    expect(await answerOf(evident.mfa.require({ methods: ['otp'] }))).toBeUndefined();
  });

  it.each([
    ['`when`', { when: () => false }],
    ['an option that is not there', { maxAge: 60 }],
    ['an age of 0', { maxAgeSeconds: 0 }],
    ['no method', { methods: [] }],
    ['no object', 60],
  ])('rejects a policy with %s as a ConfigurationError', async (_what, policy) => {
    const session = await open();
    await session.signOut();
    const error = await answerOf(session.mfa.require(policy as object));
    expect(error).toMatchObject({ name: 'ConfigurationError' });
    expect((error as { complaints: string[] }).complaints).toHaveLength(1);
    expect(String(error)).toContain('session.mfa.require()');
  });
});
