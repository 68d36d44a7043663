/**
 * `sessions.watch()`: when the signal of a watch aborts, and what watches cost the store. Real time is
 * that of fake timers.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { jest } from '@jest/globals';
import {
  ConfigurationError,
  SessionError,
  type Session,
  type SessionOptions,
  type Sessions,
  type SessionWatch,
  type SessionWatchOptions,
} from 'express-wallet-session';
import { expectLoggedOut, logOut, logoutAudience } from '../support/logout.js';
import { testStore, throwing, wrapStore, type TestStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';

const kit = useTestIssuer({ authentication: 'custom' });
const broken = throwing(new Error('ERR syntax error'));
let store: TestStore;
let sessions: Sessions;

beforeEach(() => {
  store = testStore();
  sessions = kit.sessions({ store });
});

afterEach(() => {
  jest.useRealTimers();
});

/** From here on real time stands still until `pass()`. Signatures and store calls go on. */
function stopTime(): void {
  jest.useFakeTimers({ doNotFake: ['Date', 'nextTick', 'queueMicrotask', 'setImmediate'] });
}

async function pass(seconds: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(seconds * 1000);
}

async function signIn(userId = 'alice', of = sessions): Promise<Session> {
  return of.authenticateToken((await kit.issuer.signIn(userId)).accessToken);
}

function reasonOf({ signal }: SessionWatch): string | undefined {
  if (!signal.aborted) return undefined;
  expect(signal.reason).toBeInstanceOf(SessionError);
  return (signal.reason as SessionError).errorType;
}

/** The errors of all aborts from here on. */
function abortsOf({ signal }: SessionWatch): unknown[] {
  const aborts: unknown[] = [];
  signal.addEventListener('abort', () => aborts.push(signal.reason));
  return aborts;
}

/** Starts a watch whose first read is over. */
async function watchFrom(
  session: Session,
  options?: SessionWatchOptions,
  of = sessions,
): Promise<SessionWatch> {
  const watch = of.watch(session, options);
  await pass(0);
  return watch;
}

describe('A watch ends by the clock', () => {
  it('with token_expired when `exp` and the tolerance are over', async () => {
    const session = await signIn();
    stopTime();
    const watch = await watchFrom(session);
    const aborts = abortsOf(watch);
    kit.clock.advance(904.999);
    await pass(1);
    expect(reasonOf(watch)).toBeUndefined();
    kit.clock.advance(0.001);
    await pass(1);
    expect(reasonOf(watch)).toBe('token_expired');
    await pass(60);
    expect(aborts).toEqual([watch.signal.reason]);
  });

  it('with session_expired at the end of the session', async () => {
    sessions = kit.sessions({ store, maxSessionSeconds: 600 });
    const session = await signIn();
    stopTime();
    const watch = await watchFrom(session);
    kit.clock.advance(599.999);
    await pass(1);
    expect(reasonOf(watch)).toBeUndefined();
    kit.clock.advance(0.001);
    await pass(1);
    expect(reasonOf(watch)).toBe('session_expired');
  });

  it('at once if the session is over already', async () => {
    const session = await signIn();
    kit.clock.advance(905);
    expect(reasonOf(sessions.watch(session))).toBe('token_expired');
  });
});

describe('A sign-out in this process', () => {
  const signOuts: [string, (session: Session, ofUser: Session) => Promise<unknown>][] = [
    ['session.signOut()', (session) => session.signOut()],
    ['signOut() of the same session by a later token', (session) => refreshed(session).signOut()],
    ['signOutEverywhere() of another session', (_session, other) => other.signOutEverywhere()],
    ['sessions.signOutUser()', ({ userId }) => sessions.signOutUser({ userId })],
    ['sessions.signOutSession()', ({ sessionId = '' }) => sessions.signOutSession({ sessionId })],
    ['a logout token with `sid`', ({ sessionId }) => logOutBy({ sid: sessionId })],
    ['a logout token with `sub`', ({ userId }) => logOutBy({ sub: userId })],
  ];
  let later: Session;

  function refreshed({ sessionId }: Session): Session {
    expect(later.sessionId).toBe(sessionId);
    return later;
  }

  async function logOutBy(claims: { sid?: string | undefined; sub?: string }): Promise<void> {
    const token = await kit.issuer.logoutToken(claims);
    expectLoggedOut(await logOut(kit.api(sessions, { logoutAudience }), token));
  }

  it.each(signOuts)('by %s ends the watch when it has resolved', async (_what, signOut) => {
    const first = await kit.issuer.signIn('alice');
    later = await sessions.authenticateToken(
      (await kit.issuer.refresh(first.refreshToken)).accessToken,
    );
    const session = await sessions.authenticateToken(first.accessToken);
    const watch = sessions.watch(session);
    const watchOfBob = sessions.watch(await signIn('bob'));
    await signOut(session, await signIn('alice'));
    expect([reasonOf(watch), reasonOf(watchOfBob)]).toEqual(['session_revoked', undefined]);
    watchOfBob.stop();
  });

  it('by signOut() ends no watch of another session of the user', async () => {
    const other = sessions.watch(await signIn());
    await (await signIn()).signOut();
    expect(reasonOf(other)).toBeUndefined();
    other.stop();
  });

  it('by signOutUser() ends no watch of a session that started later', async () => {
    const token = await kit.issuer.sign({ sub: 'alice', auth_time: kit.clock() / 1000 + 1 });
    const session = await sessions.authenticateToken(token);
    const watch = sessions.watch(session);
    await sessions.signOutUser({ userId: 'alice' });
    expect(reasonOf(watch)).toBeUndefined();
    watch.stop();
  });

  it.each([
    ['sign out', 1, undefined],
    ['end MFA', 2, 'session_revoked'],
  ])('that fails to %s ends nothing by itself', async (_what, failing, byNextRead) => {
    const session = await signIn();
    stopTime();
    const watch = await watchFrom(session);
    let raised = 0;
    store.fault = (verb) => (verb === 'raise' && (raised += 1) === failing ? broken : undefined);
    await expect(sessions.signOutUser({ userId: 'alice' })).rejects.toMatchObject({
      errorType: 'store_unavailable',
    });
    expect(reasonOf(watch)).toBeUndefined();
    await pass(5);
    expect(reasonOf(watch)).toBe(byNextRead);
    watch.stop();
  });

  it('gives a later watch an aborted signal, whatever the store takes to answer', async () => {
    sessions = kit.sessions({ store: wrapStore((work) => Promise.resolve(work())) });
    const session = await signIn();
    const other = await signIn();
    await session.signOut();
    expect(reasonOf(sessions.watch(session))).toBe('session_revoked');
    const watch = sessions.watch(other);
    expect(reasonOf(watch)).toBeUndefined();
    watch.stop();
  });
});

describe('A sign-out elsewhere', () => {
  it.each([1, 5, 300])('ends a watch within `everySeconds: %i`', async (everySeconds) => {
    const session = await signIn();
    const elsewhere = await signIn('alice', kit.sessions({ store }));
    stopTime();
    const watch = await watchFrom(session, { everySeconds });
    await pass(everySeconds * 3.3);
    expect(reasonOf(watch)).toBeUndefined();
    await elsewhere.signOutEverywhere();
    expect(reasonOf(watch)).toBeUndefined();
    await pass(everySeconds);
    expect(reasonOf(watch)).toBe('session_revoked');
  });

  it('before the watch ends it with the first read', async () => {
    const session = await signIn();
    await (await signIn('alice', kit.sessions({ store }))).signOutEverywhere();
    stopTime();
    const watch = sessions.watch(session, { everySeconds: 300 });
    await pass(0);
    expect(reasonOf(watch)).toBe('session_revoked');
  });
});

describe('A store that fails', () => {
  async function failing(options: SessionOptions, everySeconds?: number): Promise<SessionWatch> {
    sessions = kit.sessions({ store, ...options });
    const session = await signIn();
    stopTime();
    const watch = await watchFrom(session, { everySeconds });
    store.fault = () => broken;
    return watch;
  }

  it('ends a watch 30 s after its last answer', async () => {
    const watch = await failing({}, 1);
    await pass(28.5);
    expect(reasonOf(watch)).toBeUndefined();
    await pass(2);
    expect(reasonOf(watch)).toBe('store_unavailable');
    expect((watch.signal.reason as SessionError).toProblem()).toMatchObject({ status: 503 });
  });

  it('that answers once within 30 s ends no watch', async () => {
    const watch = await failing({}, 1);
    for (let n = 0; n < 3; n += 1) {
      await pass(25);
      store.fault = () => undefined;
      await pass(1);
      store.fault = () => broken;
    }
    expect(reasonOf(watch)).toBeUndefined();
    watch.stop();
  });

  it('ends no watch under `revocation: when-available`, and a sign-out is found after it', async () => {
    const watch = await failing({ revocation: 'when-available' }, 300);
    await pass(900);
    expect(reasonOf(watch)).toBeUndefined();
    store.fault = () => undefined;
    await (await signIn('alice', kit.sessions({ store }))).signOutEverywhere();
    await pass(5);
    expect(reasonOf(watch)).toBe('session_revoked');
  });

  it('is asked every 5 s, whatever `everySeconds` says', async () => {
    const session = await signIn();
    store.fault = () => broken;
    stopTime();
    const before = store.calls.length;
    const watch = await watchFrom(session, { everySeconds: 300 });
    for (let n = 1; n <= 6; n += 1) {
      expect(store.calls.length - before).toBeGreaterThanOrEqual(n);
      expect(reasonOf(watch)).toBeUndefined();
      await pass(n < 6 ? 5 : 5.25);
    }
    expect(reasonOf(watch)).toBe('store_unavailable');
  });

  it('for one read only ends no watch that is read seldom', async () => {
    const watch = await failing({}, 300);
    const before = store.calls.length;
    while (store.calls.length === before) await pass(0.25);
    store.fault = () => undefined;
    await pass(300);
    expect(reasonOf(watch)).toBeUndefined();
    watch.stop();
  });

  it('for the records of one user ends no watch of another', async () => {
    const users = ['alice', 'bob', 'carol'];
    const all = await Promise.all(users.map((user) => signIn(user)));
    stopTime();
    const watches = all.map((session) => sessions.watch(session, { everySeconds: 1 }));
    await pass(0);
    let badKey = '';
    const watching = wrapStore((work, verb, [key]) => {
      if (verb === 'raise') badKey ||= String(key);
      return work();
    });
    await kit.sessions({ store: watching }).signOutUser({ userId: 'bob' });
    store.fault = () => (keys) => {
      if (keys.includes(badKey)) throw new Error('MOVED');
      return keys.map(() => undefined);
    };
    await pass(32);
    expect(watches.map(reasonOf)).toEqual([undefined, 'store_unavailable', undefined]);
    for (const watch of watches) watch.stop();
  });

  it('or holds an unreadable record ends a watch after 30 s', async () => {
    const watch = await failing({}, 5);
    store.fault = () => (keys) => keys.map(() => 'nonsense');
    await pass(29);
    expect(reasonOf(watch)).toBeUndefined();
    await pass(2);
    expect(reasonOf(watch)).toBe('store_unavailable');
  });
});

describe('A watch that is stopped', () => {
  it.each([
    ['stop()', 'stop'],
    ['Symbol.dispose', Symbol.dispose],
  ] as const)('by %s never aborts, and leaves no timer', async (_what, method) => {
    const session = await signIn();
    stopTime();
    const watch = await watchFrom(session);
    const aborts = abortsOf(watch);
    expect(jest.getTimerCount()).toBe(1);
    watch[method]();
    watch[method]();
    expect(jest.getTimerCount()).toBe(0);
    await session.signOut();
    kit.clock.advance(1_000_000);
    await pass(60);
    expect([aborts, watch.signal.aborted]).toEqual([[], false]);
  });

  it('while it is read does not abort by that answer', async () => {
    const session = await signIn();
    await (await signIn('alice', kit.sessions({ store }))).signOutEverywhere();
    stopTime();
    const watch = sessions.watch(session);
    watch.stop();
    await pass(60);
    expect(watch.signal.aborted).toBe(false);
  });
});

describe('Many watches', () => {
  it('take one timer and few reads, at most 64 at once and spread over the period', async () => {
    let inFlight = 0;
    let most = 0;
    const readAt: number[] = [];
    const slow = wrapStore(async (work, verb) => {
      if (verb === 'read') {
        readAt.push(performance.now());
        most = Math.max(most, (inFlight += 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
        inFlight -= 1;
      }
      return work();
    }, store);
    sessions = kit.sessions({ store: slow, revocation: 'when-available' });
    const all: Session[] = [];
    for (let n = 0; n < 40; n += 1) all.push(await signIn(`user-${n}`));
    stopTime();
    const timers = jest.spyOn(globalThis, 'setInterval');
    const watches = Array.from({ length: 250 }, () => all).flatMap((some) =>
      some.map((session) => sessions.watch(session)),
    );
    await pass(1);
    expect(most).toBe(64);
    await pass(5);
    expect(timers).toHaveBeenCalledTimes(1);
    const from = performance.now();
    readAt.length = 0;
    await pass(5);
    // 10,000 watches, 50 to a read; the period is 4.75 s.
    expect(readAt.length).toBeGreaterThanOrEqual(200);
    expect(readAt.length).toBeLessThan(320);
    for (let second = 0; second < 5; second += 1) {
      const inSecond = readAt.filter((at) => Math.floor((at - from) / 1000) === second);
      expect(inSecond.length).toBeGreaterThan(30);
      expect(inSecond.length).toBeLessThan(80);
    }
    await (await signIn('user-7', kit.sessions({ store }))).signOutEverywhere();
    await pass(5);
    const ended = watches.map(reasonOf).filter((reason) => reason === 'session_revoked');
    expect(ended).toHaveLength(250);
    for (const watch of watches) watch.stop();
    await pass(2);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('end outside of the async context of the first one', async () => {
    const context = new AsyncLocalStorage<string>();
    const [first, second] = [await signIn(), await signIn()];
    stopTime();
    const watchOfFirst = context.run('first', () => sessions.watch(first));
    const watch = sessions.watch(second);
    const contexts: unknown[] = [];
    watch.signal.addEventListener('abort', () => contexts.push(context.getStore()));
    kit.clock.advance(10_000);
    await pass(1);
    expect([contexts, reasonOf(watchOfFirst)]).toEqual([[undefined], 'token_expired']);
  });
});

describe('watch() refuses', () => {
  it.each<[string, (own: Session, foreign: Session) => unknown]>([
    ['a session of other Sessions', (_own, foreign) => foreign],
    ['a copy of a session', (own) => ({ ...own })],
    ['an object that inherits from a session', (own) => Object.create(own) as unknown],
    ['undefined', () => undefined],
    ['null', () => null],
    ['a token', () => 'token'],
  ])('%s', async (_what, given) => {
    const foreign = await signIn('alice', kit.sessions({ store }));
    const session = given(await signIn(), foreign) as Session;
    expect(() => sessions.watch(session)).toThrow(
      new TypeError(
        'sessions.watch(session): `session` must be one that these sessions have authenticated.',
      ),
    );
  });

  it.each([0, 0.5, 301, NaN, Infinity, '5', null])('`everySeconds: %p`', async (everySeconds) => {
    const session = await signIn();
    const options = { everySeconds } as SessionWatchOptions;
    expect(() => sessions.watch(session, options)).toThrow(ConfigurationError);
    expect(() => sessions.watch(session, options)).toThrow(
      /sessions\.watch\(\): `everySeconds` must be a finite number between 1 and 300, not /,
    );
  });

  it('an option that there is not', async () => {
    const session = await signIn();
    const options = { every: 5 } as SessionWatchOptions;
    expect(() => sessions.watch(session, options)).toThrow(
      'there is no option `every`. Did you mean `everySeconds`?',
    );
  });
});

describe('A process', () => {
  it('ends although it has a watch', async () => {
    const program = `
      import { createSessions } from './lib/index.js';
      import { createTestIssuer } from './lib/testing/index.js';
      const issuer = await createTestIssuer();
      const sessions = createSessions({ authentication: issuer.authentication });
      const { accessToken } = await issuer.signIn('alice');
      globalThis.watch = sessions.watch(await sessions.authenticateToken(accessToken));
    `;
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
