import { generateKeyPairSync } from 'node:crypto';
import { cdpAuthentication, customAuthentication, memoryStore } from 'express-wallet-session';
import { redisStore, type RedisClient } from 'express-wallet-session/redis';
import {
  cdp,
  complaintsAbout,
  complaintsAboutCdp,
  complaintsAboutCustom,
  custom,
  jwksUri,
} from './complaints.js';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'key-1' };
const jwks = { keys: [jwk] };
const validateAccessToken = (): Promise<{ userId: string }> => Promise.resolve({ userId: 'user' });
const withoutKeys = { jwksUri: undefined };

describe('customAuthentication()', () => {
  it.each([
    [custom],
    [{ ...custom, audience: ['wallet-api', 'other-api'] }],
    [{ ...custom, audience: null }],
    [{ ...custom, jwksUri: new URL(jwksUri), fetch, allowHttp: false }],
    [{ ...custom, ...withoutKeys, jwks, allowHttp: undefined, fetch: undefined }],
    [{ ...custom, ...withoutKeys, fetch }],
    [{ ...custom, ...withoutKeys, issuer: 'http://127.0.0.1:3000/realm' }],
    [{ ...custom, ...withoutKeys, issuer: 'http://idp.internal', allowHttp: true }],
    [{ ...custom, issuer: 'my-issuer' }],
    [
      {
        ...custom,
        algorithms: ['RS256', 'PS512', 'ES384', 'EdDSA', 'Ed25519'],
        userIdClaim: 'https://example.com/user_id',
        sessionIdClaim: 'session',
        mfaScope: 'client',
        typ: 'application/at+jwt',
      },
    ],
    [
      Object.fromEntries([
        ...Object.entries(custom),
        ...['algorithms', 'userIdClaim', 'sessionIdClaim', 'mfaScope', 'typ', 'jwks'].map(
          (name) => [name, undefined],
        ),
      ]),
    ],
  ])('accepts %o', (options) => {
    expect(complaintsAboutCustom(options)).toEqual([]);
  });

  it.each([
    ['audience', undefined, '`audience` is missing: name the audience of your API, or pass null'],
    ['audience', '', '`audience` must be a non-empty array of non-empty strings'],
    ['audience', [], '`audience` must be a non-empty array of non-empty strings'],
    ['audience', ['wallet-api', ''], '`audience` must be a non-empty array of non-empty strings'],
    ['audience', false, '`audience` must be a non-empty array of non-empty strings'],
    ['issuer', undefined, '`issuer` is missing: the `iss` of your access tokens, to the letter.'],
    ['issuer', '', '`issuer` must be a non-empty string, not an empty string.'],
    ['issuer', null, '`issuer` must be a non-empty string, not null.'],
    ['issuer', new URL('https://issuer.example/'), 'must be a non-empty string, not an object.'],
    ['algorithms', [], '`algorithms` must be a non-empty array of non-empty strings'],
    ['algorithms', 'RS256', '`algorithms` must be a non-empty array of non-empty strings'],
    ['algorithms', ['RS256', 'HS256'], 'no secret-key algorithm, and never none.'],
    ['algorithms', ['none'], 'no secret-key algorithm, and never none.'],
    ['algorithms', ['rs256'], '`algorithms` may hold RS256, RS384'],
    ['userIdClaim', '', '`userIdClaim` must be a non-empty string'],
    ['sessionIdClaim', '', '`sessionIdClaim` must be a non-empty string'],
    ['audienceClaim', '', '`audienceClaim` must be a non-empty string'],
    ['checkClaims', true, '`checkClaims` must be a function'],
    ['dpop', true, "`dpop` must be 'when-bound' or 'required' or 'ignore', not a boolean."],
    ['mfaScope', 'tab', "`mfaScope` must be 'client' or 'user', not a string."],
    ['typ', 5, '`typ` must be a non-empty string'],
    ['allowHttp', 'yes', '`allowHttp` must be true or false'],
    ['fetch', 'node-fetch', '`fetch` must be a function'],
    ['jwksUri', '', '`jwksUri` must be an absolute address'],
    ['jwksUri', '/.well-known/jwks.json', '`jwksUri` must be an absolute address'],
    ['jwksUri', 'issuer.example', '`jwksUri` must be an absolute address'],
    ['jwksUri', 5, '`jwksUri` must be an absolute address'],
    ['jwksUri', 'https://user:pass@issuer.example/', '`jwksUri` must not carry a user name'],
    ['jwksUri', 'file:///etc/jwks.json', '`jwksUri` must be https:'],
    ['jwksUri', 'data:application/json,{}', '`jwksUri` must be https:'],
    ['jwks', jwks, 'give one of `jwksUri` and `jwks`, not 2 at once.'],
    ['projectId', 'project-1', 'there is no option `projectId`.'],
    ['validateAccessToken', validateAccessToken, 'there is no option `validateAccessToken`.'],
  ])('refuses %s: %p', (name, value, complaint) => {
    const found = complaintsAboutCustom({ ...custom, [name]: value });
    expect(found).toEqual([expect.stringMatching(/^customAuthentication\(\): /)]);
    expect(found[0]).toContain(complaint);
  });

  it.each([
    ['', false],
    ['not a key set', false],
    [[jwk], false],
    [{}, false],
    [{ keys: [] }, false],
    [{ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }, false],
    [{ keys: [privateKey.export({ format: 'jwk' })] }, false],
    [{ keys: [{ ...jwk, use: 'enc' }] }, false],
    [{ keys: [{ ...jwk, x: jwk.y }] }, false],
    [{ keys: [{ kty: 'oct', k: 'c2VjcmV0' }, null, jwk] }, true],
  ])('accepts `jwks: %j` only with a usable key (%s)', (given, isUsable) => {
    const complaint = expect.stringMatching(/`jwks` must be .* at least one public key/) as unknown;
    expect(complaintsAboutCustom({ ...custom, ...withoutKeys, jwks: given })).toEqual(
      isUsable ? [] : [complaint],
    );
  });

  it.each([
    'my-issuer',
    'issuer.example',
    'http://issuer.example/',
    'ftp://issuer.example/',
    'https://user:pass@issuer.example/',
    'https://issuer.example/?tenant=1',
    'https://issuer.example/#a',
  ])(
    'refuses the issuer %s without jwksUri and jwks, as no address to discover keys at',
    (issuer) => {
      expect(complaintsAboutCustom({ ...custom, ...withoutKeys, issuer })).toEqual([
        expect.stringContaining('`issuer` must be an https: address'),
      ]);
      expect(complaintsAboutCustom({ ...custom, issuer })).toEqual([]);
    },
  );

  it('accepts `jwks` only with a key for its algorithms', () => {
    const options = { ...custom, ...withoutKeys, algorithms: ['ES256'] };
    expect(complaintsAboutCustom({ ...options, jwks: { keys: [rsa] } })).toEqual([
      expect.stringContaining('that `algorithms` can use.'),
    ]);
    expect(complaintsAboutCustom({ ...options, jwks: { keys: [rsa, jwk] } })).toEqual([]);
  });
});

describe('The address of a JWKS', () => {
  it.each([
    ['https://issuer.example/jwks', true],
    ['https://10.0.0.1:8443/jwks', true],
    ['http://localhost:3000/jwks', true],
    ['http://LOCALHOST/jwks', true],
    ['http://127.0.0.1:3000/jwks', true],
    ['http://127.255.255.254/jwks', true],
    ['http://[::1]:3000/jwks', true],
    ['http://issuer.example/jwks', false],
    ['http://10.0.0.1/jwks', false],
    ['http://localhost.issuer.example/jwks', false],
    ['http://notlocalhost/jwks', false],
    ['http://127.0.0.1.issuer.example/jwks', false],
    ['http://128.0.0.1/jwks', false],
    ['http://[::2]/jwks', false],
    ['http://0.0.0.0/jwks', false],
    ['http://localhost@issuer.example/jwks', false],
  ])('%s is allowed by default: %s', (address, isSafe) => {
    for (const jwksUri of [address, new URL(address)]) {
      const found = complaintsAboutCustom({ ...custom, jwksUri });
      expect(found).toHaveLength(isSafe ? 0 : 1);
      for (const complaint of found) expect(complaint).toMatch(/`jwksUri` must/);
    }
  });

  it('may be http: with `allowHttp: true`, and no scheme but http: and https:', () => {
    const allowHttp = true;
    expect(
      complaintsAboutCustom({ ...custom, jwksUri: 'http://idp.internal/jwks', allowHttp }),
    ).toEqual([]);
    expect(complaintsAboutCustom({ ...custom, jwksUri: 'ftp://idp.internal/', allowHttp })).toEqual(
      [expect.stringContaining('`jwksUri` must be https:')],
    );
    expect(complaintsAboutCustom({ ...custom, jwksUri: 'http://idp.internal/jwks' })).toEqual([
      expect.stringContaining('or http: with `allowHttp: true`'),
    ]);
  });
});

describe('cdpAuthentication()', () => {
  it.each([
    [cdp],
    [{ projectId: 'project-1', jwks }],
    [{ projectId: 'project-1', validateAccessToken }],
    [{ ...cdp, issuer: 'x', audience: ['y'], algorithms: ['RS256'], sessionIdClaim: 'z' }],
    [{ ...cdp, audience: null, mfaScope: 'user', allowHttp: true, fetch }],
    [{ ...cdp, issuer: undefined, audience: undefined, jwks: undefined, mfaScope: undefined }],
  ])('accepts %o', (options) => {
    expect(complaintsAboutCdp(options)).toEqual([]);
  });

  it.each([
    ['projectId', undefined, '`projectId` is missing: the id of your CDP project'],
    ['projectId', '', '`projectId` must be a non-empty string'],
    ['projectId', null, '`projectId` must be a non-empty string'],
    ['issuer', '', '`issuer` must be a non-empty string'],
    ['audience', [], '`audience` must be a non-empty array of non-empty strings'],
    ['algorithms', ['HS256'], 'no secret-key algorithm, and never none.'],
    ['jwksUri', undefined, '(or give `jwks`, or for CDP `validateAccessToken`).'],
    ['jwks', jwks, 'give one of `jwksUri` and `jwks`, not 2 at once.'],
    ['validateAccessToken', 'cdp', '`validateAccessToken` must be a function'],
    ['validateAccessToken', validateAccessToken, 'one of `jwksUri` and `validateAccessToken`'],
    ['userIdClaim', 'sub', 'there is no option `userIdClaim`.'],
    ['typ', 'JWT', 'there is no option `typ`.'],
  ])('refuses %s: %p', (name, value, complaint) => {
    const found = complaintsAboutCdp({ ...cdp, [name]: value });
    expect(found).toEqual([expect.stringMatching(/^cdpAuthentication\(\): /)]);
    expect(found[0]).toContain(complaint);
  });
});

describe('The factories', () => {
  it.each([undefined, null, 'text', 5, [], () => undefined])(
    'carry %p without throwing, and createSessions() refuses it',
    (garbage) => {
      const given = garbage as never;
      const [authentication, issuer] = [cdpAuthentication(given), customAuthentication(given)];
      for (const one of [authentication, issuer]) {
        expect(complaintsAbout({ authentication: one }).length).toBeGreaterThan(0);
      }
      const options = memoryStore(given);
      const isAbsent = garbage === undefined;
      expect(complaintsAbout({ store: options })).toHaveLength(isAbsent ? 0 : 1);
      const client = redisStore(given, undefined);
      expect(complaintsAbout({ store: client })).toEqual([
        expect.stringMatching(/^redisStore\(\): expects a client/),
      ]);
    },
  );

  it.each([
    [{ maxEntries: 0 }, '`maxEntries` must be a whole number between 1 and 10000000, not 0.'],
    [{ maxEntries: -1 }, 'between 1 and 10000000, not -1.'],
    [{ maxEntries: 1.5 }, 'between 1 and 10000000, not 1.5.'],
    [{ maxEntries: 10_000_001 }, 'between 1 and 10000000, not 10000001.'],
    [{ maxEntry: 5 }, 'there is no option `maxEntry`. Did you mean `maxEntries`?'],
  ])('memoryStore(%j) is refused by createSessions()', (options, complaint) => {
    const found = complaintsAbout({ store: memoryStore(options as { maxEntries: number }) });
    expect(found).toEqual([expect.stringMatching(/^memoryStore\(\): /)]);
    expect(found[0]).toContain(complaint);
  });

  it.each([
    [{ prefix: 'a{' }, '`prefix` must not contain braces.'],
    [{ prefix: 5 }, '`prefix` must be a non-empty string, not 5.'],
    [{ prefix: 'a{b}' }, '`prefix` must not contain braces.'],
    [{ prefx: 'a' }, 'there is no option `prefx`. Did you mean `prefix`?'],
  ])('redisStore(client, %j) is refused by createSessions()', (options, complaint) => {
    const answer = (): Promise<unknown> => Promise.resolve();
    const client: RedisClient = {
      mGet: answer,
      pSetEx: answer,
      set: answer,
      eval: answer,
      del: answer,
      renameNX: answer,
    };
    expect(complaintsAbout({ store: redisStore(client) })).toEqual([]);
    expect(complaintsAbout({ store: redisStore(client, options as { prefix: string }) })).toEqual([
      `redisStore(): ${complaint}`,
    ]);
  });
});
