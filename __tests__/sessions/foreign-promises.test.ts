/**
 * Promises of other classes: apps replace the global `Promise` (zone.js and bluebird do), and
 * stores return promises of their own. A promise that is not recognized would let requests pass.
 */
import type { Express } from 'express';
import {
  amrEvidence,
  memoryStore,
  type SessionOptions,
  type SessionStore,
} from 'express-wallet-session';
import { expectProblem } from '../support/expect-problem.js';
import { wrapStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

const original = globalThis.Promise;
const kit = useTestIssuer({ authentication: 'custom' });

afterEach(() => {
  globalThis.Promise = original;
});

/** Promises of async functions are no instances of the new class. */
function replacePromise(): void {
  globalThis.Promise = class ForeignPromise<T> extends original<T> {};
}

/** A store that returns plain thenables. */
function thenableStore(): SessionStore {
  return wrapStore((work) => ({
    then: (...handlers: Parameters<Promise<unknown>['then']>) =>
      original.resolve(work()).then(...handlers),
  }));
}

describe.each<[string, () => SessionStore, () => void]>([
  ['With another Promise class and a synchronous store', memoryStore, replacePromise],
  ['With another Promise class and a store of thenables', thenableStore, replacePromise],
  ['With a store of thenables', thenableStore, () => undefined],
])('%s', (_where, createStore, prepare) => {
  const api = (mfa: SessionOptions['mfa'] = {}): Express => kit.api({ store: createStore(), mfa });

  it('a new token is verified and a bad one is refused', async () => {
    const app = api();
    const { accessToken } = await kit.issuer.signIn('alice');
    prepare();
    const first = await new WalletClient(app, accessToken).me();
    expect([first.status, (first.body as { userId: string }).userId]).toEqual([200, 'alice']);
    expectProblem(await new WalletClient(app, 'a.b.c').me(), 'token_invalid');
    expectProblem(
      await new WalletClient(app, `${accessToken.slice(0, -4)}AAAA`).me(),
      'token_invalid',
    );
  });

  it.each<[string, SessionOptions['mfa'], 'mfa_required' | 'mfa_not_enrolled']>([
    ['nothing else to ask', {}, 'mfa_required'],
    ['evidence that there is none of', { evidence: amrEvidence() }, 'mfa_required'],
    ['a user who is not enrolled', { isEnrolled: () => false }, 'mfa_not_enrolled'],
  ])('a protected operation is refused without MFA, with %s', async (_with, mfa, errorType) => {
    const client = new WalletClient(api(mfa), (await kit.issuer.signIn('alice')).accessToken);
    prepare();
    expectProblem(await client.transfer(), errorType);
    expect((await client.verifyMfa()).status).toBe(200);
    expectTransferred(await client.transfer());
    expect((await client.endMfa()).status).toBe(200);
    expectProblem(await client.transfer(), errorType);
  });

  it.each(['signOut', 'signOutEverywhere'] as const)(
    'a cached token is refused after %s()',
    async (signOut) => {
      const client = new WalletClient(api(), (await kit.issuer.signIn('alice')).accessToken);
      prepare();
      expect((await client.me()).status).toBe(200);
      expect((await client[signOut]()).status).toBe(200);
      expectProblem(await client.me(), 'session_revoked');
      expectProblem(await client.transfer(), 'session_revoked');
    },
  );
});

describe('With a store that changes the array of its keys', () => {
  it('sign-outs and ended MFA sessions are still found', async () => {
    const sound = memoryStore();
    const name = (key: string): string => `app:${key}`;
    const store: SessionStore = {
      read(keys) {
        const own = keys as string[];
        own.forEach((key, index) => (own[index] = name(key)));
        return sound.read(own);
      },
      write: (key, ...rest) => sound.write(name(key), ...rest),
      add: (key, ttlSeconds) => sound.add(name(key), ttlSeconds),
      raise: (key, ...rest) => sound.raise(name(key), ...rest),
      remove: (key) => sound.remove(name(key)),
      move: (from, to) => sound.move(name(from), name(to)),
    };
    const app = kit.api({ store });
    const client = new WalletClient(app, (await kit.issuer.signIn('alice')).accessToken);
    for (let round = 0; round < 3; round += 1) {
      expectProblem(await client.transfer(), 'mfa_required');
      await client.verifyMfa();
      expectTransferred(await client.transfer());
      await client.endMfaEverywhere();
    }
    await client.signOut();
    expectProblem(await client.me(), 'session_revoked');
    expectProblem(await client.me(), 'session_revoked');
  });
});
