/** The contract of `read`, `write` and `remove`. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertRead, LONG_SECONDS, newHashTag, type ContractTests } from './contract-tests.js';

export const entryTests: ContractTests = {
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
};
