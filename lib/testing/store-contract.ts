/**
 * What every `SessionStore` has to do, a sentence and a test each, by `node:assert` alone.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionStore } from '../store/session-store.js';

/** Longer than any test takes, and short enough to leave nothing behind on a server for long. */
const LONG_SECONDS = 300;

const CONTENDERS = 20;

/** The tests, by the sentence that each proves. */
export const storeContract: Readonly<Record<string, (store: SessionStore) => Promise<void>>> = {
  'reads in the order of the keys, with undefined where there is nothing': async (store) => {
    const key = newHashTag();
    await store.write(key('a'), 'A', LONG_SECONDS);
    await store.write(key('b'), 'B', LONG_SECONDS);
    await assertRead(store, { [key('b')]: 'B', [key('absent')]: undefined, [key('a')]: 'A' });
    await assertRead(store, { [key('absent')]: undefined, [key('a')]: 'A', [key('b')]: 'B' });
  },

  'reads nothing for no keys': async (store) => {
    await assertRead(store, {});
  },

  'reads a key twice that is asked for twice': async (store) => {
    const key = newHashTag();
    await store.write(key('a'), 'A', LONG_SECONDS);
    const values = await store.read([key('a'), key('absent'), key('a'), key('absent')]);
    assert.deepEqual([...values], ['A', undefined, 'A', undefined]);
  },

  'reads keys of several hash tags at once': async (store) => {
    const [one, other, third] = [newHashTag(), newHashTag(), newHashTag()];
    for (const key of [one('a'), one('b'), other('a'), third('a')]) {
      await store.write(key, `value of ${key}`, LONG_SECONDS);
    }
    await assertRead(store, {
      [one('a')]: `value of ${one('a')}`,
      [other('a')]: `value of ${other('a')}`,
      [other('absent')]: undefined,
      [third('a')]: `value of ${third('a')}`,
      [one('b')]: `value of ${one('b')}`,
    });
  },

  'takes names that objects inherit for keys like any other': async (store) => {
    const values = await store.read(['__proto__', 'constructor', 'toString', 'valueOf']);
    assert.deepEqual([...values], [undefined, undefined, undefined, undefined]);
  },

  'tells keys apart to the letter': async (store) => {
    const key = newHashTag();
    const names = [
      'a',
      'A',
      'ä',
      'a ',
      ' a',
      'a*',
      '%',
      '_',
      "'",
      '"',
      '\\',
      '?',
      '[a]',
      '$1',
      ';',
      `${'x'.repeat(200)}a`,
      `${'x'.repeat(200)}b`,
    ];
    for (const name of names) await store.write(key(name), `value of ${name}`, LONG_SECONDS);
    await assertRead(
      store,
      Object.fromEntries(names.map((name) => [key(name), `value of ${name}`])),
    );
  },

  'gives every text back as it was': async (store) => {
    const key = newHashTag();
    const texts = {
      empty: '',
      'white space': ' \t\r\n ',
      quotes: `'"\\\`$1%s{}`,
      json: '{"v":1,"method":"totp"}',
      'looks like a number': '007',
      'looks like nothing': 'null',
      unicode: 'größer 漢字 👩‍👩‍👧 e\u0301 \u2028 \uFEFF',
      long: 'x👍'.repeat(50_000),
    };
    for (const [name, text] of Object.entries(texts)) {
      await store.write(key(name), text, LONG_SECONDS);
    }
    await assertRead(
      store,
      Object.fromEntries(Object.entries(texts).map(([name, text]) => [key(name), text])),
    );
  },

  'overwrites, whether either is to be kept or not': async (store) => {
    const key = newHashTag();
    for (const first of [undefined, { keep: false }, { keep: true }]) {
      for (const second of [undefined, { keep: false }, { keep: true }]) {
        await store.write(key('a'), 'first', LONG_SECONDS, first);
        await assertRead(store, { [key('a')]: 'first' });
        await store.write(key('a'), 'second', LONG_SECONDS, second);
        await assertRead(store, { [key('a')]: 'second' });
      }
    }
  },

  'keeps for weeks what is written for weeks': async (store) => {
    const key = newHashTag();
    // More milliseconds than a timer of Node can wait, too.
    const ttlSeconds = { week: 604_800, month: 40 * 86_400 };
    for (const [name, seconds] of Object.entries(ttlSeconds)) {
      await store.write(key(name), name, seconds, { keep: true });
    }
    await sleep(20);
    await assertRead(store, { [key('week')]: 'week', [key('month')]: 'month' });
    for (const name of Object.keys(ttlSeconds)) await store.remove(key(name));
  },

  'removes that key alone, and does not mind one that is absent': async (store) => {
    const key = newHashTag();
    await store.write(key('a'), 'A', LONG_SECONDS);
    await store.write(key('b'), 'B', LONG_SECONDS);
    await store.write(key('kept'), 'K', LONG_SECONDS, { keep: true });
    for (const name of ['a', 'kept', 'a', 'absent']) await store.remove(key(name));
    await assertRead(store, { [key('a')]: undefined, [key('b')]: 'B', [key('kept')]: undefined });
  },

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

  'moves once, however many move it to different places at once': async (store) => {
    const key = newHashTag();
    await store.write(key('from'), 'value', LONG_SECONDS);
    const targets = times(CONTENDERS, (n) => key(`to ${n}`));
    const moved = await Promise.all(targets.map(async (to) => store.move(key('from'), to)));
    assert.equal(moved.filter(Boolean).length, 1);
    await assertRead(store, {
      [key('from')]: undefined,
      ...Object.fromEntries(targets.map((to, n) => [to, moved[n] ? 'value' : undefined])),
    });
  },

  'moves once, however many move it to the same place at once': async (store) => {
    const key = newHashTag();
    await store.write(key('from'), 'value', LONG_SECONDS);
    const moved = await Promise.all(
      times(CONTENDERS, async () => store.move(key('from'), key('to'))),
    );
    assert.equal(moved.filter(Boolean).length, 1);
    await assertRead(store, { [key('from')]: undefined, [key('to')]: 'value' });
  },

  'moves one of many to the same place, and leaves the others where they are': async (store) => {
    const key = newHashTag();
    const sources = times(CONTENDERS, (n) => key(`from ${n}`));
    for (const from of sources) await store.write(from, `value of ${from}`, LONG_SECONDS);
    const moved = await Promise.all(sources.map(async (from) => store.move(from, key('to'))));
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

/** Names keys that nobody else uses and that lie in one slot of a Redis Cluster. */
function newHashTag(): (name: string) => string {
  const tag = randomUUID();
  return (name) => `{${tag}}:${name}`;
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

async function assertRead(
  store: SessionStore,
  expected: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const keys = Object.keys(expected);
  const values = await store.read(keys);
  assert.equal(values.length, keys.length);
  assert.deepEqual(Object.fromEntries(keys.map((key, index) => [key, values[index]])), expected);
}

async function untilAbsent(
  store: SessionStore,
  keys: readonly string[],
  patienceMs: number,
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const values = await store.read(keys);
    if (values.every((value) => value === undefined)) return;
    const left = keys.filter((_, index) => values[index] !== undefined);
    assert.ok(performance.now() < giveUpAt, `should have expired: ${left.join(', ')}`);
    await sleep(50);
  }
}
