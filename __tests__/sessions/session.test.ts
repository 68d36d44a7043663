import { createHash } from 'node:crypto';
import { type Session } from 'express-wallet-session';
import { useTestIssuer } from '../support/use-test-issuer.js';

const START = Date.UTC(2026, 0, 5, 12);
const at = (seconds: number): Date => new Date(START + seconds * 1000);

const cdp = useTestIssuer({ projectId: 'project-1' });
const custom = useTestIssuer({ authentication: 'custom' });

async function cdpSession(claims: Record<string, unknown> = {}): Promise<Session> {
  const token = await cdp.issuer.sign({ sub: 'alice', jti: 'token-1', ...claims });
  return cdp.sessions().authenticateToken(token);
}

async function customSession(claims: Record<string, unknown> = {}): Promise<Session> {
  const given = { sub: 'bob', jti: 'token-2', sid: 'session-2', auth_time: START / 1000 - 60 };
  return custom.sessions().authenticateToken(await custom.issuer.sign({ ...given, ...claims }));
}

function plain(session: Session): Record<string, unknown> {
  const { authentication, issuer, userId, sessionId, tokenId } = session;
  const { issuedAt, expiresAt, startedAt, endsAt, mfa } = session;
  return {
    ...{ authentication, issuer, userId, sessionId, tokenId },
    ...{ issuedAt, expiresAt, startedAt, endsAt, scope: mfa.scope },
  };
}

describe('A session', () => {
  it('has the data of a CDP token', async () => {
    const session = await cdpSession();
    expect(plain(session)).toEqual({
      authentication: 'cdp',
      issuer: 'cdp-api',
      userId: 'alice',
      sessionId: undefined,
      tokenId: 'token-1',
      issuedAt: at(0),
      expiresAt: at(900),
      startedAt: undefined,
      endsAt: undefined,
      scope: 'client',
    });
    expect(session.claims).toEqual({
      iss: 'cdp-api',
      aud: 'cdp-api',
      sub: 'alice',
      jti: 'token-1',
      iat: START / 1000,
      exp: START / 1000 + 900,
      project_id: 'project-1',
      auth_type: 'email',
    });
  });

  it('has the data of a custom token', async () => {
    expect(plain(await customSession())).toEqual({
      authentication: 'custom',
      issuer: 'https://issuer.test/',
      userId: 'bob',
      sessionId: 'session-2',
      tokenId: 'token-2',
      issuedAt: at(0),
      expiresAt: at(900),
      startedAt: at(-60),
      endsAt: at(-60 + 604_800),
      scope: 'user',
    });
  });

  it('has the hash of the signing input as tokenId if the token has no `jti`', async () => {
    const token = await cdp.issuer.sign({ jti: undefined });
    const signingInput = token.slice(0, token.lastIndexOf('.'));
    expect((await cdp.sessions().authenticateToken(token)).tokenId).toBe(
      createHash('sha256').update(signingInput).digest('base64url'),
    );
  });

  it('keeps its id and its start over refreshes', async () => {
    const { clock, issuer } = custom;
    const sessions = custom.sessions();
    const first = await issuer.signIn('bob');
    const before = await sessions.authenticateToken(first.accessToken);
    clock.advance(600);
    const second = await issuer.refresh(first.refreshToken);
    const after = await sessions.authenticateToken(second.accessToken);
    expect(after.sessionId).toEqual(expect.any(String));
    expect([after.sessionId, after.startedAt, after.endsAt]).toEqual([
      before.sessionId,
      at(0),
      at(604_800),
    ]);
    expect([after.issuedAt, after.tokenId === before.tokenId]).toEqual([at(600), false]);
  });

  it('takes its length from `maxSessionSeconds`', async () => {
    const { clock, issuer } = custom;
    const sessions = custom.sessions({ maxSessionSeconds: 3600 });
    const token = await issuer.sign({ exp: START / 1000 + 9999 });
    expect((await sessions.authenticateToken(token)).endsAt).toEqual(at(3600));
    clock.advance(3599);
    await sessions.authenticateToken(token);
    clock.advance(1);
    await expect(sessions.authenticateToken(token)).rejects.toMatchObject({
      errorType: 'session_expired',
    });
  });

  it('is plain data without claims as JSON', async () => {
    const claims = { email: 'alice@example.com', phone: '+15550100' };
    expect(JSON.parse(JSON.stringify(await customSession(claims)))).toEqual({
      authentication: 'custom',
      issuer: 'https://issuer.test/',
      userId: 'bob',
      sessionId: 'session-2',
      tokenId: 'token-2',
      issuedAt: at(0).toISOString(),
      expiresAt: at(900).toISOString(),
      startedAt: at(-60).toISOString(),
      endsAt: at(-60 + 604_800).toISOString(),
      mfa: { scope: 'user' },
    });
    expect(JSON.parse(JSON.stringify({ session: await cdpSession(claims) }))).toEqual({
      session: {
        authentication: 'cdp',
        issuer: 'cdp-api',
        userId: 'alice',
        tokenId: 'token-1',
        issuedAt: at(0).toISOString(),
        expiresAt: at(900).toISOString(),
        mfa: { scope: 'client' },
      },
    });
  });
});

describe('A session that requests share', () => {
  it('is deeply frozen, its MFA and its claims too', async () => {
    const session = await cdpSession({ roles: ['user'], wallet: { limits: [{ usd: 100 }] } });
    const { claims } = session;
    const wallet = claims.wallet as { limits: [{ usd: number }] };
    const deep = [session, session.mfa, claims, claims.roles, wallet, wallet.limits];
    for (const one of [...deep, wallet.limits[0]]) expect(Object.isFrozen(one)).toBe(true);
    for (const change of [
      (): unknown => Object.assign(session, { userId: 'mallory' }),
      (): unknown => Object.assign(session, { isAdmin: true }),
      (): unknown => Object.assign(session.mfa, { scope: 'user' }),
      (): unknown => Object.assign(claims, { sub: 'mallory' }),
      (): unknown => (claims.roles as string[]).push('admin'),
      (): unknown => (wallet.limits[0].usd = 1e9),
    ]) {
      expect(change).toThrow(TypeError);
    }
    expect(session.userId).toBe('alice');
  });

  it('gives each reader a date of its own', async () => {
    const session = await customSession();
    for (const name of ['issuedAt', 'expiresAt', 'startedAt', 'endsAt'] as const) {
      const before = session[name]?.getTime();
      session[name]?.setTime(0);
      expect([name, session[name]?.getTime()]).toEqual([name, before]);
      expect(before).toBeGreaterThan(0);
    }
  });

  it('gives each reader an MFA session of its own', async () => {
    const { mfa } = await cdpSession();
    const started = await mfa.start({ method: 'totp', acr: 'urn:a' });
    started.expiresAt.setFullYear(2099);
    expect(() => Object.assign(started, { method: 'none' })).toThrow(TypeError);
    const current = await mfa.current();
    expect(current).toEqual({
      method: 'totp',
      acr: 'urn:a',
      verifiedAt: at(0),
      expiresAt: at(300),
    });
    current?.verifiedAt.setFullYear(2099);
    expect((await mfa.current())?.verifiedAt).toEqual(at(0));
  });

  it('copies the proof that start() is given', async () => {
    const { mfa } = await cdpSession();
    const proof = { method: 'totp' };
    const starting = mfa.start(proof);
    proof.method = 'hwk';
    await starting;
    expect((await mfa.current())?.method).toBe('totp');
  });

  it('keeps claims named like members of objects, and changes no prototype', async () => {
    const session = await cdpSession({ constructor: 'x', toString: 'y', hasOwnProperty: 'z' });
    expect(session.claims).toMatchObject({ constructor: 'x', toString: 'y', hasOwnProperty: 'z' });
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    const polluting = JSON.parse('{"__proto__":{"isAdmin":true}}') as Record<string, unknown>;
    await cdpSession(polluting);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});
