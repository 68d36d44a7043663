import { jest } from '@jest/globals';
import { memoryStore } from 'express-wallet-session';
import { describeStore } from 'express-wallet-session/testing';
import { complaintsAbout } from './store-complaints.js';

const HOUR = 3600;
const kept = { keep: true };

afterEach(() => {
  jest.restoreAllMocks();
});

/** Time stands still until it is told to pass, so that nothing expires between two lines. */
function stopTime(): (seconds: number) => void {
  let now = performance.now();
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  return (seconds) => {
    now += seconds * 1000;
  };
}

describeStore('memoryStore', () => memoryStore(), { describe, it, expect });
describeStore('memoryStore with room for little', () => memoryStore({ maxEntries: 25 }), {
  describe,
  it,
});

describe('memoryStore answers at once', () => {
  it('gives values and not promises', () => {
    const store = memoryStore();
    expect(store.write('a', 'A', HOUR)).toBeUndefined();
    expect(store.read(['a', 'b'])).toEqual(['A', undefined]);
    expect(store.move('a', 'b')).toBe(true);
    expect(store.remove('b')).toBeUndefined();
    expect(store.read(['a', 'b'])).toEqual([undefined, undefined]);
  });

  it('works when it is spread into another object', () => {
    const store = { ...memoryStore() };
    void store.write('a', 'A', HOUR);
    expect(store.read(['a'])).toEqual(['A']);
  });
});

describe('memoryStore when it is full', () => {
  it('drops what was used least recently', () => {
    const store = memoryStore({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) void store.write(key, key, HOUR);
    void store.read(['a']);
    void store.write('d', 'd', HOUR);
    expect(store.read(['a', 'b', 'c', 'd'])).toEqual(['a', undefined, 'c', 'd']);
  });

  it('drops nothing when an entry is overwritten or moved', () => {
    const store = memoryStore({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) void store.write(key, key, HOUR);
    void store.write('b', 'B', HOUR);
    expect(store.move('c', 'd')).toBe(true);
    expect(store.read(['a', 'b', 'd'])).toEqual(['a', 'B', 'c']);
  });

  it('keeps what is to be kept, whatever else comes', () => {
    const store = memoryStore({ maxEntries: 3 });
    void store.write('signed out', 'x', HOUR, kept);
    for (let n = 0; n < 100; n += 1) void store.write(`mfa ${n}`, 'y', HOUR);
    expect(store.read(['signed out', 'mfa 97', 'mfa 98', 'mfa 99'])).toEqual([
      'x',
      undefined,
      'y',
      'y',
    ]);
  });

  it('drops the others for what is to be kept', () => {
    const store = memoryStore({ maxEntries: 2 });
    void store.write('a', 'a', HOUR);
    void store.write('b', 'b', HOUR);
    void store.write('k1', '1', HOUR, kept);
    expect(store.read(['a', 'b', 'k1'])).toEqual([undefined, 'b', '1']);
    void store.write('k2', '2', HOUR, kept);
    expect(store.read(['a', 'b', 'k1', 'k2'])).toEqual([undefined, undefined, '1', '2']);
  });

  it('refuses to write while all there is is to be kept, and loses nothing', () => {
    const store = memoryStore({ maxEntries: 2 });
    void store.write('k1', '1', HOUR, kept);
    void store.write('k2', '2', HOUR, kept);
    expect(() => store.write('k3', '3', HOUR, kept)).toThrow(
      /^memoryStore: it is full; .*maxEntries/,
    );
    expect(() => store.write('a', 'a', HOUR)).toThrow(/it is full/);
    expect(store.read(['k1', 'k2', 'k3', 'a'])).toEqual(['1', '2', undefined, undefined]);

    void store.write('k2', 'two', HOUR, kept);
    expect(store.move('k1', 'moved')).toBe(true);
    expect(store.read(['moved', 'k2'])).toEqual(['1', 'two']);

    void store.remove('k2');
    void store.write('k3', '3', HOUR, kept);
    expect(store.read(['moved', 'k2', 'k3'])).toEqual(['1', undefined, '3']);
  });

  it('makes room of what was to be kept and has expired', () => {
    const pass = stopTime();
    const store = memoryStore({ maxEntries: 3 });
    void store.write('soon', 's', 20, kept);
    void store.write('later', 'l', HOUR, kept);
    void store.write('other', 'o', HOUR);
    pass(20);
    void store.write('k1', '1', HOUR, kept);
    expect(store.read(['soon', 'later', 'other', 'k1'])).toEqual([undefined, 'l', 'o', '1']);
    void store.write('k2', '2', 20, kept);
    expect(() => store.write('k3', '3', HOUR, kept)).toThrow(/it is full/);
    pass(20);
    void store.write('k3', '3', HOUR, kept);
    expect(store.read(['later', 'k1', 'k2', 'k3'])).toEqual(['l', '1', undefined, '3']);
  });

  it('goes by the last word on whether an entry is to be kept', () => {
    const store = memoryStore({ maxEntries: 2 });
    void store.write('a', 'a', HOUR, kept);
    void store.write('a', 'A', HOUR);
    void store.write('b', 'b', HOUR);
    void store.write('b', 'B', HOUR, kept);
    void store.write('c', 'c', HOUR);
    void store.write('d', 'd', HOUR);
    expect(store.read(['a', 'b', 'c', 'd'])).toEqual([undefined, 'B', undefined, 'd']);
  });

  it('keeps what was moved exactly if it was to be kept', () => {
    const store = memoryStore({ maxEntries: 2 });
    void store.write('k', 'kept', HOUR, kept);
    void store.write('a', 'a', HOUR);
    expect(store.move('k', 'k moved')).toBe(true);
    expect(store.move('a', 'a moved')).toBe(true);
    for (const key of ['b', 'c']) void store.write(key, key, HOUR);
    expect(store.read(['k moved', 'a moved', 'c'])).toEqual(['kept', undefined, 'c']);
  });
});

describe('memoryStore keeps what was added', () => {
  it('in a bound of its own, and throws when that is full', () => {
    const store = memoryStore({ maxEntries: 2 });
    for (const key of ['k1', 'k2']) void store.write(key, key, HOUR, kept);
    expect(store.add('a1', HOUR)).toBe(true);
    expect(store.add('a2', HOUR)).toBe(true);
    expect(() => store.add('a3', HOUR)).toThrow(/^memoryStore: it is full; .*maxEntries/);
    expect(store.add('a1', HOUR)).toBe(false);
    expect(store.read(['k1', 'k2', 'a3'])).toEqual(['k1', 'k2', undefined]);
    void store.remove('a1');
    expect(store.add('a3', HOUR)).toBe(true);
    expect(store.add('a2', HOUR)).toBe(false);
  });

  it('and makes room of what has expired, as soon as it has', () => {
    const pass = stopTime();
    const store = memoryStore({ maxEntries: 3 });
    expect(store.add('later', HOUR)).toBe(true);
    expect(store.add('soon', 20)).toBe(true);
    expect(store.add('also soon', 20)).toBe(true);
    expect(() => store.add('x', HOUR)).toThrow(/it is full/);
    pass(19.999);
    expect(() => store.add('x', HOUR)).toThrow(/it is full/);
    pass(0.001);
    expect(store.add('x', 20)).toBe(true);
    expect(store.add('y', HOUR)).toBe(true);
    expect(() => store.add('z', HOUR)).toThrow(/it is full/);
    pass(20);
    expect(store.add('z', HOUR)).toBe(true);
    expect(store.add('later', HOUR)).toBe(false);
    expect(store.add('y', HOUR)).toBe(false);
  });

  it('while entries come and expire, at a cost that does not grow with those that are there', () => {
    const store = memoryStore({ maxEntries: 100_000 });
    for (let n = 0; n < 100_000; n += 1) void store.add(`${n}`, n < 50_000 ? HOUR : 0.000_1);
    const startedAt = performance.now();
    for (let n = 0; n < 50_000; n += 1) void store.add(`new ${n}`, n % 2 === 0 ? HOUR : 0.000_1);
    // Looking at all entries for each of these takes minutes.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('and refuses an overwriting write for which there is no room, without losing it', () => {
    const store = memoryStore({ maxEntries: 1 });
    void store.write('k', 'K', HOUR, kept);
    expect(store.add('a', HOUR)).toBe(true);
    expect(() => store.write('a', 'A', HOUR)).toThrow(/it is full/);
    expect(() => store.raise('a', 'A', HOUR)).toThrow(/it is full/);
    expect(store.add('a', HOUR)).toBe(false);
  });
});

describe('memoryStore when it is full of what was raised', () => {
  it('refuses to raise another, and raises those that are there', () => {
    const store = memoryStore({ maxEntries: 2 });
    void store.write('a', '1', HOUR);
    void store.raise('a', '2', HOUR);
    void store.raise('b', '1', HOUR);
    expect(() => store.raise('c', '1', HOUR)).toThrow(/it is full/);
    expect(() => store.write('c', '1', HOUR)).toThrow(/it is full/);
    void store.raise('b', '2', HOUR);
    expect(store.read(['a', 'b', 'c'])).toEqual(['2', '2', undefined]);
  });
});

describe('memoryStore refuses what makes no sense', () => {
  it.each([NaN, Infinity, -Infinity])('an expiry of %p, and keeps what is there', (ttlSeconds) => {
    const store = memoryStore();
    void store.write('a', 'old', HOUR);
    expect(() => store.write('a', 'new', ttlSeconds)).toThrow(RangeError);
    expect(() => store.raise('a', 'pew', ttlSeconds)).toThrow(RangeError);
    expect(() => store.add('b', ttlSeconds)).toThrow(RangeError);
    expect(store.read(['a'])).toEqual(['old']);
  });

  it.each([
    [{ maxEntries: 0 }, '`maxEntries` must be a whole number between 1 and 10000000, not 0.'],
    [{ maxEntries: 1.5 }, '`maxEntries` must be a whole number between 1 and 10000000, not 1.5.'],
    [{ maxEntries: NaN }, '`maxEntries` must be a whole number between 1 and 10000000, not NaN.'],
    [
      { maxEntries: '9' },
      '`maxEntries` must be a whole number between 1 and 10000000, not a string.',
    ],
    [{ maxEntrys: 9 }, 'there is no option `maxEntrys`. Did you mean `maxEntries`?'],
    [9, 'expects an object of options, not 9.'],
  ])('the options %j, in a complaint and not by throwing', (options, complaint) => {
    const store = memoryStore(options as { maxEntries: number });
    expect(complaintsAbout(store)).toEqual([`memoryStore(): ${complaint}`]);
    void store.write('a', 'A', HOUR);
    expect(store.read(['a'])).toEqual(['A']);
  });

  it.each([undefined, {}, { maxEntries: undefined }, { maxEntries: 1 }])(
    'but not the options %j',
    (options) => {
      expect(complaintsAbout(memoryStore(options))).toEqual([]);
    },
  );
});
