import { requireMfa } from 'express-wallet-session';
import { complaintsAboutMfa } from './complaints.js';

describe('The options of requireMfa()', () => {
  it.each([
    [undefined],
    [{}],
    [{ maxAgeSeconds: 1 }],
    [{ maxAgeSeconds: 1e9, methods: ['totp'], acr: ['urn:example:mfa', '2'] }],
    [{ when: () => true, whenNotEnrolled: 'allow' }],
    [{ whenNotEnrolled: 'deny' }],
    [{ maxAgeSeconds: undefined, methods: undefined, acr: undefined, when: undefined }],
    [{ whenNotEnrolled: undefined, maxAge: undefined }],
  ])('accept %o', (options) => {
    expect(complaintsAboutMfa(options)).toEqual([]);
  });

  it.each([
    ['maxAgeSeconds', 0, 'must be a finite number of at least 1, not 0.'],
    ['maxAgeSeconds', 0.5, 'must be a finite number of at least 1, not 0.5.'],
    ['maxAgeSeconds', -300, 'must be a finite number of at least 1, not -300.'],
    ['maxAgeSeconds', Infinity, 'must be a finite number of at least 1, not Infinity.'],
    ['maxAgeSeconds', NaN, 'must be a finite number of at least 1, not NaN.'],
    ['maxAgeSeconds', '300', 'must be a finite number of at least 1, not a string.'],
    ['methods', 'totp', 'must be a non-empty array of non-empty strings, not a string.'],
    ['methods', [], 'must be a non-empty array of non-empty strings, not an empty array.'],
    ['methods', ['totp', ''], 'must be a non-empty array of non-empty strings, not an array.'],
    ['methods', [5], 'must be a non-empty array of non-empty strings, not an array.'],
    ['acr', 'urn:example:mfa', 'must be a non-empty array of non-empty strings, not a string.'],
    ['acr', [], 'must be a non-empty array of non-empty strings, not an empty array.'],
    ['acr', ['one two'], 'values must not hold spaces, quotes or backslashes; each is one entry.'],
    ['acr', ['a"b'], 'values must not hold spaces, quotes or backslashes; each is one entry.'],
    ['acr', ['a\r\nb'], 'values must not hold spaces, quotes or backslashes; each is one entry.'],
    ['when', true, 'must be a function, not a boolean.'],
    ['whenNotEnrolled', 'ask', "must be 'deny' or 'allow', not a string."],
    ['whenNotEnrolled', true, "must be 'deny' or 'allow', not a boolean."],
  ])('refuse %s: %j at creation', (name, value, complaint) => {
    expect(complaintsAboutMfa({ [name]: value })).toEqual([
      `requireMfa(): \`${name}\` ${complaint}`,
    ]);
  });

  it('name every mistake at once', () => {
    expect(complaintsAboutMfa({ maxAgeSeconds: 0, methods: [], method: 'totp' })).toEqual([
      expect.stringContaining('`maxAgeSeconds`'),
      expect.stringContaining('`methods`'),
      expect.stringContaining('Did you mean `methods`?'),
    ]);
    expect(complaintsAboutMfa(300)).toEqual([
      'requireMfa(): expects an object of options, not 300.',
    ]);
  });

  it('are read at creation only', () => {
    const methods = ['totp'];
    expect(requireMfa({ methods })).toHaveProperty('name', 'requireMfaMiddleware');
    expect(Object.isFrozen(methods)).toBe(false);
  });
});
