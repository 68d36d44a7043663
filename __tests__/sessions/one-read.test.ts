/**
 * How often a request asks a store that answers with promises: once, for all the guards behind
 * `validateSession()`.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { memoryStore, requireMfa, type SessionStore } from 'express-wallet-session';
import { expectProblem } from '../support/expect-problem.js';
import { wrapStore, type StoreVerb } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import type { handle } from '../support/wallet-api.js';
import { type WalletApiOptions } from '../support/wallet-api.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

describe.each(['cdp', 'custom'] as const)('With %s tokens and an asynchronous store', (tokens) => {
  const kit = useTestIssuer({ authentication: tokens });
  let inner: SessionStore;
  let calls: StoreVerb[];
  let store: SessionStore;
  let token: string;

  beforeEach(async () => {
    inner = memoryStore();
    calls = [];
    store = wrapStore(async (work, verb) => {
      calls.push(verb);
      await setImmediate();
      return work();
    }, inner);
    token = (await kit.issuer.signIn('alice')).accessToken;
  });

  /** A client of a process that shares nothing but the store with others. */
  function client(options: WalletApiOptions = {}): WalletClient {
    const mfa = { evidence: () => undefined };
    return new WalletClient(kit.api({ store, mfa }, options), token);
  }

  it('each request reads once, the first one too', async () => {
    const alice = client();
    expect((await alice.me()).status).toBe(200);
    expect(calls).toEqual(['read']);
    await client().verifyMfa();
    calls.length = 0;
    expectTransferred(await alice.transfer());
    expect(calls).toEqual(['read']);
    expectTransferred(await client().transfer());
    expect(calls).toEqual(['read', 'read']);
  });

  it('several guards read once together, and a refusal needs no more', async () => {
    const alice = client({
      routes: (app) => {
        app.post('/export', requireMfa(), requireMfa({ maxAgeSeconds: 60 }), (_req, res) => {
          res.json({});
        });
      },
    });
    expectProblem(await alice.send('post', '/export'), 'mfa_required');
    expect(calls).toEqual(['read']);
    await alice.verifyMfa();
    calls.length = 0;
    expect((await alice.send('post', '/export')).status).toBe(200);
    expect(calls).toEqual(['read']);
  });

  it('a guard sees what a handler before it has started, ended and signed out', async () => {
    const alice = client({
      routes: (app, sessions) => {
        const guarded = (path: string, work: Parameters<typeof handle>[3]): void => {
          app.post(path, (req, _res, next) => {
            const { session } = req as unknown as { session: Parameters<typeof work>[0] };
            Promise.resolve(work(session, req)).then(() => {
              next();
            }, next);
          });
          app.post(path, requireMfa(), (_req, res) => {
            res.json({});
          });
        };
        guarded('/guarded/start', (session) => session.mfa.start({ method: 'totp' }));
        guarded('/guarded/end', (session) => session.mfa.end());
        guarded('/guarded/end-all', ({ userId }) => sessions.endMfa({ userId }));
        guarded('/guarded/sign-out', (session) => session.signOut());
      },
    });
    expect((await alice.send('post', '/guarded/start')).status).toBe(200);
    expectProblem(await alice.send('post', '/guarded/end'), 'mfa_required');
    expect((await alice.send('post', '/guarded/start')).status).toBe(200);
    expectProblem(await alice.send('post', '/guarded/end-all'), 'mfa_required');
    expectProblem(await alice.send('post', '/guarded/sign-out'), 'session_revoked');
  });

  it('a guard reads again after 250 ms, and sees what another process has done', async () => {
    const other = kit.sessions({ store: inner });
    const alice = client({
      routes: (app) => {
        app.post('/slow', (_req, _res, next) => {
          const work = async (): Promise<void> => {
            await other.signOutUser({ userId: 'alice' });
            await sleep(260);
          };
          work().then(() => {
            next();
          }, next);
        });
        app.post('/slow', requireMfa(), (_req, res) => {
          res.json({});
        });
      },
    });
    await alice.verifyMfa();
    calls.length = 0;
    expectProblem(await alice.send('post', '/slow'), 'session_revoked');
    expect(calls).toEqual(['read', 'read']);
  });

  it('no request answers from what another one has read', async () => {
    const [alice, other] = [client(), kit.sessions({ store: inner })];
    await alice.verifyMfa();
    expectTransferred(await alice.transfer());
    await other.endMfa({ userId: 'alice' });
    expectProblem(await alice.transfer(), 'mfa_required');
    await other.signOutUser({ userId: 'alice' });
    expectProblem(await alice.me(), 'session_revoked');
  });

  it('sessions.authenticate() reads once, and each method of its session for itself', async () => {
    const sessions = kit.sessions({ store });
    const headers = { authorization: `Bearer ${token}` };
    const session = await sessions.authenticate({ headers });
    expect(calls).toEqual(['read']);
    await session.check();
    expect(calls).toEqual(['read', 'read']);
    await session.mfa.current();
    expect(calls).toEqual(['read', 'read', 'read']);
    await expect(session.mfa.require()).rejects.toMatchObject({ errorType: 'mfa_required' });
    expect(calls).toEqual(['read', 'read', 'read', 'read']);
  });
});
