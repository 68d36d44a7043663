import {
  amrEvidence,
  cdpAuthentication,
  ConfigurationError,
  createSessions,
  customAuthentication,
  fromBearer,
  fromCookie,
  memoryStore,
  validateSession,
  type SessionOptions,
} from 'express-wallet-session';
import { cdp, complaints, complaintsAbout, custom } from './complaints.js';

const authentication = cdpAuthentication(cdp);
const TEN_YEARS = 100_000_000_000;

/** All options, with each number at its limits. */
const everything: SessionOptions[] = [
  {
    authentication: [authentication, customAuthentication(custom)],
    store: memoryStore(),
    token: [fromBearer(), fromCookie('session'), () => undefined],
    required: false,
    property: 'walletSession',
    mfa: {
      windowSeconds: 1,
      challengeSeconds: 30,
      isEnrolled: () => true,
      evidence: amrEvidence(),
    },
    maxSessionSeconds: 1,
    warnBeforeSeconds: 0,
    clockToleranceSeconds: 0,
    tokenCache: { maxEntries: 0, maxAgeSeconds: 1 },
    revocation: 'when-available',
    onError: () => undefined,
    origin: 'https://api.example.com',
    clock: () => 0,
  },
  {
    authentication,
    required: true,
    property: false,
    mfa: { windowSeconds: TEN_YEARS, challengeSeconds: 600 },
    origin: 'http://localhost:8080/',
    maxSessionSeconds: TEN_YEARS,
    warnBeforeSeconds: TEN_YEARS,
    clockToleranceSeconds: 60,
    tokenCache: { maxEntries: 1, maxAgeSeconds: TEN_YEARS },
    revocation: 'required',
  },
  { authentication, mfa: { windowSeconds: 1.5 }, clockToleranceSeconds: 0.5 },
];

describe('The options of createSessions()', () => {
  it.each(everything.map((options) => [options]))('accept %o', (options) => {
    expect(complaints(() => createSessions(options))).toEqual([]);
  });

  it('are all optional but `authentication`, and `undefined` counts as absent', () => {
    const names = Object.keys(everything[0] ?? {}).filter((name) => name !== 'authentication');
    expect(names).toHaveLength(13);
    for (const absent of [
      {},
      Object.fromEntries(names.map((name) => [name, undefined])),
      {
        mfa: {
          windowSeconds: undefined,
          challengeSeconds: undefined,
          isEnrolled: undefined,
          evidence: undefined,
        },
        tokenCache: { maxEntries: undefined, maxAgeSeconds: undefined },
      },
      { windowSecond: undefined, mfa: { widowSeconds: undefined } },
    ]) {
      expect(complaintsAbout(absent)).toEqual([]);
    }
  });

  it.each([
    ['required', 'yes', '`required` must be true or false, not a string.'],
    ['required', null, '`required` must be true or false, not null.'],
    ['property', '', '`property` must be a non-empty string, not an empty string.'],
    ['property', ' ', '`property` must be a non-empty string, not a blank string.'],
    ['property', true, '`property` must be a non-empty string, not a boolean.'],
    ['property', 'headers', '`property`: every request has a member of this name already.'],
    ['property', 'url', '`property`: every request has a member of this name already.'],
    ['property', 'rawHeaders', '`property`: every request has a member of this name already.'],
    ['property', 'toString', '`property`: every request has a member of this name already.'],
    ['property', '__proto__', '`property`: every request has a member of this name already.'],
    ['property', 'params', '`property`: every request has a member of this name already.'],
    ['property', 'body', "Choose another, for instance 'walletSession'."],
    ['origin', '', '`origin` must be a non-empty string, not an empty string.'],
    ['origin', 'api.example.com', '`origin` must be an http or https origin without a path'],
    ['origin', 'https://api.example.com/v1', '`origin` must be an http or https origin'],
    ['origin', 'https://api.example.com?', '`origin` must be an http or https origin'],
    ['origin', 'https://user@api.example.com', '`origin` must be an http or https origin'],
    ['origin', 'ws://api.example.com', '`origin` must be an http or https origin'],
    ['origin', new URL('https://api.example.com'), '`origin` must be a non-empty string, not an'],
    ['maxSessionSeconds', 0, `between 1 and ${TEN_YEARS}, not 0.`],
    ['maxSessionSeconds', 0.5, `between 1 and ${TEN_YEARS}, not 0.5.`],
    ['maxSessionSeconds', Infinity, `between 1 and ${TEN_YEARS}, not Infinity.`],
    ['maxSessionSeconds', NaN, `between 1 and ${TEN_YEARS}, not NaN.`],
    ['maxSessionSeconds', '604800', `between 1 and ${TEN_YEARS}, not a string.`],
    ['maxSessionSeconds', 604_800n, `between 1 and ${TEN_YEARS}, not a bigint.`],
    ['warnBeforeSeconds', -1, `between 0 and ${TEN_YEARS}, not -1.`],
    ['warnBeforeSeconds', Infinity, `between 0 and ${TEN_YEARS}, not Infinity.`],
    ['clockToleranceSeconds', -1, 'between 0 and 60, not -1.'],
    ['clockToleranceSeconds', 61, 'between 0 and 60, not 61.'],
    ['clockToleranceSeconds', NaN, 'between 0 and 60, not NaN.'],
    ['revocation', 'never', "`revocation` must be 'required' or 'when-available', not a string."],
    ['onError', 'log', '`onError` must be a function, not a string.'],
    ['clock', 1_700_000_000_000, '`clock` must be a function, not 1700000000000.'],
    ['clock', new Date(0), '`clock` must be a function, not an object.'],
    ['token', [], '`token` must be a non-empty array of functions'],
    ['token', fromBearer(), '[fromBearer()], not a function.'],
    ['token', ['authorization'], '`token` must be a non-empty array of functions'],
    ['store', {}, '`store` must have the methods read, write, add, raise, remove, move:'],
    [
      'store',
      'redis://localhost',
      '`store` must have the methods read, write, add, raise, remove, move:',
    ],
    ['store', null, 'memoryStore(), redisStore(client), or one of your own.'],
    ['store', { ...memoryStore(), move: undefined }, 'remove, move, and lacks move: memoryStore()'],
    ['store', { ...memoryStore(), add: undefined, raise: 5 }, 'move, and lacks add, raise: mem'],
    ['mfa', null, 'validateSession({ mfa }): expects an object of options, not null.'],
    ['mfa', 300, 'validateSession({ mfa }): expects an object of options, not 300.'],
    ['tokenCache', false, 'validateSession({ tokenCache }): expects an object of options'],
    ['authentication', null, '`authentication` must be made by cdpAuthentication() or'],
    ['authentication', 'cdp', '`authentication` must be made by cdpAuthentication() or'],
    ['authentication', cdp, '`authentication` must be made by cdpAuthentication() or'],
    ['authentication', [], '`authentication`: an empty array lets nobody in.'],
    ['authentication', [null], 'or be an array of these, not null.'],
    ['authentication', cdpAuthentication, 'or be an array of these, not a function.'],
  ])('refuse %s: %p', (name, value, complaint) => {
    expect(complaintsAbout({ [name]: value })).toEqual([expect.stringContaining(complaint)]);
    expect(complaintsAbout({ [name]: value })[0]).toContain(name);
  });

  it.each([
    ['mfa', 'windowSeconds', 0, `between 1 and ${TEN_YEARS}, not 0.`],
    ['mfa', 'windowSeconds', -300, `between 1 and ${TEN_YEARS}, not -300.`],
    ['mfa', 'windowSeconds', '5m', `between 1 and ${TEN_YEARS}, not a string.`],
    ['mfa', 'challengeSeconds', 29, 'between 30 and 600, not 29.'],
    ['mfa', 'challengeSeconds', 601, 'between 30 and 600, not 601.'],
    ['mfa', 'challengeSeconds', NaN, 'between 30 and 600, not NaN.'],
    ['mfa', 'isEnrolled', true, '`isEnrolled` must be a function, not a boolean.'],
    ['mfa', 'evidence', { method: 'otp' }, '`evidence` must be a function, not an object.'],
    ['tokenCache', 'maxEntries', -1, 'a whole number between 0 and 16777216, not -1.'],
    ['tokenCache', 'maxEntries', 0.5, 'a whole number between 0 and 16777216, not 0.5.'],
    ['tokenCache', 'maxEntries', Infinity, 'a whole number between 0 and 16777216, not Infinity.'],
    ['tokenCache', 'maxAgeSeconds', 0, `between 1 and ${TEN_YEARS}, not 0.`],
  ])('refuse %s: { %s: %p }', (group, name, value, complaint) => {
    expect(complaintsAbout({ [group]: { [name]: value } })).toEqual([
      expect.stringMatching(`^validateSession\\(\\{ ${group} \\}\\): \`${name}\``),
    ]);
    expect(complaintsAbout({ [group]: { [name]: value } })[0]).toContain(complaint);
  });

  it.each([
    [null, 'null'],
    ['cdp', 'a string'],
    [[], 'an empty array'],
    [() => undefined, 'a function'],
  ])('refuse %p instead of an object', (given, named) => {
    expect(complaints(() => createSessions(given as SessionOptions))).toContain(
      `validateSession(): expects an object of options, not ${named}.`,
    );
  });

  it('refuse two authentications with one issuer', () => {
    const other = customAuthentication({ ...custom, audience: null, mfaScope: 'client' });
    const mistaken = customAuthentication({ ...custom, typ: '' });
    for (const [authentications, count] of [
      [[customAuthentication(custom), other], 1],
      [[other, mistaken], 2],
      [[mistaken, authentication], 1],
      [[authentication, customAuthentication({ ...custom, issuer: 'cdp-api' })], 1],
      [[authentication, other], 0],
    ] as const) {
      const found = complaintsAbout({ authentication: authentications });
      expect(found).toHaveLength(count);
      for (const complaint of found.filter((text) => !text.includes('`typ`'))) {
        expect(complaint).toMatch(/same `issuer`.*Give each its own/);
      }
    }
  });

  it('name every mistake at once, on a line each', () => {
    const mistakes = {
      authentication: [
        cdpAuthentication({ jwksUri: 'ftp://issuer.example/' } as typeof cdp),
        customAuthentication({ issuer: '' } as typeof custom),
      ],
      store: memoryStore({ maxEntries: 0 }),
      token: [],
      property: 5,
      mfa: { windowSeconds: 0, enrolled: true },
      maxSessionSeconds: -1,
      tokenCache: { maxEntries: 1.5, size: 3 },
      requried: false,
    } as unknown as SessionOptions;
    const found = complaints(() => createSessions(mistakes));
    const places = [
      'cdpAuthentication(): `projectId`',
      'cdpAuthentication(): `jwksUri`',
      'customAuthentication(): `issuer`',
      'customAuthentication(): `audience`',
      'memoryStore(): `maxEntries`',
      'validateSession(): `token`',
      'validateSession(): `property`',
      'validateSession({ mfa }): `windowSeconds`',
      'validateSession({ mfa }): there is no option `enrolled`. Did you mean `isEnrolled`?',
      'validateSession(): `maxSessionSeconds`',
      'validateSession({ tokenCache }): `maxEntries`',
      'validateSession({ tokenCache }): there is no option `size`.',
      'validateSession(): there is no option `requried`. Did you mean `required`?',
    ];
    for (const place of places) {
      expect(found).toContainEqual(expect.stringContaining(place));
    }
    expect(found).toHaveLength(places.length);
    const error = new ConfigurationError(found);
    expect(error.name).toBe('ConfigurationError');
    expect(error.message.trim().split('\n')).toEqual(found.map((complaint) => `- ${complaint}`));
    expect(new ConfigurationError(['One.']).message).toBe('One.');
  });

  it('are checked by validateSession() before any request', () => {
    const options = { property: 5, mfa: { windowSeconds: 0 } };
    const given = { authentication, ...options } as unknown as SessionOptions;
    expect(complaints(() => validateSession(given))).toEqual(complaintsAbout(options));
    expect(complaintsAbout(options)).toHaveLength(2);
  });

  it('are never shown in a complaint if they are text', () => {
    const secret = 'sk_live_51H';
    const wrong = Object.fromEntries(
      Object.keys(everything[0] ?? {}).map((name) => [
        name,
        name === 'property' ? [secret] : secret,
      ]),
    );
    const found = [
      ...complaintsAbout(wrong),
      ...complaintsAbout({
        authentication: cdpAuthentication({
          projectId: 'p',
          jwksUri: `http://${secret}.example/`,
          issuer: [secret],
          algorithms: [secret],
        } as unknown as typeof cdp),
      }),
    ];
    expect(found.length).toBeGreaterThan(12);
    expect(found.join()).not.toContain(secret);
  });
});
