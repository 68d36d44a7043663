/**
 * Sign-outs hold for as long as they have to: over refreshes without end, beside other sign-outs, and
 * across processes with other options.
 */
import {
  createSessions,
  customAuthentication,
  memoryStore,
  type CustomAuthenticationOptions,
  type Session,
  type SessionOptions,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { expectProblem } from '../support/expect-problem.js';
import { expiringStore, wrapStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { walletApi } from '../support/wallet-api.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

const DAY = 86_400;
const HOUR = 3600;

const kit = useTestIssuer({ authentication: 'custom' });

let store: SessionStore;

beforeEach(() => {
  store = expiringStore(kit.clock);
});

/** A process on the store that all of them share. */
function startProcess(
  options: SessionOptions = {},
  authentication: Partial<CustomAuthenticationOptions> = {},
): Sessions {
  const { issuer, audience } = kit.issuer;
  const jwks = kit.issuer.jwks();
  return createSessions({
    authentication: customAuthentication({
      ...{ issuer, audience, jwks },
      ...authentication,
    } as CustomAuthenticationOptions),
    clock: kit.clock,
    store,
    ...options,
  });
}

function client(sessions: Sessions, token: string): WalletClient {
  return new WalletClient(walletApi(sessions), token);
}

async function expectOut(sessions: Sessions, token: string): Promise<void> {
  expectProblem(await client(sessions, token).me(), 'session_revoked');
}

async function expectIn(sessions: Sessions, token: string): Promise<void> {
  expect((await client(sessions, token).me()).status).toBe(200);
}

/** An access token as of Auth0: a session id, and no `auth_time`. */
function freshToken(claims: object = {}): Promise<string> {
  return kit.issuer.sign({ sub: 'alice', sid: 'session-1', auth_time: undefined, ...claims });
}

/** The ways to sign out a session by its id. */
const signOuts: readonly (readonly [
  string,
  (sessions: Sessions, session: Session) => Promise<unknown>,
])[] = [
  ['session.signOut()', (_sessions, session) => session.signOut()],
  ['session.signOutEverywhere()', (_sessions, session) => session.signOutEverywhere()],
  ['sessions.signOutSession()', (sessions) => sessions.signOutSession({ sessionId: 'session-1' })],
];

describe.each(signOuts)('A session id signed out by %s', (_name, signOut) => {
  it.each([
    ['every 7 days less an hour', 7 * DAY - HOUR],
    ['every 5 days', 5 * DAY],
    ['every day', DAY],
    ['every 10 minutes of a day', 600],
  ])('stays so if fresh tokens of it come %s', async (_often, seconds) => {
    const sessions = startProcess();
    await signOut(sessions, await sessions.authenticateToken(await freshToken()));
    const times = Math.min(150, Math.ceil((30 * DAY) / seconds));
    for (let time = 0; time < times; time += 1) {
      await expectOut(sessions, await freshToken());
      kit.clock.advance(seconds);
    }
    await expectOut(sessions, await freshToken());
    await expectIn(sessions, await freshToken({ sid: 'session-2' }));
  });
});

describe('The renewal of a sign-out', () => {
  it('refuses the request as well when the store cannot do it', async () => {
    const sound = store;
    let isFull = false;
    store = wrapStore((work, verb) => {
      if (isFull && verb === 'raise') throw new Error('full');
      return work();
    }, sound);
    const sessions = startProcess();
    await (await sessions.authenticateToken(await freshToken())).signOut();
    kit.clock.advance(5 * DAY);
    isFull = true;
    await expectOut(sessions, await freshToken());
    isFull = false;
    await expectOut(sessions, await freshToken());
    kit.clock.advance(5 * DAY);
    await expectOut(sessions, await freshToken());
  });

  it('is no change for the store on each refusal', async () => {
    let raises = 0;
    store = wrapStore((work, verb) => {
      raises += verb === 'raise' ? 1 : 0;
      return work();
    }, store);
    const sessions = startProcess();
    await (await sessions.authenticateToken(await freshToken())).signOut();
    const before = raises;
    for (let time = 0; time < 10; time += 1) await expectOut(sessions, await freshToken());
    expect(raises).toBe(before);
  });
});

describe('Of two sign-outs of a user', () => {
  it.each([
    ['the later one first', [0, 60]],
    ['the earlier one first', [60, 0]],
  ])('the later time holds, %s', async (_order, ages) => {
    const sessions = startProcess();
    const app = walletApi(sessions, { logoutAudience: kit.issuer.clientId });
    const now = kit.clock() / 1000;
    const between = await kit.issuer.sign({ sub: 'alice', auth_time: now - 30 });
    for (const age of ages) {
      const logoutToken = await kit.issuer.logoutToken({ sub: 'alice', iat: now - age });
      const answer = await new WalletClient(app)
        .send('post', '/backchannel-logout')
        .type('form')
        .send({ logout_token: logoutToken });
      expect(answer.status).toBe(200);
    }
    await expectOut(sessions, between);
  });

  it('the longer one holds when processes differ in `maxSessionSeconds`', async () => {
    const [short, long] = [startProcess({ maxSessionSeconds: HOUR }), startProcess()];
    const token = await kit.issuer.sign({ sub: 'alice' });
    const start = kit.clock() / 1000;
    await long.signOutUser({ userId: 'alice' });
    await short.signOutUser({ userId: 'alice' });
    await expectOut(long, token);
    kit.clock.advance(6 * DAY);
    await expectOut(long, await kit.issuer.sign({ sub: 'alice', auth_time: start }));
  });
});

describe('When a deploy changes `sessionIdClaim`', () => {
  it.each([
    ['introduces it', null, 'sid'],
    ['removes it', 'sid', null],
  ] as const)('and %s, an access token that was signed out stays so', async (_how, from, to) => {
    const before = startProcess({}, { sessionIdClaim: from });
    const after = startProcess({}, { sessionIdClaim: to });
    const token = await freshToken();
    await expectIn(after, token);
    await (await before.authenticateToken(token)).signOut();
    for (const sessions of [before, after]) await expectOut(sessions, token);
    kit.clock.advance(904);
    for (const sessions of [before, after]) await expectOut(sessions, token);
  });
});

describe('signOutEverywhere()', () => {
  it('ends its own session over refreshes, though its tokens carry no `auth_time`', async () => {
    const sessions = startProcess();
    await (await sessions.authenticateToken(await freshToken())).signOutEverywhere();
    kit.clock.advance(600);
    await expectOut(sessions, await freshToken());
    // When other sessions started is not known: a refresh is all that tells.
    await expectIn(sessions, await freshToken({ sid: 'session-2' }));
  });
});

describe('A session object that was signed out', () => {
  const proof = { method: 'totp' };

  it.each<readonly [string, (sessions: Sessions, session: Session) => Promise<unknown>]>([
    ...signOuts,
    ['sessions.signOutUser()', (sessions) => sessions.signOutUser({ userId: 'alice' })],
  ])('starts no MFA session after %s', async (_name, signOut) => {
    const sessions = startProcess({ store: memoryStore() });
    const held = await sessions.authenticateToken(await freshToken());
    await held.mfa.start(proof);
    await signOut(sessions, held);
    await sessions.endMfa({ userId: 'alice' });
    await expect(held.mfa.start(proof)).rejects.toMatchObject({ errorType: 'session_revoked' });
    kit.clock.advance(1);
    const again = await freshToken({ sid: 'session-2' });
    expectProblem(await client(sessions, again).transfer(), 'mfa_required');
    await client(sessions, again).verifyMfa();
    expectTransferred(await client(sessions, again).transfer());
  });

  it('answers 401 from a handler that starts one', async () => {
    const sessions = startProcess();
    const token = await freshToken();
    const app = walletApi(sessions, {
      routes: (routes) => {
        routes.post('/late', (req, res, next) => {
          const { session } = req as unknown as { session: Session };
          sessions
            .signOutUser({ userId: 'alice' })
            .then(() => session.mfa.start(proof))
            .then(() => res.json({}), next);
        });
      },
    });
    expectProblem(await new WalletClient(app, token).send('post', '/late'), 'session_revoked');
  });
});
