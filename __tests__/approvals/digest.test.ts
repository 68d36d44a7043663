import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  bodyMaterial,
  operationDigest,
  requestDigest,
  sortedJson,
  webAuthnChallenge,
} from '../../lib/approval/digest.js';

const sorted = (value: unknown): string => sortedJson(value, 'the value');

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('base64url');
}

/** Arrays in each other. */
function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level += 1) value = [value];
  return value;
}

describe('sortedJson()', () => {
  it('sorts members by UTF-16 code units on every level, numbers among them', () => {
    const value = { b: 1, a: { 9: 1, 10: 2 }, '\u{1F600}': 3, '\uFB01': 4, B: [{ z: 1, y: 2 }] };
    expect(sorted(value)).toBe(
      '{"B":[{"y":2,"z":1}],"a":{"10":2,"9":1},"b":1,"\u{1F600}":3,"\uFB01":4}',
    );
  });

  it('writes numbers and strings as JSON.stringify does', () => {
    const values = [-0, 0.1 + 0.2, 1e21, 5e-324, '\ud800', '\u2028', '"\\/\u0007é', ''];
    expect(sorted(values)).toBe(JSON.stringify(values));
  });

  it('leaves out members that are undefined, and symbols', () => {
    expect(sorted({ a: undefined, [Symbol('s')]: 1, b: null })).toBe('{"b":null}');
  });

  it('binds members named __proto__, constructor and toJSON without calling or setting them', () => {
    const text = '{"__proto__":{"admin":true},"constructor":1,"toJSON":"x"}';
    expect(sorted(JSON.parse(text))).toBe(text);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  it('takes objects without a prototype', () => {
    expect(sorted(Object.assign(Object.create(null) as object, { a: 1 }))).toBe('{"a":1}');
  });

  it('takes 500 levels', () => {
    expect(sorted(nested(500))).toBe('['.repeat(500) + ']'.repeat(500));
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = [cycle];
  class Amount {
    readonly value = 1;
  }
  it.each<[string, unknown, string]>([
    ['501 levels', nested(501), 'more than 500 levels'],
    ['a cycle', cycle, 'more than 500 levels'],
    ['NaN', { amount: NaN }, 'NaN'],
    ['Infinity', [Infinity], 'Infinity'],
    ['a bigint', { amount: 1n }, 'a bigint'],
    ['a function', { toJSON: () => 1 }, 'a function'],
    ['a symbol', [Symbol('s')], 'a symbol'],
    ['a hole in an array', new Array(1), 'undefined'],
    ['undefined in an array', [undefined], 'undefined'],
    ['undefined', undefined, 'undefined'],
    ['a Date', { at: new Date(0) }, 'an instance of a class'],
    ['a Map', new Map([['a', 1]]), 'an instance of a class'],
    ['an instance of a class', new Amount(), 'an instance of a class'],
    ['an object that inherits from another', Object.create({ a: 1 }), 'an instance of a class'],
    ['a boxed string', Object('a'), 'an instance of a class'],
    ['bytes within a value', { data: Buffer.from('a') }, 'an instance of a class'],
  ])('refuses %s', (_name, value, kind) => {
    expect(() => sorted(value)).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        message: `the value holds ${kind}, which has no exact text in JSON. It may hold null, booleans, finite numbers, strings, arrays and plain objects, at most 500 levels of them.`,
      }) as Error,
    );
  });

  it('writes JSON that means the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(sorted(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('writes the same text for two values if and only if they are equal', () => {
    const small = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom<unknown>(null, true, 0, 1, '', '1', 'a', 'null'),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom('a', 'b', '1', '__proto__'), tie('value'), { maxKeys: 2 }),
      ),
    })).value;
    // A second way to write a value, with a tag on each kind.
    const tagged = (value: unknown): unknown => {
      if (Array.isArray(value)) return ['array', ...value.map(tagged)];
      if (typeof value !== 'object' || value === null) return [typeof value, value];
      const members = Object.entries(value).map(([name, member]) => [name, tagged(member)]);
      return ['members', members.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))];
    };
    let equal = 0;
    fc.assert(
      fc.property(small, small, (a, b) => {
        const areEqual = JSON.stringify(tagged(a)) === JSON.stringify(tagged(b));
        if (areEqual) equal += 1;
        expect(sorted(a) === sorted(b)).toBe(areEqual);
      }),
      { numRuns: 2_000 },
    );
    expect(equal).toBeGreaterThan(10);
  });

  it('writes the same text for each order of the members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(sorted(reversed)).toBe(sorted(value));
      }),
    );
  });
});

describe('bodyMaterial()', () => {
  const material = (value: unknown): string => bodyMaterial(value, 'the body');

  it('hashes the UTF-8 of a string, and bytes', () => {
    const hash = sha256('50 € to Bob');
    expect([material('50 € to Bob'), material(new TextEncoder().encode('50 € to Bob'))]).toEqual([
      `{"sha256":"${hash}"}`,
      `{"sha256":"${hash}"}`,
    ]);
  });

  it('hashes the bytes of a view, without those of the buffer around it', () => {
    const view = new Uint8Array(new TextEncoder().encode('abc').buffer, 1, 1);
    expect(material(view)).toBe(material('b'));
  });

  it.each(['a\ud800', '\udc00b', '\udc00\ud800'])(
    'refuses the string %j, because another string has the same UTF-8',
    (text) => {
      expect(() => material(text)).toThrow(
        expect.objectContaining({
          errorType: 'invalid_request',
          detail: 'The text of this request is not well-formed Unicode.',
        }) as Error,
      );
    },
  );

  it('tells null, the string "null", no body and an object that looks like a hash apart', () => {
    const materials = [null, 'null', { sha256: sha256('null') }].map(material);
    expect(new Set([...materials, 'null']).size).toBe(4);
  });
});

describe('The digests', () => {
  it('are the hashes of the texts that the documentation gives', () => {
    expect(requestDigest({ method: 'POST', url: '/a?b="c"' }, '{"json":{"d":1}}')).toBe(
      sha256('["request/1","POST","/a?b=\\"c\\"",{"json":{"d":1}}]'),
    );
    expect(operationDigest('{"d":1}')).toBe(sha256('["operation/1",{"d":1}]'));
    expect(
      webAuthnChallenge({
        issuer: 'https://issuer.test',
        userId: 'u"1',
        challengeId: '7.x',
        digest: 'D',
        description: '{"amount":"50"}',
      }),
    ).toBe(sha256('["approval/1","https://issuer.test","u\\"1","7.x","D",{"amount":"50"}]'));
  });
});
