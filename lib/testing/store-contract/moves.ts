/** The contract of `move`, and of expiry. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  assertRead,
  CONTENDERS,
  fromBoth,
  LONG_SECONDS,
  newHashTag,
  times,
  untilAbsent,
  type ContractTests,
} from './contract-tests.js';

/** Each is an entry of its own, so a store with little room has to hold them all. */
const MOVERS = 20;

export const moveTests: ContractTests = {
  'moves a value, and the place it left is free again': async (store) => {
    const key = newHashTag();
    for (const options of [undefined, { keep: true }]) {
      await store.write(key('from'), 'moved', LONG_SECONDS, options);
      assert.equal(await store.move(key('from'), key('to')), true);
      await assertRead(store, { [key('from')]: undefined, [key('to')]: 'moved' });
      await store.write(key('from'), 'later', LONG_SECONDS);
      await assertRead(store, { [key('from')]: 'later', [key('to')]: 'moved' });
      await store.remove(key('to'));
    }
  },

  'moves nothing where there is nothing': async (store) => {
    const key = newHashTag();
    await store.write(key('taken'), 'value', LONG_SECONDS);
    assert.equal(await store.move(key('absent'), key('to')), false);
    assert.equal(await store.move(key('absent'), key('taken')), false);
    await assertRead(store, { [key('to')]: undefined, [key('taken')]: 'value' });
  },

  'moves onto nothing that is there, itself included, and loses neither': async (store) => {
    const key = newHashTag();
    await store.write(key('from'), 'one', LONG_SECONDS);
    await store.write(key('to'), 'other', LONG_SECONDS, { keep: true });
    assert.equal(await store.move(key('from'), key('to')), false);
    assert.equal(await store.move(key('to'), key('from')), false);
    assert.equal(await store.move(key('from'), key('from')), false);
    await assertRead(store, { [key('from')]: 'one', [key('to')]: 'other' });
  },

  'moves once, however many move it to different places at once': async (store, second) => {
    const key = newHashTag();
    await store.write(key('from'), 'value', LONG_SECONDS);
    const targets = times(CONTENDERS, (n) => key(`to ${n}`));
    const moved = await fromBoth([store, second], CONTENDERS, (one, n) =>
      one.move(key('from'), key(`to ${n}`)),
    );
    assert.equal(moved.filter(Boolean).length, 1);
    await assertRead(store, {
      [key('from')]: undefined,
      ...Object.fromEntries(targets.map((to, n) => [to, moved[n] ? 'value' : undefined])),
    });
  },

  'moves once, however many move it to the same place at once': async (store, second) => {
    const key = newHashTag();
    await store.write(key('from'), 'value', LONG_SECONDS);
    const moved = await fromBoth([store, second], CONTENDERS, (one) =>
      one.move(key('from'), key('to')),
    );
    assert.equal(moved.filter(Boolean).length, 1);
    await assertRead(store, { [key('from')]: undefined, [key('to')]: 'value' });
  },

  'moves one of many to the same place, and leaves the others where they are': async (
    store,
    second,
  ) => {
    const key = newHashTag();
    const sources = times(MOVERS, (n) => key(`from ${n}`));
    for (const from of sources) await store.write(from, `value of ${from}`, LONG_SECONDS);
    const moved = await fromBoth([store, second], MOVERS, (one, n) =>
      one.move(key(`from ${n}`), key('to')),
    );
    assert.equal(moved.filter(Boolean).length, 1);
    await assertRead(store, {
      [key('to')]: `value of ${sources[moved.indexOf(true)]}`,
      ...Object.fromEntries(
        sources.map((from, n) => [from, moved[n] ? undefined : `value of ${from}`]),
      ),
    });
  },

  'forgets what has expired, moved or not, and counts it as absent in a move': async (store) => {
    const key = newHashTag();
    const expired = ['short', 'kept', 'shortened', 'moved to'].map((name) => key(name));
    await store.write(key('long'), 'long', LONG_SECONDS);
    await store.write(key('lengthened'), 'short', 1);
    await store.write(key('lengthened'), 'long', LONG_SECONDS);
    await store.write(key('shortened'), 'long', LONG_SECONDS);
    await store.write(key('shortened'), 'short', 1);
    await store.write(key('kept'), 'short', 1, { keep: true });
    await store.write(key('short'), 'short', 1);
    // Long enough not to run out between these two lines on a slow machine.
    await store.write(key('moved from'), 'short', 2);
    assert.equal(await store.move(key('moved from'), key('moved to')), true);

    // In this time a store that takes seconds for milliseconds has lost the long ones as well.
    await sleep(1000);
    await untilAbsent(store, expired, 3000);
    assert.equal(await store.move(key('short'), key('to')), false);
    assert.equal(await store.move(key('long'), key('kept')), true);
    await assertRead(store, {
      [key('lengthened')]: 'long',
      [key('kept')]: 'long',
      [key('long')]: undefined,
      [key('to')]: undefined,
    });
  },
};
