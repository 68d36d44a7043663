/**
 * Operations on MFA sessions and sign-outs that run side by side, in each order in which a store can
 * answer their calls: the outcome is that of one after the other.
 */
import { HeldStore, type FailedChange } from '../support/held-store.js';
import { everyInterleaving, oneAfterAnother, sideBySide } from '../support/interleavings.js';
import type { Operation, Outcome } from '../support/interleavings.js';
import {
  beginnings,
  operationNames,
  operationOf,
  tokenKinds,
  World,
  type Fault,
  type OperationName,
  type TokenKind,
} from './side-by-side.js';

type Content = [string, string][];
type Names = readonly OperationName[];

/** An outcome that must not be. */
interface Outside {
  readonly beginning: string;
  readonly names: Names;
  readonly observed: unknown;
  readonly expected: unknown;
}

const KINDS = Object.keys(tokenKinds) as TokenKind[];

let runs = 0;
let outsideAnyOrder = 0;

/** A store and the processes on it. */
class Bench {
  readonly #store: HeldStore;
  readonly #world: World;

  constructor(store: HeldStore, world: World) {
    this.#store = store;
    this.#world = world;
  }

  static async create(kind: TokenKind, fault?: Fault): Promise<Bench> {
    const store = new HeldStore();
    return new Bench(store, await World.create(kind, store, fault));
  }

  /** Every interleaving of some operations, from every beginning. */
  async interleave(names: Names): Promise<Outside[]> {
    const outside: Outside[] = [];
    for (const [beginning, prepare] of Object.entries(beginnings)) {
      const content = await this.#world.begin(prepare);
      const expected = await this.#orders(names, content, (undone) => {
        outside.push({ beginning, names, observed: { undone }, expected: [] });
      });
      for (const observed of await this.#outside(names, content, expected)) {
        outside.push({ beginning, names, observed, expected: [...expected] });
      }
    }
    return outside;
  }

  /**
   * The same where there is MFA, and each change of the first operation in turn is answered with a
   * failure and done late.
   */
  async interleaveLate(names: readonly [OperationName, OperationName]): Promise<Outside[]> {
    const outside: Outside[] = [];
    for (const [beginning, prepare] of Object.entries(beginnings)) {
      if (beginning === 'nothing' || beginning.includes('expired')) continue;
      const content = await this.#world.begin(prepare);
      const { expected, changes } = await this.#cutShort(names, content);
      for (let change = 0; change < changes; change += 1) {
        const failed = { operation: 0, change, isDoneLate: true };
        for (const observed of await this.#outside(names, content, expected, failed)) {
          outside.push({ beginning, names, observed, expected: [...expected] });
        }
      }
    }
    return outside;
  }

  /** Three operations that are drawn by lot, in an order drawn by lot: all would take hours. */
  async drawThree(draw: (bound: number) => number, times: number): Promise<Outside[]> {
    const oneOf = <T>(list: readonly T[]): T => list[draw(list.length)] as T;
    const names = [oneOf(operationNames), oneOf(operationNames), oneOf(operationNames)];
    const [beginning, prepare] = oneOf(Object.entries(beginnings));
    const content = await this.#world.begin(prepare);
    const expected = await this.#orders(names, content);
    const outside: Outside[] = [];
    for (let time = 0; time < times; time += 1) {
      this.#store.fill(content);
      const choose = (_step: number, options: number): number => draw(options);
      const { outcome } = await sideBySide(this.#store, this.#operations(names), choose);
      const observed = await this.#world.observe(outcome);
      runs += 1;
      if (expected.has(observed)) continue;
      outsideAnyOrder += 1;
      outside.push({ beginning, names, observed, expected: [...expected] });
    }
    return outside;
  }

  /** The outcomes of all orders. */
  async #orders(
    names: Names,
    content: Content,
    see: (undone: string[]) => void = () => undefined,
  ): Promise<Set<string>> {
    const observed = new Set<string>();
    for (const order of permutations(names.map((_, index) => index))) {
      this.#store.fill(content);
      const outcome = await oneAfterAnother(this.#store, this.#operations(names), order);
      observed.add(await this.#world.observe(outcome));
      const undone = await this.#world.undone(names, order, outcome);
      if (undone.length > 0) see(undone);
    }
    return observed;
  }

  /** The outcomes of the second operation and any part of the first one, in both orders. */
  async #cutShort(
    names: Names,
    content: Content,
  ): Promise<{ readonly expected: Set<string>; readonly changes: number }> {
    const expected = new Set<string>();
    let most = 0;
    for (const order of permutations([0, 1])) {
      let changes = Infinity;
      for (let change = 0; change <= changes; change += 1) {
        this.#store.fill(content);
        const failed = { operation: 0, change, isDoneLate: false };
        const outcome = await oneAfterAnother(this.#store, this.#operations(names), order, failed);
        changes = this.#store.changes(0);
        most = Math.max(most, changes);
        expected.add(await this.#world.observe(withoutFirst(outcome)));
      }
    }
    return { expected, changes: most };
  }

  /** The outcomes of interleavings that are none of those expected. */
  async #outside(
    names: Names,
    content: Content,
    expected: ReadonlySet<string>,
    failed?: FailedChange,
  ): Promise<Set<string>> {
    const outcomes: Outcome[] = [];
    const begin = (): void => {
      this.#store.fill(content);
    };
    const all = everyInterleaving(this.#store, this.#operations(names), begin, failed);
    for await (const outcome of all) {
      outcomes.push(failed === undefined ? outcome : withoutFirst(outcome));
    }
    runs += outcomes.length;
    const outside = new Set<string>();
    for (const outcome of outcomes) {
      const observed = await this.#world.observe(outcome);
      if (expected.has(observed)) continue;
      outsideAnyOrder += 1;
      outside.add(observed);
    }
    return outside;
  }

  #operations(names: Names): Operation[] {
    return names.map((name) => operationOf(name, this.#world));
  }
}

describe.each(KINDS)('With %s', (kind) => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await Bench.create(kind);
  });

  it.each(operationNames)('%s ends as if before or after each other operation', async (name) => {
    const outside: Outside[] = [];
    for (const other of operationNames.slice(operationNames.indexOf(name))) {
      outside.push(...(await bench.interleave([name, other])));
    }
    expect(outside).toEqual([]);
  });

  it.each(operationNames)(
    '%s ends as if done in part before or after each other operation, when the store fails and is late',
    async (name) => {
      const outside: Outside[] = [];
      for (const other of operationNames) {
        outside.push(...(await bench.interleaveLate([name, other])));
      }
      expect(outside).toEqual([]);
    },
  );

  it('three operations at once end as if one after another', async () => {
    const draw = lots(1);
    const outside: Outside[] = [];
    for (let triple = 0; triple < 60; triple += 1)
      outside.push(...(await bench.drawThree(draw, 30)));
    expect(outside).toEqual([]);
  });
});

describe('All interleavings', () => {
  it('were those of one operation after the other', () => {
    process.stdout.write(
      `Side by side: ${runs} interleavings, ${outsideAnyOrder} with an outcome outside any order\n`,
    );
    expect(outsideAnyOrder).toBe(0);
  });
});

describe('A store is found out that', () => {
  it.each<readonly [string, TokenKind, Names, Fault]>([
    [
      'writes where it should raise',
      'custom tokens',
      ['signOutUser()', 'a logout token of the user'],
      (store) => ({ raise: (...given) => store.write(...given) }),
    ],
    [
      'looks and raises in two steps',
      'custom tokens',
      ['signOutUser()', 'a logout token of the user'],
      (store) => ({
        async raise(key, value, ttlSeconds) {
          const [found] = await store.read([key]);
          if (found === undefined || found < value) await store.write(key, value, ttlSeconds);
        },
      }),
    ],
    [
      'looks and moves in two steps',
      'CDP tokens',
      [
        'carryOver() from the first token to the second',
        'carryOver() from the first token to the second',
      ],
      (store) => ({
        async move(from, to) {
          const [value, taken] = await store.read([from, to]);
          if (value === undefined || taken !== undefined) return false;
          await store.write(to, value, 300);
          await store.remove(from);
          return true;
        },
      }),
    ],
  ])('%s', async (_what, kind, names, fault) => {
    const bench = await Bench.create(kind, fault);
    expect(await bench.interleave(names)).not.toEqual([]);
  });
});

/** What a call that was answered with a failure gave is of no interest. */
function withoutFirst({ results, content }: Outcome): Outcome {
  return { results: ['', ...results.slice(1)], content };
}

function permutations(indices: readonly number[]): number[][] {
  if (indices.length <= 1) return [[...indices]];
  return indices.flatMap((first) =>
    permutations(indices.filter((index) => index !== first)).map((rest) => [first, ...rest]),
  );
}

/** Draws numbers below a bound; the same ones each time (Mulberry32). */
function lots(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}
