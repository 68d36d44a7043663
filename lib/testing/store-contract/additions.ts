/** What `add` has to do. */
import assert from 'node:assert/strict';
import {
  assertRead,
  LONG_SECONDS,
  newHashTag,
  times,
  type ContractTests,
} from './contract-tests.js';

const CONTENDERS = 200;

export const addTests: ContractTests = {
  'adds a key that is absent, and none that is there': async (store) => {
    const key = newHashTag();
    assert.equal(await store.add(key('a'), LONG_SECONDS), true);
    assert.equal(await store.add(key('a'), LONG_SECONDS), false);
    assert.equal(await store.add(key('b'), LONG_SECONDS), true);
    const [value] = await store.read([key('a')]);
    assert.equal(typeof value, 'string');

    await store.write(key('written'), 'W', LONG_SECONDS);
    await store.raise(key('raised'), 'R', LONG_SECONDS);
    assert.equal(await store.add(key('written'), LONG_SECONDS), false);
    assert.equal(await store.add(key('raised'), LONG_SECONDS), false);
    await assertRead(store, { [key('written')]: 'W', [key('raised')]: 'R' });

    for (const name of ['a', 'written']) {
      await store.remove(key(name));
      assert.equal(await store.add(key(name), LONG_SECONDS), true);
    }
  },

  'adds a key once, however many add it at once': async (store, second) => {
    const key = newHashTag();
    for (const name of ['a', 'b', 'c']) {
      const added = await Promise.all(
        times(CONTENDERS, async (n) => (n % 2 === 0 ? store : second).add(key(name), LONG_SECONDS)),
      );
      assert.equal(added.filter(Boolean).length, 1);
      assert.equal(await store.add(key(name), LONG_SECONDS), false);
    }
  },
};
