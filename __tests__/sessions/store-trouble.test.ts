/**
 * Stores that fail, hang, return nonsense or are full: an unknown state fails closed.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  memoryStore,
  type SessionOptions,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import { expectProblem } from '../support/expect-problem.js';
import {
  testStore,
  throwing,
  wrapStore,
  type StoreVerb,
  type TestStore,
} from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expectTransferred, previously, WalletClient } from '../support/wallet-client.js';

/** A fault in the first `count` calls. */
function times(count: number, trouble: () => unknown): TestStore['fault'] {
  let left = count;
  return () => ((left -= 1) >= 0 ? trouble : undefined);
}

/** A fault in the second call of this verb. */
function second(
  verb: StoreVerb,
  trouble: (keys: readonly string[]) => unknown,
): TestStore['fault'] {
  let asked = 0;
  return (one) => (one === verb && (asked += 1) === 2 ? trouble : undefined);
}

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const syntax = new Error('ERR syntax error');
const hanging = (): Promise<never> => new Promise(() => undefined);

const kit = useTestIssuer({ authentication: 'custom' });
let store: TestStore;
let token: string;

beforeEach(async () => {
  store = testStore();
  token = await kit.issuer.sign({ sub: 'alice', sid: 'session-1' });
});

function client(options: SessionOptions = {}): WalletClient {
  return new WalletClient(kit.api({ store, ...options }), token);
}

describe('A store', () => {
  it.each([
    ['throws', throwing(syntax)],
    ['throws what is no error', throwing('down')],
    ['rejects', () => Promise.reject(syntax)],
    ['lost its connection', throwing(refused)],
    ['answers nothing', () => undefined],
    ['answers null', () => null],
    ['answers too few', () => []],
    ['answers too many', () => Array.from({ length: 99 })],
    ['answers null for nothing', () => [null, null]],
    ['answers something else later', () => Promise.resolve([{}, 5])],
    ['answers what is no list', () => ({ length: 2 })],
    ['answers a text', () => 'ok'],
  ])('that %s is store_unavailable, for every route', async (_what, trouble) => {
    const alice = client();
    expect((await alice.me()).status).toBe(200);
    store.fault = () => trouble;
    expectProblem(await alice.me(), 'store_unavailable');
    expectProblem(await alice.transfer(), 'store_unavailable');
  });

  it.each(['nonsense', '{}', '{"v":1}', '[]', '""', '5', '0001796114844', '9'.repeat(17)])(
    'that answers a sign-out read with %j is store_unavailable',
    async (text) => {
      const alice = client();
      expect((await alice.me()).status).toBe(200);
      // Those of the user, the token and the session; a sign-out of the user names a second.
      for (const place of text.length === 13 ? [1, 2] : [0, 1, 2]) {
        store.fault = () => (keys) => keys.map((_, index) => (index === place ? text : undefined));
        expectProblem(await alice.me(), 'store_unavailable');
      }
    },
  );

  it('that answers null for MFA sessions alone is store_unavailable', async () => {
    const alice = client();
    expect((await alice.me()).status).toBe(200);
    store.fault = second('read', (keys) => keys.map(() => null));
    expectProblem(await alice.transfer(), 'store_unavailable');
  });

  it('that hangs is given up after 1 s, and not called for another second', async () => {
    const alice = client();
    expect((await alice.me()).status).toBe(200);
    store.fault = () => hanging;
    const started = performance.now();
    expectProblem(await alice.me(), 'store_unavailable');
    const waited = performance.now() - started;
    expect(waited).toBeGreaterThan(950);
    expect(waited).toBeLessThan(2000);
    const asked = store.calls.length;
    store.fault = () => undefined;
    const pausedAt = performance.now();
    // On a busy machine fewer than five fit into that second.
    for (let n = 0; n < 5 && performance.now() - pausedAt < 500; n += 1) {
      expectProblem(await alice.me(), 'store_unavailable');
    }
    expect(store.calls).toHaveLength(asked);
    await sleep(1100);
    expect((await alice.me()).status).toBe(200);
  }, 10_000);

  it('that hangs during a sign-out rejects it within 2 s', async () => {
    const sessions = kit.sessions({ store });
    const session = await sessions.authenticateToken(token);
    store.fault = (verb) => (verb === 'raise' ? hanging : undefined);
    const started = performance.now();
    await expect(session.signOut()).rejects.toMatchObject({ errorType: 'store_unavailable' });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('that lost its connection is not called again for 1 s', async () => {
    const alice = client();
    store.fault = () => throwing(refused);
    expectProblem(await alice.me(), 'store_unavailable');
    store.fault = () => undefined;
    const asked = store.calls.length;
    expectProblem(await alice.me(), 'store_unavailable');
    expect(store.calls).toHaveLength(asked);
    await sleep(1100);
    expect((await alice.me()).status).toBe(200);
  });

  it('that refuses one command is called again at once', async () => {
    const alice = client();
    store.fault = () => throwing(syntax);
    expectProblem(await alice.me(), 'store_unavailable');
    store.fault = () => undefined;
    expect((await alice.me()).status).toBe(200);
  });

  it('that lost its data makes MFA required again', async () => {
    const alice = client();
    await alice.verifyMfa();
    expectTransferred(await alice.transfer());
    store.fault = () => (keys) => keys.map(() => undefined);
    expectProblem(await alice.transfer(), 'mfa_required');
  });
});

describe('In a handler, while the store is down,', () => {
  it.each([
    ['mfa.start()', (alice: WalletClient) => alice.verifyMfa()],
    ['mfa.current()', (alice: WalletClient) => alice.currentMfa()],
    ['mfa.end()', (alice: WalletClient) => alice.endMfa()],
    ['mfa.endEverywhere()', (alice: WalletClient) => alice.endMfaEverywhere()],
    ['signOut()', (alice: WalletClient) => alice.signOut()],
    ['signOutEverywhere()', (alice: WalletClient) => alice.signOutEverywhere()],
  ])('%s is store_unavailable', async (_what, act) => {
    const alice = client();
    // The read of validateSession() still succeeds.
    let reads = 0;
    store.fault = (verb) => (verb === 'read' && (reads += 1) === 1 ? undefined : throwing(syntax));
    expectProblem(await act(alice), 'store_unavailable');
  });
});

describe('A store that is full', () => {
  function fullOf(keep: boolean): SessionStore {
    const full = memoryStore({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) void full.write(key, key, 3600, { keep });
    return full;
  }

  it('refuses sign-outs and MFA sessions, and serves other requests', async () => {
    const alice = client({ store: fullOf(true) });
    for (const answer of [alice.signOut(), alice.signOutEverywhere(), alice.verifyMfa()]) {
      expectProblem(await answer, 'store_unavailable');
    }
    expect((await alice.me()).status).toBe(200);
    expectProblem(await alice.transfer(), 'mfa_required');
  });

  it('of droppable entries has room for a sign-out', async () => {
    const alice = client({ store: fullOf(false) });
    expect((await alice.signOut()).status).toBe(200);
    expectProblem(await alice.me(), 'session_revoked');
  });

  it('drops MFA sessions and never sign-outs', async () => {
    const small = memoryStore({ maxEntries: 3 });
    const app = kit.api({ store: small });
    const clientOf = async (sub: string): Promise<WalletClient> =>
      new WalletClient(app, await kit.issuer.sign({ sub, sid: sub }));
    const [alice, bob, carol] = [
      await clientOf('alice'),
      await clientOf('bob'),
      await clientOf('c'),
    ];
    await alice.signOut();
    await bob.verifyMfa();
    expectTransferred(await bob.transfer());
    await carol.verifyMfa();
    for (let n = 0; n < 3; n += 1) await (await clientOf(`user-${n}`)).verifyMfa();
    expectProblem(await alice.me(), 'session_revoked');
    expectProblem(await bob.transfer(), 'mfa_required');
  });
});

describe("`revocation: 'when-available'`", () => {
  const whenAvailable = { revocation: 'when-available' } as const;

  it.each([
    ['fails', throwing(syntax)],
    ['rejects', () => Promise.reject(syntax)],
    ['lost its connection', throwing(refused)],
    ['talks nonsense', () => ['nonsense', 'nonsense']],
  ])('admits requests while the store %s, except to protected operations', async (_w, trouble) => {
    const alice = client(whenAvailable);
    await alice.verifyMfa();
    expectTransferred(await alice.transfer());
    store.fault = () => trouble;
    expect((await alice.me()).status).toBe(200);
    const refusal = await alice.transfer();
    expectProblem(refusal, 'store_unavailable');
  });

  it('admits requests within 2 s while the store hangs', async () => {
    const alice = client(whenAvailable);
    await alice.me();
    store.fault = () => hanging;
    const started = performance.now();
    expect((await alice.me()).status).toBe(200);
    expect(performance.now() - started).toBeLessThan(2000);
    expectProblem(await alice.transfer(), 'store_unavailable');
  });

  it('refuses a signed-out session while the store answers', async () => {
    const alice = client(whenAvailable);
    await alice.signOut();
    expectProblem(await alice.me(), 'session_revoked');
  });

  it('refuses protected operations to a signed-out session if the store fails once', async () => {
    const alice = client(whenAvailable);
    await alice.verifyMfa();
    await alice.signOut();
    store.fault = times(1, throwing(syntax));
    expectProblem(await alice.transfer(), 'session_revoked');
  });

  it('ignores evidence and enrolment while sign-outs are unknown', async () => {
    const mfa = {
      evidence: () => ({ method: 'otp', verifiedAt: new Date(kit.clock()) }),
      isEnrolled: () => false,
    };
    const options = { store, mfa, ...whenAvailable };
    const app = kit.api(options, { transfers: { whenNotEnrolled: 'allow' } });
    const alice = new WalletClient(app, token);
    expectTransferred(await alice.transfer());
    store.fault = () => throwing(syntax);
    expect((await alice.me()).status).toBe(200);
    expectProblem(await alice.transfer(), 'store_unavailable');
  });

  it('admits a request with a previous token', async () => {
    const cdp = await createTestIssuer({ clock: kit.clock });
    const app = kit.api({ authentication: cdp.authentication, store, ...whenAvailable });
    const first = await cdp.signIn('alice');
    await new WalletClient(app, first.accessToken).verifyMfa();
    const { accessToken } = await cdp.refresh(first.refreshToken);
    const next = new WalletClient(app, accessToken, previously(first.accessToken));
    store.fault = () => throwing(syntax);
    expect((await next.me()).status).toBe(200);
    expectProblem(await next.transfer(), 'store_unavailable');
    store.fault = () => undefined;
    expectTransferred(await next.transfer());
  });
});

describe("A signed-out previous token under `revocation: 'when-available'`", () => {
  const whenAvailable = { revocation: 'when-available' } as const;

  /** Tokens of a client whose MFA session of the first one is written again after its sign-out. */
  async function signOutFirst(trouble: SessionStore): Promise<[Sessions, string, string]> {
    let writeAgain: () => unknown = () => undefined;
    const late = wrapStore((work, verb) => {
      if (verb === 'write') writeAgain = work;
      return work();
    }, trouble);
    const cdp = await createTestIssuer({ clock: kit.clock });
    const { authentication } = cdp;
    const sessions = kit.sessions({ authentication, store: late, ...whenAvailable });
    const first = await cdp.signIn('alice');
    const session = await sessions.authenticateToken(first.accessToken);
    await session.mfa.start({ method: 'totp' });
    await session.signOut();
    writeAgain();
    return [sessions, first.accessToken, (await cdp.refresh(first.refreshToken)).accessToken];
  }

  it.each([1, 2, 3, 4])('carries no MFA over if read %i of a request fails', async (nth) => {
    const [sessions, first, second] = await signOutFirst(store);
    const next = new WalletClient(kit.api(sessions), second, previously(first));
    let reads = 0;
    store.fault = (verb) =>
      verb === 'read' && (reads += 1) === nth ? throwing(syntax) : undefined;
    expect([403, 503]).toContain((await next.transfer()).status);
    store.fault = () => undefined;
    expectProblem(await next.transfer(), 'mfa_required');
  });

  it('carries no MFA over if the record of it is of a newer version', async () => {
    const sound = memoryStore();
    const newer = wrapStore((work, verb, [key, value, ttlSeconds]) => {
      return verb === 'raise'
        ? sound.write(String(key), `v9 ${String(value)}`, Number(ttlSeconds))
        : work();
    }, sound);
    const [sessions, first, second] = await signOutFirst(newer);
    const next = new WalletClient(kit.api(sessions), second, previously(first));
    for (let time = 0; time < 2; time += 1) {
      expectProblem(await next.transfer(), 'mfa_required');
    }
  });
});

describe('A previous token while the store is down', () => {
  it('does not lose its MFA session', async () => {
    const cdp = await createTestIssuer({ clock: kit.clock });
    const app = kit.api({ authentication: cdp.authentication, store });
    const first = await cdp.signIn('alice');
    await new WalletClient(app, first.accessToken).verifyMfa();
    const { accessToken } = await cdp.refresh(first.refreshToken);
    const next = new WalletClient(app, accessToken, previously(first.accessToken));
    for (const fault of [
      (verb: StoreVerb) => (verb === 'move' ? throwing(syntax) : undefined),
      second('read', throwing(syntax)),
    ]) {
      store.fault = fault;
      expectProblem(await next.transfer(), 'store_unavailable');
    }
    store.fault = () => undefined;
    expectTransferred(await next.transfer());
  });
});
