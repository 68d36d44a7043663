/**
 * The events of requests, sessions, sign-outs and watches: each once, whole.
 */
import express from 'express';
import request from 'supertest';
import {
  findSession,
  getSession,
  problemHandler,
  requireMfa,
  requireScope,
  requireSession,
  SessionError,
  validateSession,
  type Session,
} from 'express-wallet-session';
import { recordEvents } from '../support/events.js';
import { logOut, logoutAudience } from '../support/logout.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { WalletClient } from '../support/wallet-client.js';

const ISSUER = 'https://login.example/';
const kit = useTestIssuer({ authentication: 'custom', issuer: ISSUER });
const events = recordEvents();
const BY = { 'x-correlation-id': 'c-1' };

interface Ids {
  readonly at: number;
  readonly issuer: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly tokenId: string;
}

function idsOf(token: string): Ids {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { sub, sid, jti } = JSON.parse(claims) as { sub: string; sid: string; jti: string };
  return { at: kit.clock(), issuer: ISSUER, userId: sub, sessionId: sid, tokenId: jti };
}

async function signIn(): Promise<{ token: string; session: Session; ids: Ids }> {
  const { accessToken } = await kit.issuer.signIn('alice');
  const session = await kit.sessions().authenticateToken(accessToken);
  events.take();
  return { token: accessToken, session, ids: idsOf(accessToken) };
}

async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof SessionError ? error.errorType : undefined;
}

describe('session.admitted', () => {
  it('is published by each way in, with a `remembered` token the second time', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const ids = idsOf(accessToken);
    const sessions = kit.sessions();
    await sessions.authenticateToken(accessToken);
    const headers = { Authorization: `Bearer ${accessToken}`, 'X-Correlation-Id': 'c-2' };
    await sessions.authenticate({ headers });
    await new WalletClient(kit.api(sessions), accessToken, BY).me();
    expect(events.take()).toEqual([
      { type: 'session.admitted', ...ids, remembered: false },
      { type: 'session.admitted', ...ids, remembered: true, correlationId: 'c-2' },
      { type: 'session.admitted', ...ids, remembered: true, correlationId: 'c-1' },
    ]);
  });

  it('is published once for a request that two mounts of the same sessions admit', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const sessions = kit.sessions();
    const app = express()
      .use(validateSession(sessions), validateSession(sessions))
      .get('/', (req, res) => void res.json(getSession(req).userId));
    await request(app).get('/').auth(accessToken, { type: 'bearer' }).expect(200);
    expect(events.take().map(({ type }) => type)).toEqual(['session.admitted']);
  });

  it('is not published for an anonymous request, a preflight, or check()', async () => {
    const { session } = await signIn();
    const app = express()
      .use(validateSession(kit.options({ required: false })))
      .get('/', (req, res) => void res.json(findSession(req) ?? null));
    await request(app).get('/').expect(200, 'null');
    await request(kit.api())
      .options('/me')
      .set({ origin: 'https://a.example', 'access-control-request-method': 'GET' });
    await session.check();
    expect(events.take()).toEqual([]);
  });

  it('carries the correlation id that was made up for the answer', async () => {
    const answer = await new WalletClient(kit.api()).me();
    const [event] = events.take();
    expect(event?.correlationId).toBe((answer.body as { correlationId: string }).correlationId);
  });

  it('is a frozen copy, which no subscriber can alter', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    await new WalletClient(
      kit.api({}, { transfers: { methods: ['hwk'], acr: ['a'] } }),
      accessToken,
    ).transfer();
    for (const event of events.all()) expect(Object.isFrozen(event)).toBe(true);
    const [refused] = events.of('mfa.refused');
    expect([Object.isFrozen(refused?.methods), Object.isFrozen(refused?.acr)]).toEqual([
      true,
      true,
    ]);
  });
});

describe('session.refused', () => {
  it('has no ids if the token was not verified, and says why', async () => {
    const token = await kit.issuer.sign({ aud: 'another' });
    await new WalletClient(kit.api(), token, BY).me().expect(401);
    await new WalletClient(kit.api(), undefined, BY).me().expect(401);
    const { accessToken } = await kit.issuer.signIn('alice');
    const [header, claims] = accessToken.split('.');
    const forged = `${String(header)}.${String(claims)}.${'A'.repeat(86)}`;
    await new WalletClient(kit.api(), forged, BY).me().expect(401);
    const { clock, issuer } = kit;
    const refused = { type: 'session.refused', at: clock(), correlationId: 'c-1' };
    expect(events.take()).toEqual([
      {
        ...refused,
        errorType: 'token_invalid',
        action: 'sign_in',
        cause: {
          name: 'Error',
          message: `\`aud\` is expected to hold ${issuer.audience}, not another string`,
        },
      },
      { ...refused, errorType: 'token_missing', action: 'sign_in' },
      {
        ...refused,
        errorType: 'token_invalid',
        action: 'sign_in',
        cause: {
          name: 'Error',
          message:
            'none of the keys of https://issuer.test/.well-known/jwks.json (1 usable) verifies the signature',
        },
      },
    ]);
  });

  it('has the ids of a verified token: expired, remembered or not, and refused by checkClaims', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const api = kit.api();
    const alice = new WalletClient(api, accessToken, BY);
    await alice.me().expect(200);
    events.take();
    kit.clock.advance(30);
    const strict = kit.api({
      authentication: {
        ...kit.issuer.authentication,
        options: { ...kit.issuer.authentication.options, checkClaims: () => false },
      } as never,
    });
    await new WalletClient(strict, accessToken, BY).me().expect(401);
    kit.clock.advance(900);
    await alice.me().expect(401);
    await new WalletClient(kit.api(), accessToken, BY).me().expect(401);
    const { at, ...ids } = idsOf(accessToken);
    const refused = { type: 'session.refused', ...ids, correlationId: 'c-1' };
    const message = '`exp` ended 30 s ago by this clock';
    const expired = {
      ...{ ...refused, at, errorType: 'token_expired', action: 'refresh_token' },
      cause: { name: 'Error', message },
    };
    expect(events.take()).toEqual([
      {
        ...{ ...refused, at: at - 900_000, errorType: 'token_invalid', action: 'sign_in' },
        cause: { name: 'Error', message: '`checkClaims` returned false' },
      },
      expired,
      expired,
    ]);
  });

  it('is published once for each of many requests with one bad token', async () => {
    const token = await kit.issuer.sign({ exp: kit.clock() / 1000 - 100 });
    const sessions = kit.sessions();
    await Promise.all(
      Array.from({ length: 5 }, () => refusalOf(sessions.authenticateToken(token))),
    );
    expect(events.take().map(({ type }) => type)).toEqual(Array(5).fill('session.refused'));
  });

  it('is published by check() and by everything that rejects first as check() would', async () => {
    const { session, ids } = await signIn();
    await session.signOut();
    events.take();
    const refusals = [
      () => session.check(),
      () => session.mfa.require(),
      () => session.mfa.start({ method: 'totp' }),
      () => session.mfa.requireApproval({ operation: 1, description: 1 }),
      () => session.mfa.challenge('0.x'),
      () => session.mfa.approve('0.x', () => false),
      () => session.mfa.deny('0.x'),
    ];
    for (const refusal of refusals) {
      expect(await refusalOf(refusal())).toBe('session_revoked');
      expect(events.take()).toEqual([
        { type: 'session.refused', ...ids, errorType: 'session_revoked', action: 'sign_in' },
      ]);
    }
  });

  it('is published once for an anonymous request at a guard, and for a missing scope', async () => {
    const { token, ids } = await signIn();
    const app = express()
      .use(validateSession(kit.options({ required: false })))
      .get('/session', requireSession())
      .get('/mfa', requireMfa())
      .get('/scope', requireScope('a', 'b'));
    const refused = { type: 'session.refused', at: kit.clock(), correlationId: 'c-1' };
    for (const path of ['/session', '/mfa', '/scope']) {
      await request(app).get(path).set(BY).expect(401);
      expect(events.take()).toEqual([
        { ...refused, errorType: 'token_missing', action: 'sign_in' },
      ]);
    }
    await request(app).get('/scope').set(BY).auth(token, { type: 'bearer' }).expect(403);
    const [, insufficient] = events.take();
    expect(insufficient).toEqual({
      ...{ ...refused, ...ids, errorType: 'insufficient_scope', action: 'request_access' },
      cause: { name: 'Error', message: '`scope` or `scp` is expected to hold a and b' },
    });
  });

  it('is published once if an error handler of the app lets the request go on to a guard', async () => {
    const app = express()
      .use(
        validateSession({
          ...kit.options(),
          onError: (error, _req, _res, next) => {
            next(error);
          },
        }),
      )
      .use(((_error, _req, _res, next) => {
        next();
      }) as express.ErrorRequestHandler)
      .get('/', requireMfa())
      .use(problemHandler());
    await request(app).get('/').expect(401);
    expect(events.take().map(({ type }) => type)).toEqual(['session.refused']);
  });

  it('is published for a logout token, as it is answered', async () => {
    const api = kit.api({}, { logoutAudience });
    const token = await kit.issuer.logoutToken({ sub: 'alice', aud: 'other' });
    await logOut(api, token).set(BY).expect(400);
    await new WalletClient(api).send('post', '/backchannel-logout').set(BY).expect(400);
    const refused = { type: 'session.refused', at: kit.clock(), correlationId: 'c-1' };
    const invalid = { ...refused, errorType: 'invalid_request', action: 'fix_request' };
    const causes = events.take().map((event) => ({ ...event, cause: undefined }));
    expect(causes).toEqual([
      { ...invalid, cause: undefined },
      { ...invalid, cause: undefined },
    ]);
  });
});

describe('session.signed_out', () => {
  it.each<[string, (session: Session, ids: Ids) => Promise<void>, object]>([
    ['signOut()', (session) => session.signOut(), { everywhere: false, by: 'session' }],
    [
      'signOutEverywhere()',
      (session) => session.signOutEverywhere(),
      { everywhere: true, by: 'session' },
    ],
  ])('is published alone by %s', async (_how, signOut, facts) => {
    const { session, ids } = await signIn();
    await session.mfa.start({ method: 'totp' });
    events.take();
    await signOut(session, ids);
    expect(events.take()).toEqual([{ type: 'session.signed_out', ...ids, ...facts }]);
  });

  it('is published alone by signOutUser(), signOutSession() and logout tokens', async () => {
    const { ids } = await signIn();
    const { at, issuer, userId, sessionId } = ids;
    const sessions = kit.sessions();
    await sessions.signOutUser({ userId });
    await sessions.signOutSession({ sessionId });
    const api = kit.api(sessions, { logoutAudience });
    for (const facts of [{ sub: userId }, { sid: sessionId, sub: userId }, { sid: sessionId }]) {
      const claims = { ...facts, ...(!('sub' in facts) && { sub: undefined }) };
      await logOut(api, await kit.issuer.logoutToken(claims as never))
        .set(BY)
        .expect(200);
    }
    const event = { type: 'session.signed_out', at, issuer };
    const byToken = { by: 'logout_token', correlationId: 'c-1' };
    expect(events.take()).toEqual([
      { ...event, userId, everywhere: true, by: 'sessions' },
      { ...event, sessionId, everywhere: false, by: 'sessions' },
      { ...event, userId, everywhere: true, ...byToken },
      { ...event, userId, sessionId, everywhere: false, ...byToken },
      { ...event, sessionId, everywhere: false, ...byToken },
    ]);
  });
});

describe('session.ended', () => {
  it('is published once for each watch whose signal aborted, after the sign-out', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const sessions = kit.sessions();
    const session = await sessions.authenticateToken(accessToken);
    const stopped = sessions.watch(session);
    stopped.stop();
    sessions.watch(session);
    events.take();
    await session.signOut();
    sessions.watch(session);
    const ended = { type: 'session.ended', ...idsOf(accessToken), errorType: 'session_revoked' };
    const [signedOut, ...others] = events.take();
    expect(signedOut?.type).toBe('session.signed_out');
    expect(others).toEqual([ended, ended]);
  });
});
