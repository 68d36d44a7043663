import express5, { type Express, type Request } from 'express';
import {
  createSessions,
  customAuthentication,
  findSession,
  fromBearer,
  fromCookie,
  getSession,
  requireSession,
  requireMfa,
  validateSession,
  type Session,
  type SessionOptions,
} from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import { expectProblem, UNKNOWN_KEY } from '../support/expect-problem.js';
import { testStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, handle, showError, walletApi } from '../support/wallet-api.js';
import { answerOf, WalletClient } from '../support/wallet-client.js';

/** Answers every path with the result of `read`. */
function answering(app: Express, read: (req: Request) => unknown): Express {
  app.use((req, res) => {
    res.json(read(req) ?? null);
  });
  return app.use(showError);
}

describe.each(expressVersions)('validateSession() on %s', (_version, express) => {
  const kit = useTestIssuer({ express });
  let options: SessionOptions;
  let accessToken: string;

  beforeEach(async () => {
    options = kit.options();
    ({ accessToken } = await kit.issuer.signIn('alice'));
  });

  it('attaches the session for getSession(), findSession() and req.session', async () => {
    const app = answering(express().use(validateSession(options)), (req) => [
      getSession(req).userId,
      findSession(req)?.userId,
      (req as Request & { session?: Session }).session === getSession(req),
    ]);
    const response = await new WalletClient(app, accessToken).me();
    expect([response.status, response.body]).toEqual([200, ['alice', 'alice', true]]);
  });

  it('refuses requests without a token, and with a bad one', async () => {
    const app = kit.api();
    expectProblem(await new WalletClient(app).me(), 'token_missing');
    expectProblem(await new WalletClient(app, 'nonsense').me(), 'token_invalid');
    for (const authorization of ['Basic YWxpY2U6cGFzcw==', 'Digest username="alice"']) {
      expectProblem(
        await new WalletClient(app, undefined, { authorization }).me(),
        'token_missing',
      );
    }
  });

  describe('with `required: false`', () => {
    it('lets requests without a token pass as anonymous', async () => {
      const app = express().use(validateSession({ ...options, required: false }));
      handle(app, 'get', '/strict', (session) => session);
      app.get('/guarded', requireSession(), (_req, res) => res.json('passed'));
      app.post('/transfers', requireMfa(), (_req, res) => res.json('passed'));
      app.use((req, res) => {
        const attached = (req as Request & { session?: Session }).session;
        res.json([findSession(req) === undefined, attached === undefined]);
      });
      const nobody = new WalletClient(answering(app, () => undefined));
      expect((await nobody.me()).body).toEqual([true, true]);
      expectProblem(await nobody.send('get', '/guarded'), 'token_missing');
      expectProblem(await nobody.transfer(), 'token_missing');
      const alice = new WalletClient(app, accessToken);
      expect((await alice.send('get', '/guarded')).body).toBe('passed');
      expect((await alice.me()).body).toEqual([false, false]);
    });
  });

  describe('reads the token', () => {
    it('and passes on the error of a reader', async () => {
      const token = (): never => {
        throw new RangeError('the reader is broken');
      };
      const app = kit.api({ token: [token] });
      const answer = answerOf(await new WalletClient(app, accessToken).me());
      expect(answer).toEqual([500, { name: 'RangeError', message: 'the reader is broken' }]);
    });
  });

  describe('attaches the session', () => {
    const attached = (req: Request): string[] =>
      Object.entries(req)
        .filter(([, value]) => value === getSession(req))
        .map(([name]) => name);

    it.each([
      ['session', undefined],
      ['walletSession', 'walletSession'],
      [undefined, false],
    ] as const)('as req.%s if `property` is %p', async (name, property) => {
      const app = answering(express().use(validateSession({ ...options, property })), attached);
      const response = await new WalletClient(app, accessToken).me();
      expect(response.body).toEqual(name === undefined ? [] : [name]);
    });

    it('only to a free property: otherwise the first request fails and names the option', async () => {
      const theirs = { cart: ['a book'] };
      const seen: unknown[] = [];
      const app = express().use((req, _res, next) => {
        Object.assign(req, { session: theirs });
        seen.push(req);
        next();
      });
      answering(app.use(validateSession(options)), () => 'passed');
      for (const client of [new WalletClient(app, accessToken), new WalletClient(app)]) {
        const answer = answerOf(await client.me());
        expect(answer).toEqual([
          500,
          { name: 'ConfigurationError', message: expect.stringContaining('req.session') as string },
        ]);
        expect(JSON.stringify(answer)).toMatch(/property: 'walletSession'.*property: false/);
      }
      for (const req of seen) {
        expect(req).toHaveProperty('session', theirs);
        expect(() => getSession(req as object)).toThrow('validateSession()');
      }
      expect(theirs).toEqual({ cart: ['a book'] });
    });

    it.each(['walletSession', false] as const)(
      'beside the one of express-session, with `property: %p`',
      async (property) => {
        const app = express().use((req, _res, next) => {
          Object.assign(req, { session: 'theirs' });
          next();
        });
        answering(app.use(validateSession({ ...options, property })), (req) => [
          (req as Request & { session?: unknown }).session,
          getSession(req).userId,
        ]);
        const response = await new WalletClient(app, accessToken).me();
        expect([response.status, response.body]).toEqual([200, ['theirs', 'alice']]);
      },
    );
  });

  describe('mounted more than once', () => {
    it('does the work once', async () => {
      const store = testStore();
      const sessions = createSessions({ ...options, store });
      const guard = validateSession(sessions);
      const router = express.Router().use(guard, validateSession(sessions));
      const app = express().use(guard, validateSession(sessions)).use('/v1', router);
      answering(app, (req) => getSession(req).userId);
      const response = await new WalletClient(app, accessToken).send('get', '/v1/me');
      expect([response.status, response.body]).toEqual([200, 'alice']);
      expect([store.calls, kit.issuer.jwksFetches]).toEqual([['read'], 1]);
    });

    it('with equal options names the mistake', async () => {
      const app = express().use(validateSession(options), validateSession(options));
      answering(app, () => 'passed');
      expect(answerOf(await new WalletClient(app, accessToken).me())).toEqual([
        500,
        {
          name: 'ConfigurationError',
          message: expect.stringMatching(
            /another validateSession\(\).*authentication: \[a, b\].*create it once/,
          ) as string,
        },
      ]);
    });

    it('does the work once for an anonymous request too', async () => {
      let asked = 0;
      const token = (): undefined => {
        asked += 1;
      };
      const guard = validateSession({ ...options, required: false, token: [token] });
      const app = answering(express().use(guard, guard), (req) => findSession(req));
      expect((await new WalletClient(app).me()).body).toBeNull();
      expect(asked).toBe(1);
    });

    it('does the work once around other sessions', async () => {
      const store = testStore();
      const sessions = createSessions({ ...options, store });
      const partner = await createTestIssuer({ authentication: 'custom', clock: kit.clock });
      const partners = createSessions({
        authentication: partner.authentication,
        clock: kit.clock,
        property: 'partner',
        token: [(req) => req.headers['x-partner']?.toString()],
      });
      const app = express().use(validateSession(sessions), validateSession(partners));
      answering(app.use(validateSession(sessions)), (req) => getSession(req).userId);
      const bob = await partner.signIn('bob');
      const headers = { 'x-partner': bob.accessToken };
      const response = await new WalletClient(app, accessToken, headers).me();
      expect([response.status, response.body]).toEqual([200, 'alice']);
      expect(store.calls).toEqual(['read']);
    });
  });

  it('keeps the sessions of two issuers apart on one app', async () => {
    const partner = await createTestIssuer({ authentication: 'custom', clock: kit.clock });
    const app = express();
    const named = (req: Request): unknown => [getSession(req).issuer, getSession(req).userId];
    app.use('/v1', validateSession(options));
    app.use(
      '/partners',
      validateSession({ authentication: partner.authentication, clock: kit.clock }),
    );
    answering(app, named);
    const bob = await partner.signIn('bob');
    const [alice, partnerOfAlice, bobHimself, bobAtV1] = await Promise.all([
      new WalletClient(app, accessToken).send('get', '/v1/me'),
      new WalletClient(app, accessToken).send('get', '/partners/me'),
      new WalletClient(app, bob.accessToken).send('get', '/partners/me'),
      new WalletClient(app, bob.accessToken).send('get', '/v1/me'),
    ]);
    expect(alice.body).toEqual(['cdp-api', 'alice']);
    expect(bobHimself.body).toEqual(['https://issuer.test/', 'bob']);
    expectProblem(partnerOfAlice, 'token_invalid');
    expectProblem(bobAtV1, 'token_invalid');
  });

  it('guards sub-apps and routers below it, and gives them the session', async () => {
    const subApp = express();
    handle(subApp, 'get', '/me', ({ userId }) => userId);
    subApp.post('/transfers', requireMfa(), (_req, res) => res.json('passed'));
    const app = express().use(validateSession(options));
    app.use('/sub', subApp);
    const alice = new WalletClient(app, accessToken);
    expect((await alice.send('get', '/sub/me')).body).toBe('alice');
    expectProblem(await alice.send('post', '/sub/transfers'), 'mfa_required');
    expectProblem(await new WalletClient(app).send('get', '/sub/me'), 'token_missing');
  });
});

describe('validateSession()', () => {
  const kit = useTestIssuer();
  let options: SessionOptions;
  let accessToken: string;

  beforeEach(async () => {
    options = kit.options();
    ({ accessToken } = await kit.issuer.signIn('alice'));
  });

  it('accepts the sessions of createSessions()', async () => {
    const app = kit.api(createSessions(options));
    expect((await new WalletClient(app, accessToken).me()).body).toMatchObject({ userId: 'alice' });
  });

  describe('with `required: false`', () => {
    it('has getSession() throw `token_missing` on an anonymous request', async () => {
      const app = kit.api({ required: false });
      expectProblem(await new WalletClient(app).me(), 'token_missing');
    });

    it('refuses a bad token', async () => {
      const app = walletApi({
        ...options,
        required: false,
        token: [fromBearer(), fromCookie('t')],
      });
      const expired = await kit.issuer.sign({ exp: kit.clock() / 1000 - 60 });
      expectProblem(await new WalletClient(app, expired).me(), 'token_expired');
      expectProblem(await new WalletClient(app, 'nonsense').me(), 'token_invalid');
      const both = { cookie: `t=${accessToken}` };
      expectProblem(await new WalletClient(app, accessToken, both).me(), 'invalid_request', {
        detail: 'Send the access token in one place, not in two at once.',
      });
      for (const authorization of ['Bearer', 'Bearer a b']) {
        const client = new WalletClient(app, undefined, { authorization });
        expectProblem(await client.me(), 'invalid_request');
      }
    });
  });

  describe('reads the token', () => {
    it('from a cookie or by a function', async () => {
      const app = kit.api({
        token: [fromCookie('session'), (req) => req.headers['x-token']?.toString()],
      });
      for (const headers of [
        { cookie: `a=b; session=${accessToken}` },
        { 'x-token': accessToken },
      ]) {
        const response = await new WalletClient(app, undefined, headers).me();
        expect(response.body).toMatchObject({ userId: 'alice' });
      }
      expectProblem(await new WalletClient(app, accessToken).me(), 'token_missing');
    });

    it('and names a reader that returns a promise', async () => {
      const token = (): string => Promise.resolve(accessToken) as unknown as string;
      const app = kit.api({ token: [token] });
      const answer = answerOf(await new WalletClient(app, accessToken).me());
      expect(answer).toEqual([
        500,
        {
          name: 'ConfigurationError',
          message: expect.stringMatching(/^`token`: a reader must return/) as string,
        },
      ]);
    });
  });

  it('accepts tokens of several issuers', async () => {
    const partner = await createTestIssuer({ authentication: 'custom', clock: kit.clock });
    const third = await createTestIssuer({
      authentication: 'custom',
      clock: kit.clock,
      issuer: 'https://third.example/',
    });
    const authentication = [
      kit.issuer.authentication,
      partner.authentication,
      third.authentication,
    ];
    const app = kit.api({ authentication });
    for (const [one, kind] of [
      [kit.issuer, 'cdp'],
      [partner, 'custom'],
      [third, 'custom'],
    ] as const) {
      const token = await one.sign({ sub: 'user-1' });
      expect((await new WalletClient(app, token).me()).body).toMatchObject({
        authentication: kind,
        issuer: one.issuer,
        userId: 'user-1',
      });
    }
    // Signed by one issuer with the `iss` of another.
    const forged = await partner.sign({ iss: third.issuer });
    expectProblem(await new WalletClient(app, forged).me(), 'token_invalid', UNKNOWN_KEY);
  });

  it('ignores sessions in the query and the body of an anonymous request', async () => {
    const sessions = createSessions({ ...options, required: false, property: 'user' });
    const app = express5().use(express5.json()).use(validateSession(sessions));
    answering(app, (req) => findSession(req));
    const body = { user: { userId: 'alice' }, session: { userId: 'alice' } };
    const response = await new WalletClient(app).send('post', '/?user=alice').send(body);
    expect([response.status, response.body]).toEqual([200, null]);
  });

  it('refuses a token of an issuer of the same name with other keys', async () => {
    const namesake = await createTestIssuer({ clock: kit.clock, projectId: kit.issuer.projectId });
    const { accessToken: forged } = await namesake.signIn('alice');
    const response = await new WalletClient(kit.api(), forged).me();
    expectProblem(response, 'token_invalid', UNKNOWN_KEY);
  });

  it('reads the claims, the scope and the typ of the options', async () => {
    const own = await createTestIssuer({ authentication: 'custom', clock: kit.clock });
    const { issuer: name, audience } = own;
    const { options: given } = own.authentication;
    const authentication = customAuthentication({
      issuer: name,
      audience,
      jwksUri: 'https://issuer.test/.well-known/jwks.json',
      fetch: given.fetch,
      userIdClaim: 'uid',
      sessionIdClaim: 'session',
      mfaScope: 'client',
      typ: 'at+jwt',
      algorithms: ['ES256'],
    });
    const app = kit.api({ authentication });
    const claims = { uid: 'u-1', session: 's-1' };
    const token = await own.sign(claims, { typ: 'at+jwt' });
    expect((await new WalletClient(app, token).me()).body).toMatchObject({
      userId: 'u-1',
      sessionId: 's-1',
      mfa: { scope: 'client' },
    });
    expectProblem(await new WalletClient(app, await own.sign(claims)).me(), 'token_invalid');
  });
});
