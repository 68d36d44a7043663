/**
 * Sign-outs and ends of MFA, which void challenges and approvals. Rules 22 to 24.
 */
import {
  backchannelLogout,
  type MfaProof,
  type Session,
  type Sessions,
} from 'express-wallet-session';
import express from 'express';
import supertest from 'supertest';
import { useTestIssuer } from '../support/use-test-issuer.js';

const OPERATION = { operation: { send: 50 }, description: 'send 50' };
const totp = (): MfaProof => ({ method: 'totp' });

async function errorTypeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: unknown) => (error as { errorType?: string }).errorType ?? String(error),
  );
}

async function ask({ mfa }: Session, challengeId?: string): Promise<string> {
  const error: unknown = await mfa
    .requireApproval({ ...OPERATION, challengeId })
    .catch((reason: unknown) => reason);
  return (error as { headers: Record<string, string> }).headers['X-Mfa-Challenge-Id'] ?? '';
}

describe('Challenges and approvals', () => {
  const kit = useTestIssuer({ authentication: 'custom' });

  async function signIn(sessions: Sessions): Promise<Session> {
    const { accessToken } = await kit.issuer.signIn('alice');
    return sessions.authenticateToken(accessToken);
  }

  describe('of a session that is over', () => {
    const over: readonly [string, (session: Session) => unknown, string][] = [
      ['was signed out', (session) => session.signOut(), 'session_revoked'],
      ['was signed out everywhere', (session) => session.signOutEverywhere(), 'session_revoked'],
      [
        'has an expired token',
        () => {
          kit.clock.advance(905);
        },
        'token_expired',
      ],
      [
        'has reached its end',
        () => {
          kit.clock.advance(604_800);
        },
        'session_expired',
      ],
    ];

    it.each(over)('are refused on a held session that %s', async (_how, end, errorType) => {
      const session = await signIn(kit.sessions());
      const [pending, approved] = [await ask(session), await ask(session)];
      await session.mfa.approve(approved, totp);
      await end(session);
      const never = (): never => {
        throw new Error('the verifier was called');
      };
      const { mfa } = session;
      const attempts = [
        mfa.requireApproval(OPERATION),
        mfa.requireApproval({ ...OPERATION, challengeId: approved }),
        mfa.challenge(pending),
        mfa.challenge('x'),
        mfa.approve(pending, never),
        mfa.approve('x', never),
        mfa.deny(pending),
        mfa.deny('x'),
      ];
      expect(await Promise.all(attempts.map(errorTypeOf))).toEqual(attempts.map(() => errorType));
    });

    it('are refused if it is signed out while the verifier is at work', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      const approving = session.mfa.approve(id, async () => {
        await session.signOut();
        return totp();
      });
      expect(await errorTypeOf(approving)).toBe('session_revoked');
    });

    it('are approved if its token expires while the verifier is at work', async () => {
      const session = await signIn(kit.sessions());
      kit.clock.advance(800);
      const id = await ask(session);
      const approving = session.mfa.approve(id, () => {
        kit.clock.advance(200);
        return totp();
      });
      expect(await errorTypeOf(approving)).toBe('resolved');
    });
  });

  /** All that ends the MFA of a user, and leaves one of two sessions. */
  const ends: readonly [string, (sessions: Sessions, other: Session) => Promise<unknown>][] = [
    ['mfa.endEverywhere()', (_sessions, other) => other.mfa.endEverywhere()],
    ['sessions.endMfa()', (sessions) => sessions.endMfa({ userId: 'alice' })],
  ];

  it.each(ends)('are void after %s in the same millisecond; later ones work', async (_how, end) => {
    const sessions = kit.sessions();
    const [session, other] = [await signIn(sessions), await signIn(sessions)];
    for (let time = 0; time < 2; time += 1) {
      const [pending, approved] = [await ask(session), await ask(session)];
      await session.mfa.approve(approved, totp);
      await end(sessions, other);
      expect(await session.mfa.challenge(pending)).toBeUndefined();
      expect(await errorTypeOf(session.mfa.approve(pending, totp))).toBe('mfa_flow_expired');
      expect(await ask(session, approved)).not.toBe(approved);
    }
    const id = await ask(session);
    await session.mfa.approve(id, totp);
    expect(await session.mfa.requireApproval({ ...OPERATION, challengeId: id })).toBeDefined();
  });

  it.each(ends)('are void after %s while the verifier is at work', async (_how, end) => {
    const sessions = kit.sessions();
    const [session, other] = [await signIn(sessions), await signIn(sessions)];
    const id = await ask(session);
    const approving = session.mfa.approve(id, async () => {
      await end(sessions, other);
      return totp();
    });
    expect(await errorTypeOf(approving)).toBe('mfa_flow_expired');
    expect(await ask(session, id)).not.toBe(id);
  });

  describe('after a sign-out of the user', () => {
    const signOuts: readonly [
      string,
      (sessions: Sessions, session: Session) => Promise<unknown>,
    ][] = [
      ['signOutEverywhere()', (_sessions, session) => session.signOutEverywhere()],
      ['signOutUser()', (sessions) => sessions.signOutUser({ userId: 'alice' })],
      [
        'a logout token',
        async (sessions) => {
          const audience = kit.issuer.clientId;
          const app = express().use(backchannelLogout(sessions, { audience }));
          const logout_token = await kit.issuer.logoutToken({ sub: 'alice' });
          await supertest(app).post('/').type('form').send({ logout_token }).expect(200);
        },
      ],
    ];

    it.each(signOuts)('are void for a later session too: %s', async (_how, signOut) => {
      const sessions = kit.sessions();
      const session = await signIn(sessions);
      const [pending, approved] = [await ask(session), await ask(session)];
      await session.mfa.approve(approved, totp);
      kit.clock.advance(0.4);
      await signOut(sessions, session);
      kit.clock.advance(0.6);
      const later = await signIn(sessions);
      expect(await later.mfa.challenge(pending)).toBeUndefined();
      expect(await errorTypeOf(later.mfa.approve(pending, totp))).toBe('mfa_flow_expired');
      expect(await ask(later, approved)).not.toBe(approved);
      const id = await ask(later);
      await later.mfa.approve(id, totp);
      expect(await later.mfa.requireApproval({ ...OPERATION, challengeId: id })).toBeDefined();
    });

    it('work in the second of the sign-out, for a session that started later by its issuer', async () => {
      const sessions = kit.sessions();
      await (await signIn(sessions)).signOutEverywhere();
      // The issuer's clock is a second ahead.
      const startsAt = Math.floor(kit.clock() / 1000) + 1;
      const token = await kit.issuer.sign({ sub: 'alice', auth_time: startsAt, sid: 'later' });
      const later = await sessions.authenticateToken(token);
      const id = await ask(later);
      await later.mfa.approve(id, totp);
      expect(await later.mfa.requireApproval({ ...OPERATION, challengeId: id })).toBeDefined();
    });
  });

  it('are touched by no other user', async () => {
    const sessions = kit.sessions();
    const session = await signIn(sessions);
    const id = await ask(session);
    await sessions.endMfa({ userId: 'bob' });
    await sessions.signOutUser({ userId: 'bob' });
    await session.mfa.start(totp());
    await session.mfa.end();
    expect(await errorTypeOf(session.mfa.approve(id, totp))).toBe('resolved');
  });
});
