/** What `raise` has to do. */
import {
  assertRead,
  LONG_SECONDS,
  newHashTag,
  times,
  type ContractTests,
} from './contract-tests.js';

const CONTENDERS = 200;

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
    for (const name of ['a', 'b', 'c']) {
      // 7 is prime to 200, so each number comes once, and the greatest in the middle.
      const values = times(CONTENDERS, (n) => String((n * 7 + 100) % CONTENDERS).padStart(3, '0'));
      await Promise.all(
        values.map(async (value, n) =>
          (n % 2 === 0 ? store : second).raise(key(name), value, LONG_SECONDS),
        ),
      );
      await assertRead(store, { [key(name)]: '199' });
    }
  },
};
