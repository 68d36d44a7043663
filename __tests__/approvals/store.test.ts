/**
 * Approvals and the store: how often it is asked, that it fails closed, and how much it holds.
 * Rules 28 and 29.
 */
import { memoryStore, type SessionOptions, type SessionStore } from 'express-wallet-session';
import { eventually } from '../support/eventually.js';
import { expectProblem } from '../support/expect-problem.js';
import { wrapStore, type StoreVerb } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import {
  expectApproved,
  expectChallenge,
  expectNewChallenge,
  expectPaid,
  PaymentClient,
} from '../support/payment-client.js';
import { DESCRIPTION, PAYMENT, payments } from '../support/payments.js';

type Work = () => unknown;

/** Fails one call of the store, counted from 0. */
interface Trouble {
  readonly call: number;
  readonly how: (work: Work) => unknown;
}

const unanswered = new Error('no answer');

const TROUBLES: Readonly<Record<string, Trouble['how']>> = {
  'is not done': () => Promise.reject(unanswered),
  'is done, but the answer is lost': async (work) => {
    await work();
    throw unanswered;
  },
  'is done after the error': (work) => {
    setTimeout(work, 1);
    return Promise.reject(unanswered);
  },
};

describe('Approvals in an asynchronous store', () => {
  const kit = useTestIssuer({ authentication: 'custom' });
  let calls: StoreVerb[];
  let trouble: Trouble | undefined;

  /** Each call is a promise, and is recorded. */
  function asyncStore(): SessionStore {
    calls = [];
    trouble = undefined;
    return wrapStore((work, verb) => {
      calls.push(verb);
      const how = trouble?.call === calls.length - 1 ? trouble.how : undefined;
      return Promise.resolve(how === undefined ? work() : how(work));
    });
  }

  async function signIn(
    more: SessionOptions = {},
  ): Promise<{ alice: PaymentClient; handled: ReturnType<typeof payments>['handled'] }> {
    const api = payments();
    const { accessToken } = await kit.issuer.signIn('alice');
    const app = kit.api({ store: asyncStore(), ...more }, api);
    return { alice: new PaymentClient(app, accessToken), handled: api.handled };
  }

  async function callsOf<T>(work: PromiseLike<T>): Promise<readonly [T, StoreVerb[]]> {
    calls.length = 0;
    const result = await work;
    return [result, [...calls]];
  }

  it('take two trips for a refusal, one for a poll, and two for a retry', async () => {
    // What was read counts for 250 ms, which a busy machine may take for a body.
    await eventually(
      async () => {
        const { alice } = await signIn();
        const [refusal, ofRefusal] = await callsOf(alice.pay());
        const { challengeId: id } = expectChallenge(refusal);
        const [poll, ofPoll] = await callsOf(alice.pay(id));
        expectChallenge(poll, { id });
        const [approval, ofApproval] = await callsOf(alice.approve(id));
        expectApproved(approval, id);
        const [retry, ofRetry] = await callsOf(alice.pay(id));
        expectPaid(retry);
        const [again, ofAgain] = await callsOf(alice.pay(id));
        expectNewChallenge(again, [id]);
        expect({ ofRefusal, ofPoll, ofApproval, ofRetry, ofAgain }).toEqual({
          ofRefusal: ['read', 'write'],
          ofPoll: ['read'],
          ofApproval: ['read', 'read', 'move', 'read', 'read', 'write'],
          ofRetry: ['read', 'move'],
          ofAgain: ['read', 'write'],
        });
      },
      { withinMs: 20_000 },
    );
  });

  const flows: readonly [string, number, (alice: PaymentClient, id: string) => unknown][] = [
    ['a refusal', 2, (alice) => alice.pay()],
    ['a poll', 1, (alice, id) => alice.pay(id)],
    ['GET of a challenge', 2, (alice, id) => alice.challenge(id)],
    ['approve()', 6, (alice, id) => alice.approve(id)],
    ['deny()', 4, (alice, id) => alice.deny(id)],
  ];

  describe.each(Object.entries(TROUBLES))('of which one call %s', (_how, how) => {
    const revocations = ['required', 'when-available'] as const;

    it.each(flows)(
      'answer %s with store_unavailable, at each of its %i calls',
      async (_name, count, run) => {
        for (const revocation of revocations) {
          for (let call = 0; call < count; call += 1) {
            const { alice, handled } = await signIn({ revocation });
            const id = await alice.ask();
            calls.length = 0;
            trouble = { call, how };
            const answer = (await run(alice, id)) as Parameters<typeof expectProblem>[0];
            trouble = undefined;
            // What validateSession() may go without is asked again by the approval.
            if (answer.status === 503) expectProblem(answer, 'store_unavailable');
            else expect([revocation, call]).toEqual(['when-available', 0]);
            expect(handled).toEqual([]);
          }
        }
      },
    );

    it.each([0, 1])('never admit a retry twice, if it is call %i of the retry', async (call) => {
      for (const revocation of revocations) {
        const { alice, handled } = await signIn({ revocation });
        const id = await alice.askAndApprove();
        calls.length = 0;
        trouble = { call, how };
        const answer = await alice.pay(id);
        trouble = undefined;
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (call === 1) expectProblem(answer, 'store_unavailable');
        const admitted = handled.length;
        expect(answer.status).toBe(admitted === 0 ? 503 : 201);
        await alice.pay(id);
        await alice.pay(id);
        expect(handled.length).toBeLessThanOrEqual(1);
      }
    });

    it('admit nothing that approve() said no to, or once', async () => {
      for (let call = 0; call < 6; call += 1) {
        const { alice, handled } = await signIn();
        const id = await alice.ask();
        calls.length = 0;
        trouble = { call, how };
        expectProblem(await alice.approve(id), 'store_unavailable');
        trouble = undefined;
        await new Promise((resolve) => setTimeout(resolve, 5));
        for (let time = 0; time < 3; time += 1) await alice.pay(id);
        // Only an approval that was stored, though its answer was lost, may admit the request.
        expect(handled.length).toBeLessThanOrEqual(call === 5 ? 1 : 0);
      }
    });
  });

  /** A store of its own, of which one call is done only after its time limit. */
  function storeWithSlowCall(): { store: SessionStore; slow: (call: number) => void } {
    let left = Infinity;
    const store = wrapStore(async (work) => {
      const isSlow = left === 0;
      left -= 1;
      if (isSlow) await new Promise((resolve) => setTimeout(resolve, 1_500));
      return work();
    });
    const slow = (call: number): void => {
      left = call;
    };
    return { store, slow };
  }

  it.each([...flows, ['a retry', 2, (alice: PaymentClient, id: string) => alice.pay(id)] as const])(
    'answer %s with store_unavailable, if one of its %i calls is slow',
    async (name, count, run) => {
      const calls = Array.from({ length: count }, (_, call) => call);
      await Promise.all(
        calls.map(async (call) => {
          const { store, slow } = storeWithSlowCall();
          const api = payments();
          const { accessToken } = await kit.issuer.signIn('alice');
          const alice = new PaymentClient(kit.api({ store }, api), accessToken);
          const id = await (name === 'a retry' ? alice.askAndApprove() : alice.ask());
          slow(call);
          expectProblem(
            (await run(alice, id)) as Parameters<typeof expectProblem>[0],
            'store_unavailable',
          );
          expect(api.handled).toEqual([]);
          await eventually(async () => {
            // By then the slow call is done, and the circuit closed again.
            expect([201, 403]).toContain((await alice.pay(id)).status);
          });
          await alice.pay(id);
          expect(api.handled.length).toBeLessThanOrEqual(1);
        }),
      );
    },
    20_000,
  );

  it('are read again for a body that took longer than 250 ms', async () => {
    const { alice } = await signIn();
    const id = await alice.askAndApprove();
    calls.length = 0;
    const body = JSON.stringify(PAYMENT);
    const slow = alice
      .send('post', '/payments', id)
      .set({ 'content-type': 'application/json', 'content-length': String(body.length) });
    slow.write(body.slice(0, 5));
    await new Promise((resolve) => setTimeout(resolve, 400));
    slow.write(body.slice(5));
    expectPaid(await slow);
    expect(calls).toEqual(['read', 'read', 'move']);
  });

  it('go by an end that another process recorded after the first read', async () => {
    const store = memoryStore();
    const other = kit.sessions({ store });
    const { accessToken } = await kit.issuer.signIn('alice');
    const api = payments({
      ahead: [
        (_req, _res, next) => {
          // As if the body had been slow.
          setTimeout(
            () =>
              void other.endMfa({ userId: 'alice' }).then(() => {
                next();
              }),
            300,
          );
        },
      ],
    });
    const app = kit.api({ store: wrapStore(async (work) => Promise.resolve(work()), store) }, api);
    const alice = new PaymentClient(app, accessToken);
    const id = expectChallenge(await alice.pay()).challengeId;
    await (await other.authenticateToken(accessToken)).mfa.approve(id, () => ({ method: 'totp' }));
    expectNewChallenge(await alice.pay(id), [id]);
    expect(api.handled).toEqual([]);
  });
});

describe('The challenges of one user', () => {
  const kit = useTestIssuer({ authentication: 'custom' });
  const operation = { operation: PAYMENT, description: DESCRIPTION };

  it('are at most 256 in the store after 3,000 refusals, beside those of others', async () => {
    const open = new Map<string, Set<string>>();
    const store = wrapStore((work, verb, [key]) => {
      if (verb === 'write') {
        const [room = '', slot = ''] = String(key).split(/:(?=open)/);
        open.set(room, (open.get(room) ?? new Set()).add(slot));
      }
      return work();
    });
    const sessions = kit.sessions({ store });
    const [alice, bob] = await Promise.all(
      ['alice', 'bob'].map(async (user) => {
        const { accessToken } = await kit.issuer.signIn(user);
        return sessions.authenticateToken(accessToken);
      }),
    );
    if (alice === undefined || bob === undefined) throw new Error('no sessions');
    const idOf = (error: unknown): string =>
      (error as { headers: Record<string, string> }).headers['X-Mfa-Challenge-Id'] ?? '';
    const ask = (session: typeof alice) => session.mfa.requireApproval(operation).catch(idOf);

    const ofBob = (await ask(bob)) as string;
    for (let time = 0; time < 3_000; time += 1) await ask(alice);
    expect([...open.values()].map(({ size }) => size).sort((a, b) => a - b)).toEqual([1, 256]);
    expect(await bob.mfa.challenge(ofBob)).toBeDefined();
  });

  it('can all be approved if they are 200 in a row, with requests of others in between', async () => {
    for (const step of [0, 1, 2]) {
      const sessions = kit.sessions();
      const [alice, bob] = await Promise.all(
        ['alice', 'bob'].map(async (user) => {
          const { accessToken } = await kit.issuer.signIn(user);
          return sessions.authenticateToken(accessToken);
        }),
      );
      if (alice === undefined || bob === undefined) throw new Error('no sessions');
      const ids: string[] = [];
      for (let count = 0; count < 200; count += 1) {
        const error: unknown = await alice.mfa.requireApproval(operation).catch((e: unknown) => e);
        ids.push(
          (error as { headers: Record<string, string> }).headers['X-Mfa-Challenge-Id'] ?? '',
        );
        for (let other = 0; other < step; other += 1) {
          await bob.mfa.requireApproval(operation).catch(() => undefined);
        }
      }
      for (const id of ids) await alice.mfa.approve(id, () => ({ method: 'totp' }));
    }
  });
});
