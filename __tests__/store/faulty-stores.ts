/**
 * Stores with one fault each, and the sentence of the store contract that finds it.
 */
import { setImmediate } from 'node:timers/promises';
import { memoryStore, type SessionStore } from 'express-wallet-session';

interface SyncStore {
  readonly read: (keys: readonly string[]) => readonly (string | undefined)[];
  readonly write: (
    key: string,
    value: string,
    ttlSeconds: number,
    options?: { keep?: boolean },
  ) => void;
  readonly add: (key: string, ttlSeconds: number) => boolean;
  readonly raise: (key: string, value: string, ttlSeconds: number) => void;
  readonly remove: (key: string) => void;
  readonly move: (from: string, to: string) => boolean;
}

type Fault = (sound: SyncStore) => Partial<SessionStore>;

export interface FaultyStore {
  /** Follows "a store that". */
  readonly fault: string;
  readonly sentence: string;
  readonly store: () => SessionStore;
}

function faulty(sentence: string, faults: Readonly<Record<string, Fault>>): FaultyStore[] {
  return Object.entries(faults).map(([fault, make]) => ({
    fault,
    sentence,
    store: () => {
      const sound = memoryStore() as SyncStore;
      return { ...sound, ...make(sound) };
    },
  }));
}

/** Gives values back, but not as they were. */
function changing(change: (value: string) => string | undefined): Fault {
  return ({ read }) => ({
    read: (keys) => read(keys).map((value) => (value === undefined ? undefined : change(value))),
  });
}

const looksFirst: Fault = ({ read, write, remove }) => ({
  async move(from, to) {
    const [value, taken] = read([from, to]);
    if (value === undefined || taken !== undefined) return false;
    await setImmediate();
    write(to, value, 300);
    remove(from);
    return true;
  },
});

function withLittleRoom(fault: Fault): Fault {
  return () => {
    const little = memoryStore({ maxEntries: 500 }) as SyncStore;
    return { ...little, ...fault(little) };
  };
}

function raisingBy(isGreater: (present: string, value: string) => boolean): Fault {
  return ({ read, write }) => ({
    raise: (key, value, ttlSeconds) => {
      const [present] = read([key]);
      const stays = present !== undefined && isGreater(present, value);
      write(key, stays ? present : value, ttlSeconds, { keep: true });
    },
  });
}

export const faultyStores: readonly FaultyStore[] = [
  ...faulty('reads in the order of the keys, with undefined where there is nothing', {
    'answers null for nothing': ({ read }) => ({
      read: (keys) => read(keys).map((value) => value ?? (null as unknown as undefined)),
    }),
    'answers in an order of its own': ({ read }) => ({ read: (keys) => read([...keys].sort()) }),
    'answers with what there is only': ({ read }) => ({
      read: (keys) => read(keys).filter((value) => value !== undefined),
    }),
  }),

  ...faulty('reads nothing for no keys', {
    'cannot ask for nothing': ({ read }) => ({
      read: (keys) => (keys.length === 0 ? Promise.reject(new Error('syntax')) : read(keys)),
    }),
  }),

  ...faulty('reads a key twice that is asked for twice', {
    'answers once for a key that is asked for twice': ({ read }) => ({
      read: (keys) => read([...new Set(keys)]),
    }),
  }),

  ...faulty('reads keys of several hash tags at once', {
    'reads in one slot only': ({ read }) => ({
      read: (keys) => read(keys.filter((key) => key.split(':')[0] === keys[0]?.split(':')[0])),
    }),
  }),

  ...faulty('takes names that objects inherit for keys like any other', {
    'keeps its entries in an object': () => {
      const entries: Record<string, string> = {};
      return { read: (keys) => keys.map((key) => entries[key]) };
    },
  }),

  ...faulty('tells keys apart to the letter', {
    'cuts long keys': ({ read, write }) => ({
      read: (keys) => read(keys.map((key) => key.slice(0, 200))),
      write: (key, ...rest) => {
        write(key.slice(0, 200), ...rest);
      },
    }),
    'folds the case of keys': ({ read, write }) => ({
      read: (keys) => read(keys.map((key) => key.toLowerCase())),
      write: (key, ...rest) => {
        write(key.toLowerCase(), ...rest);
      },
    }),
  }),

  ...faulty('gives every text back as it was', {
    'takes an empty value for none': changing((value) => (value === '' ? undefined : value)),
    'trims values': changing((value) => value.trim()),
    'makes numbers of values': changing((value) => (value === '007' ? '7' : value)),
    'keeps bytes and not characters': changing((value) => Buffer.from(value).toString('latin1')),
    'cuts values off': changing((value) => value.slice(0, 65_535)),
  }),

  ...faulty('overwrites, whether either is to be kept or not', {
    'writes only where there is nothing': ({ read, write }) => ({
      write: (key, ...rest) => {
        if (read([key])[0] === undefined) write(key, ...rest);
      },
    }),
    'looks first among what is to be kept': ({ read, write }) => ({
      read: (keys) => {
        const kept = read(keys.map((key) => `kept ${key}`));
        return read(keys).map((value, index) => kept[index] ?? value);
      },
      write: (key, value, ttlSeconds, options) => {
        write(options?.keep === true ? `kept ${key}` : key, value, ttlSeconds, options);
      },
    }),
  }),

  ...faulty('keeps for weeks what is written for weeks', {
    'counts the time in a timer of Node': ({ write, remove }) => ({
      write: (key, value, ttlSeconds, options) => {
        write(key, value, ttlSeconds, options);
        // What is more than it can wait, it does not wait at all.
        if (ttlSeconds * 1000 > 2 ** 31 - 1) setTimeout(remove, 1, key);
      },
    }),
  }),
  ...faulty('removes that key alone, and does not mind one that is absent', {
    'minds the removal of what is absent': ({ read, remove }) => ({
      remove: (key) => {
        if (read([key])[0] === undefined) throw new Error('not found');
        remove(key);
      },
    }),
    'does not remove': () => ({ remove: () => undefined }),
  }),

  ...faulty('adds a key that is absent, and none that is there', {
    'adds what is there': ({ add }) => ({ add: (key, ttlSeconds) => add(key, ttlSeconds) || true }),
    'adds over what was written': ({ read, write }) => ({
      add: (key, ttlSeconds) => {
        if (read([key])[0] === '1') return false;
        write(key, '1', ttlSeconds);
        return true;
      },
    }),
    'keeps what was added out of sight': ({ add }) => ({
      add: (key, ttlSeconds) => add(`added ${key}`, ttlSeconds),
    }),
    'does not remove what was added': ({ add, remove }) => {
      const added = new Set<string>();
      return {
        add: (key, ttlSeconds) => {
          if (added.has(key)) return false;
          added.add(key);
          return add(key, ttlSeconds);
        },
        remove,
      };
    },
  }),

  ...faulty('adds a key once, however many add it at once', {
    'looks first and adds then': ({ read, write }) => ({
      async add(key, ttlSeconds) {
        if (read([key])[0] !== undefined) return false;
        await setImmediate();
        write(key, '', ttlSeconds, { keep: true });
        return true;
      },
    }),
  }),

  ...faulty('counts what was added as there until it expires, and then as absent', {
    'never forgets what was added': ({ add }) => ({ add: (key) => add(key, 300) }),
    'forgets after a second what was added': ({ add }) => ({ add: (key) => add(key, 1) }),
    'shortens the expiry of what is there': ({ read, write, add }) => ({
      add: (key, ttlSeconds) => {
        if (add(key, ttlSeconds)) return true;
        write(key, read([key])[0] ?? '', Math.min(1, ttlSeconds));
        return false;
      },
    }),
    'starts the expiry again': ({ add, write }) => ({
      add: (key, ttlSeconds) => {
        if (add(key, ttlSeconds)) return true;
        write(key, '', ttlSeconds);
        return false;
      },
    }),
  }),

  ...faulty('drops nothing that was added, nor anything else to make room for it', {
    'drops what was added first': withLittleRoom(({ read, write }) => ({
      add: (key, ttlSeconds) => {
        if (read([key])[0] !== undefined) return false;
        write(key, '', ttlSeconds);
        return true;
      },
    })),
    'drops what was written for what is added': withLittleRoom(({ read, write }) => ({
      add: (key, ttlSeconds) => {
        if (read([key])[0] !== undefined) return false;
        write(key, '', ttlSeconds, { keep: true });
        return true;
      },
    })),
  }),

  ...faulty('raises to the greater value by its bytes, whichever comes first', {
    'compares by the locale': raisingBy((a, b) => a.localeCompare(b) > 0),
    'compares without regard to case': raisingBy((a, b) => a.toLowerCase() > b.toLowerCase()),
    'compares numbers': raisingBy((a, b) => Number.parseFloat(a) > Number.parseFloat(b)),
    'takes the longer for the greater': raisingBy(
      (a, b) => a.length > b.length || (a.length === b.length && a > b),
    ),
    'keeps the value that is there': raisingBy(() => true),
    'writes whatever is there': raisingBy(() => false),
  }),

  ...faulty('raises what was written, and overwrites what was raised', {
    'raises among other keys than those it writes': ({ read, write, raise, remove }) => ({
      read: (keys) => {
        const raised = read(keys.map((key) => `raised ${key}`));
        return read(keys).map((value, index) => value ?? raised[index]);
      },
      write,
      raise: (key, ...rest) => {
        raise(`raised ${key}`, ...rest);
      },
      remove: (key) => {
        remove(key);
        remove(`raised ${key}`);
      },
    }),
    'raises in a write': ({ raise }) => ({
      write: (key, value, ttlSeconds) => {
        raise(key, value, ttlSeconds);
      },
    }),
  }),

  ...faulty('raises to the greatest value, however many raise at once', {
    'looks first and raises then': ({ read, write }) => ({
      async raise(key, value, ttlSeconds) {
        const [present] = read([key]);
        await setImmediate();
        if (present === undefined || present <= value) write(key, value, ttlSeconds);
      },
    }),
  }),

  ...faulty('only ever moves the expiry later when it raises', {
    'takes the expiry of the last raise': ({ raise, read, write }) => ({
      raise: (key, value, ttlSeconds) => {
        raise(key, value, ttlSeconds);
        write(key, read([key])[0] ?? '', ttlSeconds);
      },
    }),
    'leaves the expiry of what is greater': ({ read, raise }) => ({
      raise: (key, value, ttlSeconds) => {
        const [present] = read([key]);
        if (present === undefined || present <= value) raise(key, value, ttlSeconds);
      },
    }),
    'leaves the expiry of what is equal': ({ read, raise }) => ({
      raise: (key, value, ttlSeconds) => {
        if (read([key])[0] !== value) raise(key, value, ttlSeconds);
      },
    }),
    'takes the expiry of the greater value': ({ read, write }) => ({
      raise: (key, value, ttlSeconds) => {
        const [present] = read([key]);
        if (present === undefined || present < value) write(key, value, ttlSeconds);
      },
    }),
    'never lets expire what was raised': ({ raise }) => ({
      raise: (key, value) => {
        raise(key, value, 300);
      },
    }),
    'looks first at the expiry and sets it then': ({ read, write }) => {
      const expiries = new Map<string, number>();
      return {
        async raise(key, value, ttlSeconds) {
          const expiry = Math.max(expiries.get(key) ?? 0, ttlSeconds);
          await setImmediate();
          expiries.set(key, expiry);
          const [present = ''] = read([key]);
          write(key, present > value ? present : value, expiry);
        },
      };
    },
  }),

  ...faulty('drops nothing that was raised or is to be kept, to make room', {
    'drops what was raised': withLittleRoom(({ write, read }) => ({
      raise: (key, value, ttlSeconds) => {
        const [present = ''] = read([key]);
        write(key, present > value ? present : value, ttlSeconds);
      },
    })),
    'drops what is to be kept': withLittleRoom(({ write }) => ({
      write: (key, value, ttlSeconds) => {
        write(key, value, ttlSeconds);
      },
    })),
    'drops what was written before it was raised': withLittleRoom(({ write, read, raise }) => ({
      raise: (key, value, ttlSeconds) => {
        if (read([key])[0] === undefined) raise(key, value, ttlSeconds);
        else write(key, value, ttlSeconds);
      },
    })),
  }),

  ...faulty('moves a value, and the place it left is free again', {
    'copies instead of moving': ({ read, write }) => ({
      move: (from, to) => {
        write(to, read([from])[0] ?? '', 300);
        return true;
      },
    }),
  }),

  ...faulty('moves nothing where there is nothing', {
    'says that it moved what is absent': ({ read, move }) => ({
      move: (from, to) => move(from, to) || read([from])[0] === undefined,
    }),
  }),

  ...faulty('moves onto nothing that is there, itself included, and loses neither', {
    'moves onto what is there': ({ remove, move }) => ({
      move: (from, to) => {
        if (from !== to) remove(to);
        return move(from, to);
      },
    }),
    'says that it moved a key onto itself': ({ move }) => ({
      move: (from, to) => from === to || move(from, to),
    }),
  }),

  ...faulty('moves once, however many move it to different places at once', {
    'looks first and moves then': looksFirst,
  }),
  ...faulty('moves once, however many move it to the same place at once', {
    'looks first and moves then': looksFirst,
  }),
  ...faulty('moves one of many to the same place, and leaves the others where they are', {
    'looks first and moves then': looksFirst,
  }),

  ...faulty('forgets what has expired, moved or not, and counts it as absent in a move', {
    'never forgets': ({ write }) => ({
      write: (key, value) => {
        write(key, value, 300);
      },
    }),
    'takes seconds for milliseconds': ({ write }) => ({
      write: (key, value, ttlSeconds, options) => {
        write(key, value, ttlSeconds / 1000, options);
      },
    }),
    'forgets everything after half a second': ({ write }) => ({
      write: (key, value, ttlSeconds) => {
        write(key, value, Math.min(0.5, ttlSeconds));
      },
    }),
    'starts the expiry again in a move': ({ read, write, move }) => ({
      move: (from, to) => {
        const moved = move(from, to);
        if (moved) write(to, read([to])[0] ?? '', 300);
        return moved;
      },
    }),
    'lets what has expired stand in the way of a move': ({ write, move }) => {
      const written = new Set<string>();
      return {
        write: (key, ...rest) => {
          written.add(key);
          write(key, ...rest);
        },
        move: (from, to) => !written.has(to) && move(from, to),
      };
    },
  }),
];
