/** The contract of `raise`. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertRead,
  CONTENDERS,
  flood,
  fromBoth,
  LONG_SECONDS,
  newHashTag,
  untilAbsent,
  type ContractTests,
} from './contract-tests.js';

/**
 * From the least to the greatest, byte by byte. A comparison of numbers, of a language, or one that
 * passes over case or punctuation puts some of them in another order.
 */
const ASCENDING = [
  '',
  ' 9',
  '-1',
  '0',
  '0001',
  '001',
  '01700000000000-1',
  '01700000000000.0000',
  '01700000000000.0001',
  '0170000000001',
  '1',
  '1-3',
  '10',
  '12',
  '9',
  'A',
  'Ab',
  'B',
  'Z_',
  '_',
  'a',
  'a B',
  'aB',
  'a_',
  'ab',
  'b',
  '{"v":2}',
];

export const raiseTests: ContractTests = {
  'raises to the greater value by its bytes, whichever comes first': async (store) => {
    const key = newHashTag();
    for (const [n, lesser] of ASCENDING.entries()) {
      const greater = ASCENDING[n + 1] ?? lesser;
      await store.raise(key('up'), lesser, LONG_SECONDS);
      await assertRead(store, { [key('up')]: lesser });
      await store.raise(key(`down ${n}`), greater, LONG_SECONDS);
      await store.raise(key(`down ${n}`), lesser, LONG_SECONDS);
      await assertRead(store, { [key(`down ${n}`)]: greater });
      await store.remove(key(`down ${n}`));
    }
  },

  'raises what was written, and overwrites what was raised': async (store) => {
    const key = newHashTag();
    for (const options of [undefined, { keep: true }]) {
      await store.write(key('a'), '2', LONG_SECONDS, options);
      await store.raise(key('a'), '1', LONG_SECONDS);
      await assertRead(store, { [key('a')]: '2' });
      await store.raise(key('a'), '3', LONG_SECONDS);
      await assertRead(store, { [key('a')]: '3' });
      await store.write(key('a'), '1', LONG_SECONDS, options);
      await assertRead(store, { [key('a')]: '1' });
      await store.raise(key('a'), '2', LONG_SECONDS);
      await store.remove(key('a'));
      await store.raise(key('a'), '1', LONG_SECONDS);
      await assertRead(store, { [key('a')]: '1' });
    }
  },

  'raises to the greatest value, however many raise at once': async (store, second) => {
    const key = newHashTag();
    // The greatest comes first of each connection, and in the middle of each.
    for (const place of [0, 1, 90, 151]) {
      await fromBoth([store, second], CONTENDERS, (one, n) =>
        one.raise(key(`${place}`), shuffled(n, place), LONG_SECONDS),
      );
      await assertRead(store, { [key(`${place}`)]: GREATEST });
    }
  },

  'only ever moves the expiry later when it raises': async (store, second) => {
    const key = newHashTag();
    await store.raise(key('shorter, greater'), '1', LONG_SECONDS);
    await store.raise(key('shorter, greater'), '2', 1);
    await store.raise(key('shorter, lesser'), '2', LONG_SECONDS);
    await store.raise(key('shorter, lesser'), '1', 1);
    await store.raise(key('longer, lesser'), '2', 1);
    await store.raise(key('longer, lesser'), '1', LONG_SECONDS);
    await store.raise(key('longer, equal'), '2', 1);
    await store.raise(key('longer, equal'), '2', LONG_SECONDS);
    await store.write(key('written'), '1', LONG_SECONDS);
    await store.raise(key('written'), '2', 1);
    await store.raise(key('short'), '2', 1);
    await store.raise(key('short'), '3', 1);
    await fromBoth([store, second], CONTENDERS, (one, n) =>
      one.raise(key('many'), shuffled(n, 90), n === 50 ? LONG_SECONDS : 1),
    );

    await sleep(1000);
    await untilAbsent(store, [key('short')], 3000);
    // A value that has expired is not there, however great it was.
    await store.raise(key('short'), '1', LONG_SECONDS);
    await assertRead(store, {
      [key('shorter, greater')]: '2',
      [key('shorter, lesser')]: '2',
      [key('longer, lesser')]: '2',
      [key('longer, equal')]: '2',
      [key('written')]: '2',
      [key('short')]: '1',
      [key('many')]: GREATEST,
    });
  },

  'drops nothing that was raised or is to be kept, to make room': async (store) => {
    const key = newHashTag();
    await store.write(key('kept'), 'K', LONG_SECONDS, { keep: true });
    await store.raise(key('raised'), 'R', LONG_SECONDS);
    await store.write(key('written'), '1', LONG_SECONDS);
    await store.raise(key('written'), '2', LONG_SECONDS);
    const others = await flood(key, (one) => store.write(one, 'other', LONG_SECONDS));
    await assertRead(store, { [key('kept')]: 'K', [key('raised')]: 'R', [key('written')]: '2' });
    for (const one of others) await store.remove(one);
  },
};

const GREATEST = '199';

/** Each number below `CONTENDERS` once, since 7 is prime to 200, and the greatest at `place`. */
function shuffled(n: number, place: number): string {
  const number = (7 * (n - place + CONTENDERS) + CONTENDERS - 1) % CONTENDERS;
  return String(number).padStart(3, '0');
}
