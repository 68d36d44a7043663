/** The contract of `add`. */
import assert from 'node:assert/strict';
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
      const added = await fromBoth([store, second], CONTENDERS, (one) =>
        one.add(key(name), LONG_SECONDS),
      );
      assert.equal(added.filter(Boolean).length, 1);
      assert.equal(await store.add(key(name), LONG_SECONDS), false);
    }
  },

  'counts what was added as there until it expires, and then as absent': async (store) => {
    const key = newHashTag();
    assert.equal(await store.add(key('long'), LONG_SECONDS), true);
    assert.equal(await store.add(key('long'), 1), false);
    assert.equal(await store.add(key('short'), 1), true);
    assert.equal(await store.add(key('short'), LONG_SECONDS), false);
    await sleep(1000);
    await untilAbsent(store, [key('short')], 3000);
    assert.equal(await store.add(key('short'), LONG_SECONDS), true);
    assert.equal(await store.add(key('long'), LONG_SECONDS), false);
  },

  'drops nothing that was added, nor anything else to make room for it': async (store) => {
    const key = newHashTag();
    await store.write(key('written'), 'W', LONG_SECONDS);
    assert.equal(await store.add(key('first'), LONG_SECONDS), true);
    const added = [key('first'), ...(await flood(key, (one) => store.add(one, LONG_SECONDS)))];
    await assertRead(store, { [key('written')]: 'W' });
    const again = await Promise.all(added.map(async (one) => store.add(one, LONG_SECONDS)));
    assert.equal(again.filter(Boolean).length, 0);
    for (const one of added) await store.remove(one);
  },
};
