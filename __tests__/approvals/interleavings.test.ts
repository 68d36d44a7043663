/**
 * Operations on one challenge that run side by side, in each order in which a store can answer their
 * calls: the outcome is that of one after the other, and no approval is spent twice.
 */
import type { Session, SessionError } from 'express-wallet-session';
import { HeldStore, type FailedChange } from '../support/held-store.js';
import { everyInterleaving, oneAfterAnother, sideBySide } from '../support/interleavings.js';
import type { Operation } from '../support/interleavings.js';
import { useTestIssuer } from '../support/use-test-issuer.js';

type Run = (session: Session, id: string) => Promise<unknown>;
type Content = [string, string][];

const OPERATION = { operation: { send: 50 }, description: 'send 50' };

const retry: Run = ({ mfa }, id) => mfa.requireApproval({ ...OPERATION, challengeId: id });
const approve: Run = ({ mfa }, id) => mfa.approve(id, () => ({ method: 'totp' }));

const RUNS: Readonly<Record<string, Run>> = {
  'a refusal': ({ mfa }) => mfa.requireApproval(OPERATION),
  'a retry': retry,
  'approve()': approve,
  'approve() with a wrong code': ({ mfa }, id) => mfa.approve(id, () => false),
  'deny()': ({ mfa }, id) => mfa.deny(id),
  'endEverywhere()': ({ mfa }) => mfa.endEverywhere(),
  'signOut()': (session) => session.signOut(),
};
const NAMES = Object.keys(RUNS);
const PAIRS = NAMES.flatMap((a, index) => NAMES.slice(index).map((b) => [a, b] as const));
const STATES = ['pending', 'approved'] as const;
const OBSERVER = 3;

let runs = 0;
let spentTwice = 0;

/** One challenge of a user, and three processes that share its store, and one that looks on. */
class Bench {
  readonly #store: HeldStore;
  readonly #sessions: readonly Session[];
  readonly #content: Content;
  readonly #id: string;
  /** The challenges that the operations of a run were given. */
  #given: string[] = [];

  constructor(store: HeldStore, sessions: readonly Session[], id: string) {
    this.#store = store;
    this.#sessions = sessions;
    this.#content = store.content();
    this.#id = id;
  }

  operationsOf(names: readonly string[]): Operation[] {
    return names.map((name) => (index) => this.#tell(index, RUNS[name] ?? retry));
  }

  begin(): void {
    this.#store.fill(this.#content);
    this.#given = [];
  }

  /** What the operations said, and what can be done afterwards. */
  async observe(names: readonly string[], results: readonly string[]): Promise<string> {
    this.#store.open();
    const told = results.map((result, index) => `${names[index] ?? ''}: ${result}`);
    const given = this.#given.filter((id) => id !== this.#id);
    for (const id of given) {
      told.push(`then approve() of a new challenge: ${await this.#tell(OBSERVER, approve, id)}`);
    }
    for (const [name, run] of [
      ['a retry', retry],
      ['approve()', approve],
      ['a retry', retry],
      ['a retry', retry],
    ] as const) {
      told.push(`then ${name}: ${await this.#tell(OBSERVER, run)}`);
    }
    const spends = told.filter((line) => /(retry|refusal): "?an approval"?$/.test(line));
    runs += 1;
    if (spends.length > 1) spentTwice += 1;
    return told.join('\n');
  }

  /** Two processes may give one slot away at the same moment: then one of the challenges is lost. */
  shareSlot(): boolean {
    const slots = this.#given.map((id) => id.split('.')[0]);
    return new Set(slots).size < slots.length;
  }

  async orders(names: readonly [string, string]): Promise<string[]> {
    const told: string[] = [];
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      this.begin();
      const { results } = await oneAfterAnother(this.#store, this.operationsOf(names), order);
      told.push(await this.observe(names, results));
    }
    return told;
  }

  interleavings(names: readonly string[], failed?: FailedChange) {
    const begin = (): void => {
      this.begin();
    };
    return everyInterleaving(this.#store, this.operationsOf(names), begin, failed);
  }

  /** The number of changes that an operation asks the store for. */
  async changesOf(name: string): Promise<number> {
    this.begin();
    await oneAfterAnother(this.#store, this.operationsOf([name]), [0]);
    return this.#store.changes(0);
  }

  async drawn(names: readonly string[], draw: (bound: number) => number): Promise<void> {
    this.begin();
    const operations = this.operationsOf(names);
    const choose = (_step: number, options: number): number => draw(options);
    const { outcome } = await sideBySide(this.#store, operations, choose);
    await this.observe(names, outcome.results);
  }

  async #tell(index: number, run: Run, id = this.#id): Promise<string> {
    const session = this.#sessions[index];
    if (session === undefined) throw new Error('no such process');
    try {
      return (await run(session, id)) === undefined ? 'nothing' : 'an approval';
    } catch (error) {
      const { errorType, headers, message } = error as Partial<SessionError> & Error;
      if (errorType !== 'mfa_required') return errorType ?? message;
      const given = headers?.['X-Mfa-Challenge-Id'] ?? '';
      if (index !== OBSERVER) this.#given.push(given);
      return given === this.#id ? 'the same challenge' : 'a new challenge';
    }
  }
}

describe('On one challenge', () => {
  const kit = useTestIssuer({ authentication: 'custom' });

  async function createBench(state: (typeof STATES)[number]): Promise<Bench> {
    const store = new HeldStore();
    store.open();
    const sessions: Session[] = [];
    for (let index = 0; index <= OBSERVER; index += 1) {
      const { accessToken } = await kit.issuer.signIn('alice');
      const process = kit.sessions({ store: store.of(index) });
      sessions.push(await process.authenticateToken(accessToken));
    }
    const [first] = sessions;
    if (first === undefined) throw new Error('no process');
    const error = (await retry(first, '').catch((reason: unknown) => reason)) as SessionError;
    const id = error.headers['X-Mfa-Challenge-Id'] ?? '';
    if (state === 'approved') await approve(first, id);
    return new Bench(store, sessions, id);
  }

  afterAll(() => {
    process.stdout.write(`approvals: ${runs} interleavings, ${spentTwice} spent twice\n`);
    expect(spentTwice).toBe(0);
  });

  describe.each(STATES)('that is %s', (state) => {
    it.each(PAIRS)('%s beside %s is as one after the other', async (a, b) => {
      const bench = await createBench(state);
      const inOrder = await bench.orders([a, b]);
      for await (const { results } of bench.interleavings([a, b])) {
        const shareSlot = bench.shareSlot();
        const observed = await bench.observe([a, b], results);
        if (!shareSlot) expect(inOrder).toContain(observed);
      }
      expect(spentTwice).toBe(0);
    });

    it.each(NAMES)('%s, of which a change is done late, lets no retry pass twice', async (name) => {
      const bench = await createBench(state);
      const changes = await bench.changesOf(name);
      for (let change = 0; change < changes; change += 1) {
        for (const isDoneLate of [true, false]) {
          const failed = { operation: 0, change, isDoneLate };
          for await (const { results } of bench.interleavings([name, 'a retry'], failed)) {
            await bench.observe([name, 'a retry'], results);
          }
        }
      }
      expect(spentTwice).toBe(0);
    });

    it('three operations that are drawn by lot let no retry pass twice', async () => {
      const bench = await createBench(state);
      const draw = drawFrom(20_261_201);
      for (let time = 0; time < 300; time += 1) {
        const others = [NAMES[draw(NAMES.length)] ?? '', NAMES[draw(NAMES.length)] ?? ''];
        await bench.drawn(['a retry', ...others], draw);
      }
      expect(spentTwice).toBe(0);
    });
  });
});

/** A generator of numbers that are the same in each run (Numerical Recipes, 7.1). */
function drawFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}
