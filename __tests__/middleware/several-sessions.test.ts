/**
 * Several `validateSession()` on one request: the access token of the app's own issuer in the header,
 * and a partner's in another header. A guard demands its due of each, so that one person's MFA never
 * stands for another person's session.
 */
import type { Express, Request } from 'express';
import {
  createSessions,
  findSession,
  getSession,
  requireMfa,
  requireScope,
  requireSession,
  validateSession,
  type Session,
  type Sessions,
} from 'express-wallet-session';
import {
  createTestClock,
  createTestIssuer,
  type TestClock,
  type TestIssuer,
} from 'express-wallet-session/testing';
import { expectProblem } from '../support/expect-problem.js';
import { expressVersions, handle, showError } from '../support/wallet-api.js';
import { answerOf, WalletClient } from '../support/wallet-client.js';

describe.each(expressVersions)(
  'Two validateSession() on one request, on %s',
  (_version, express) => {
    let clock: TestClock;
    let own: TestIssuer;
    let partner: TestIssuer;
    let ownSessions: Sessions;
    let partnerSessions: Sessions;

    beforeEach(async () => {
      clock = createTestClock();
      own = await createTestIssuer({ clock });
      partner = await createTestIssuer({ authentication: 'custom', clock });
      ownSessions = createSessions({
        authentication: own.authentication,
        clock,
        required: false,
      });
      partnerSessions = createSessions({
        authentication: partner.authentication,
        clock,
        required: false,
        property: 'partner',
        token: [(req) => req.headers['x-partner']?.toString()],
      });
    });

    /** The partner's sessions come last. */
    function api(): Express {
      const app = express();
      app.use(validateSession(ownSessions), validateSession(partnerSessions));
      for (const [name, sessions] of [
        ['any', undefined],
        ['own', ownSessions],
        ['partner', partnerSessions],
      ] as const) {
        app.post(`/${name}/transfers`, requireMfa({ sessions }), (_req, res) => res.json('passed'));
        app.get(`/${name}/orders`, requireSession({ sessions }), (_req, res) => res.json('passed'));
        handle(app, 'get', `/${name}/me`, (_session, req) => getSession(req, sessions).userId);
        app.get(`/${name}/maybe`, (req, res) => {
          res.json(findSession(req, sessions)?.userId ?? null);
        });
      }
      app.get('/attached', (req: Request & { session?: Session; partner?: Session }, res) => {
        res.json([req.session?.userId, req.partner?.userId]);
      });
      return app.use(showError);
    }

    /** MFA is verified at the sessions that are named. */
    async function client({
      ownUser,
      partnerUser,
      verified = [],
    }: {
      ownUser?: string;
      partnerUser?: string;
      verified?: readonly ('own' | 'partner')[];
    }): Promise<WalletClient> {
      const headers: Record<string, string> = {};
      for (const [name, issuer, sessions, userId] of [
        ['own', own, ownSessions, ownUser],
        ['partner', partner, partnerSessions, partnerUser],
      ] as const) {
        if (userId === undefined) continue;
        const { accessToken } = await issuer.signIn(userId);
        if (verified.includes(name)) {
          await (await sessions.authenticateToken(accessToken)).mfa.start({ method: 'totp' });
        }
        if (name === 'own') headers.authorization = `Bearer ${accessToken}`;
        else headers['x-partner'] = accessToken;
      }
      return new WalletClient(api(), undefined, headers);
    }

    it('are both asked by requireMfa(): MFA of one session does not open the other', async () => {
      // A stolen token of the victim, beside a session of the thief's own with MFA, and the reverse.
      for (const verified of ['own', 'partner'] as const) {
        const thief = await client({
          ownUser: 'victim',
          partnerUser: 'thief',
          verified: [verified],
        });
        expect(answerOf(await thief.send('get', '/attached'))).toEqual([200, ['victim', 'thief']]);
        expectProblem(await thief.send('post', '/any/transfers'), 'mfa_required');
      }
    });

    it('are satisfied if MFA was verified for both', async () => {
      const both = await client({ ownUser: 'a', partnerUser: 'b', verified: ['own', 'partner'] });
      expect(answerOf(await both.send('post', '/any/transfers'))).toEqual([200, 'passed']);
    });

    it('are asked alone where requireMfa() names their sessions', async () => {
      const thief = await client({
        ownUser: 'victim',
        partnerUser: 'thief',
        verified: ['partner'],
      });
      expectProblem(await thief.send('post', '/own/transfers'), 'mfa_required');
      expect(answerOf(await thief.send('post', '/partner/transfers'))).toEqual([200, 'passed']);
    });

    it('do not count if they found no session', async () => {
      for (const [users, name, other] of [
        [{ ownUser: 'alice', verified: ['own'] }, 'own', 'partner'],
        [{ partnerUser: 'alice', verified: ['partner'] }, 'partner', 'own'],
      ] as const) {
        const alice = await client(users);
        for (const path of [`/any`, `/${name}`]) {
          expect(answerOf(await alice.send('post', `${path}/transfers`))).toEqual([200, 'passed']);
          expect(answerOf(await alice.send('get', `${path}/orders`))).toEqual([200, 'passed']);
          expect(answerOf(await alice.send('get', `${path}/me`))).toEqual([200, 'alice']);
          expect(answerOf(await alice.send('get', `${path}/maybe`))).toEqual([200, 'alice']);
        }
        expectProblem(await alice.send('post', `/${other}/transfers`), 'token_missing');
        expectProblem(await alice.send('get', `/${other}/orders`), 'token_missing');
        expect(answerOf(await alice.send('get', `/${other}/maybe`))).toEqual([200, null]);
        expect((await alice.send('get', `/${other}/me`)).body).toMatchObject({
          name: 'SessionError',
        });
      }
    });

    it('refuse a request that is anonymous for both', async () => {
      const nobody = await client({});
      for (const name of ['any', 'own', 'partner']) {
        expectProblem(await nobody.send('post', `/${name}/transfers`), 'token_missing');
        expectProblem(await nobody.send('get', `/${name}/orders`), 'token_missing');
        expect(answerOf(await nobody.send('get', `/${name}/maybe`))).toEqual([200, null]);
      }
    });

    it('give getSession() the session of the last, or of the named one', async () => {
      const both = await client({ ownUser: 'alice', partnerUser: 'bob' });
      for (const [name, userId] of [
        ['any', 'bob'],
        ['own', 'alice'],
        ['partner', 'bob'],
      ] as const) {
        expect(answerOf(await both.send('get', `/${name}/me`))).toEqual([200, userId]);
        expect(answerOf(await both.send('get', `/${name}/maybe`))).toEqual([200, userId]);
      }
    });

    it('ask `when` once, and let the request pass only if it says no', async () => {
      let asked = 0;
      const app = express().use(validateSession(ownSessions), validateSession(partnerSessions));
      const when = (): boolean => {
        asked += 1;
        return false;
      };
      app.post('/transfers', requireMfa({ when }), (_req, res) => res.json('passed'));
      const { accessToken } = await own.signIn('alice');
      const headers = { 'x-partner': (await partner.signIn('bob')).accessToken };
      const response = await new WalletClient(app, accessToken, headers).transfer();
      expect([...answerOf(response), asked]).toEqual([200, 'passed', 1]);
    });

    it('answer by the `onError` of the sessions that refuse', async () => {
      const answering = (sessions: Sessions, status: number): Sessions =>
        createSessions({
          ...(sessions === ownSessions
            ? { authentication: own.authentication }
            : {
                authentication: partner.authentication,
                property: 'partner',
                token: [(req) => req.headers['x-partner']?.toString()],
              }),
          clock,
          onError: (error, _req, res) => {
            res.statusCode = status;
            res.end(error.errorType);
          },
        });
      const [first, second] = [answering(ownSessions, 418), answering(partnerSessions, 451)];
      const app = express().use(validateSession(first), validateSession(second));
      app.post('/transfers', requireMfa(), (_req, res) => res.json('passed'));
      const { accessToken } = await own.signIn('alice');
      const headers = { 'x-partner': (await partner.signIn('bob')).accessToken };
      const both = new WalletClient(app, accessToken, headers);
      const refused = await both.transfer();
      expect([refused.status, refused.text]).toEqual([418, 'mfa_required']);
      await (await first.authenticateToken(accessToken)).mfa.start({ method: 'totp' });
      const refusedLater = await both.transfer();
      expect([refusedLater.status, refusedLater.text]).toEqual([451, 'mfa_required']);
    });

    it('that are not mounted are named in the error of the guard that names them', async () => {
      const app = express().use(validateSession(ownSessions));
      app.get('/mfa', requireMfa({ sessions: partnerSessions }), (_req, res) => res.json('passed'));
      app.get('/scope', requireScope('a', { sessions: partnerSessions }), (_req, res) =>
        res.json('passed'),
      );
      handle(app, 'get', '/get', (_session, req) => getSession(req, partnerSessions));
      const alice = new WalletClient(app.use(showError), (await own.signIn('alice')).accessToken);
      for (const path of ['/mfa', '/scope', '/get']) {
        expect(answerOf(await alice.send('get', path))).toEqual([
          500,
          {
            name: 'ConfigurationError',
            message: expect.stringContaining(
              'no validateSession() with these sessions ran before it on this request. Mount it ahead of your routes: app.use(validateSession(sessions)).',
            ) as string,
          },
        ]);
      }
    });
  },
);

describe('The option `sessions` of a guard', () => {
  it.each([
    ['an object', {}, /`sessions` must be what createSessions\(\) made/],
    ['options', { required: false }, /`sessions` must be what createSessions\(\) made/],
    ['null', null, /not null/],
    [
      'sessions of another copy of the package',
      { authenticate: () => undefined, signOutUser: () => undefined },
      /another installed copy of express-wallet-session; `npm ls express-wallet-session`/,
    ],
  ])('is refused if it is %s', (_what, given, message) => {
    const sessions = given as unknown as Sessions;
    expect(() => requireMfa({ sessions })).toThrow(message);
    expect(() => requireSession({ sessions })).toThrow(message);
    expect(() => requireScope('a', { sessions })).toThrow(message);
    expect(() => getSession({}, sessions)).toThrow(message);
    expect(() => findSession({}, sessions)).toThrow(message);
  });

  it('given to validateSession() from another copy of the package says so', () => {
    const sessions = { authenticate: () => undefined, signOutUser: () => undefined };
    expect(() => validateSession(sessions as unknown as Sessions)).toThrow(
      /^validateSession\(\): the sessions were made by another installed copy/,
    );
  });
});
