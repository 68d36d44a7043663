/**
 * The keys of an issuer over time: fetched once, refreshed ahead of their end, replaced when the
 * issuer rotates them, and never fetched at the will of an attacker. Served over HTTP; the clock is
 * advanced.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import {
  createSessions,
  customAuthentication,
  type CustomAuthenticationOptions,
  type SessionOptions,
} from 'express-wallet-session';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import { eventually } from '../support/eventually.js';
import { recordEvents } from '../support/events.js';
import { expectProblem, type Answered, UNKNOWN_KEY } from '../support/expect-problem.js';
import { JwksServer } from '../support/jwks-server.js';
import {
  accessTokenClaims,
  AUDIENCE,
  ISSUER,
  SigningKey,
  authenticationOf,
} from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';
import { getMe } from '../support/wallet-client.js';

let clock: TestClock;
let key: SigningKey;
let jwks: JwksServer;

beforeEach(async () => {
  clock = createTestClock();
  key = new SigningKey();
  jwks = await JwksServer.start(key);
});

afterEach(() => jwks.close());

function options(authentication: Partial<CustomAuthenticationOptions> = {}): SessionOptions {
  return {
    authentication: authenticationOf({ jwksUri: jwks.uri, ...authentication }),
    clock,
  };
}

function api(more: SessionOptions = {}): Express {
  return walletApi({ ...options(), ...more });
}

function tokenOf(signer: SigningKey, claims = {}): string {
  return signer.token(accessTokenClaims(clock(), claims));
}

async function expectPass(app: Express, signer = key): Promise<void> {
  const answer: Answered = await getMe(app, tokenOf(signer));
  expect(answer).toMatchObject({ status: 200, body: { userId: 'victim' } });
}

/** A token with an unknown `kid`. */
function strange(): string {
  return tokenOf(new SigningKey());
}

describe('Keys are fetched', () => {
  it('on first use, once for all waiting requests', async () => {
    const app = api();
    const held = jwks.hold();
    expect(jwks.fetches).toBe(0);

    const answers = Array.from({ length: 50 }, () =>
      getMe(app, tokenOf(key)).then((a) => a.status),
    );
    await eventually(() => {
      expect(held.waiting).toBe(1);
    });
    held.letGo();

    expect(await Promise.all(answers)).toEqual(Array<number>(50).fill(200));
    expect(jwks.fetches).toBe(1);
  });

  it('by sessions.ready(), which waits for them', async () => {
    const sessions = createSessions(options());
    const held = jwks.hold();
    let isReady = false;
    const ready = sessions.ready().then(() => (isReady = true));
    await eventually(() => {
      expect(held.waiting).toBe(1);
    });
    expect(isReady).toBe(false);
    held.letGo();
    await ready;

    jwks.fail();
    const session = await sessions.authenticateToken(tokenOf(key));
    expect([session.userId, jwks.fetches]).toEqual(['victim', 1]);
  });

  it('as JSON from the configured address, without credentials', async () => {
    let seen: unknown;
    const { answer } = jwks;
    jwks.answer = (req, res) => {
      const { accept, authorization, cookie } = req.headers;
      seen = { method: req.method, url: req.url, accept, authorization, cookie };
      answer(req, res);
    };
    await expectPass(api());
    expect(seen).toEqual({
      method: 'GET',
      url: '/jwks.json',
      accept: 'application/jwk-set+json, application/json',
      authorization: undefined,
      cookie: undefined,
    });
  });

  it('by the `fetch` option', async () => {
    const asked: unknown[] = [];
    const app = walletApi(
      options({
        jwksUri: 'https://issuer.example/jwks.json',
        fetch: (input, init) => {
          asked.push(input);
          return fetch(jwks.uri, init);
        },
      }),
    );
    await expectPass(app);
    expect(asked).toEqual(['https://issuer.example/jwks.json']);
  });

  it('by the global fetch of that moment', async () => {
    const app = api();
    const { fetch } = globalThis;
    let calls = 0;
    globalThis.fetch = (input, init): Promise<Response> => {
      calls += 1;
      return fetch(input, init);
    };
    try {
      await expectPass(app);
    } finally {
      globalThis.fetch = fetch;
    }
    expect(calls).toBe(1);
  });
});

describe('Keys are refreshed ahead of their end', () => {
  it.each([
    ['no Cache-Control', undefined, 600],
    ['max-age', 'max-age=3600', 3600],
    ['max-age among others', 'public, max-age=1200, must-revalidate', 1200],
    ['max-age in capitals', 'Public,Max-Age=1200', 1200],
    ['a quoted max-age', 'max-age="1200"', 1200],
    ['max-age below a minute', 'max-age=5', 60],
    ['max-age of nothing', 'max-age=0, no-cache', 60],
    ['max-age beyond an hour', 'max-age=3601', 3600],
    ['max-age beyond all numbers', `max-age=${'9'.repeat(400)}`, 3600],
    ['another directive that ends alike', 's-maxage=7200', 600],
    ['no-store', 'no-store', 600],
    ['a negative max-age', 'max-age=-5', 600],
    ['nonsense', 'max-age=soon', 600],
  ])('with %s: %s: %i s', async (_what, cacheControl, ageSeconds) => {
    jwks.publish([key], cacheControl === undefined ? {} : { 'cache-control': cacheControl });
    const app = api();
    await expectPass(app);

    clock.advance(ageSeconds * 0.5);
    await expectPass(app);
    await sleep(10);
    expect(jwks.fetches).toBe(1);

    clock.advance(ageSeconds * 0.49);
    await expectPass(app);
    await eventually(() => {
      expect(jwks.fetches).toBe(2);
    });
  });

  it.each([
    ['an Age', 'max-age=3600', '3000', 600],
    ['an Age that leaves less than a minute', 'max-age=3600', '3590', 60],
    ['an Age above max-age', 'max-age=600', '86400', 60],
    ['an Age and a max-age of a day', 'max-age=86400', '3000', 3600],
    ['an Age beyond all numbers', `max-age=${'9'.repeat(400)}`, '9'.repeat(400), 60],
    ['an Age that is no number', 'max-age=1200', 'old', 1200],
    ['an Age and no max-age', 'no-cache', '500', 600],
  ])('with %s: %s, Age: %s: %i s', async (_what, cacheControl, age, ageSeconds) => {
    jwks.publish([key], { 'cache-control': cacheControl, age });
    const app = api();
    await expectPass(app);
    clock.advance(ageSeconds * 0.79);
    await expectPass(app);
    await sleep(10);
    expect(jwks.fetches).toBe(1);
    clock.advance(ageSeconds * 0.2);
    await expectPass(app);
    await eventually(() => {
      expect(jwks.fetches).toBe(2);
    });
  });

  it('without delay to any request, warm or cold', async () => {
    const app = api();
    const warm = tokenOf(key, { exp: clock() / 1000 + 86_400 });
    expect((await getMe(app, warm)).status).toBe(200);
    clock.advance(3600);
    const held = jwks.hold();

    for (let n = 0; n < 20; n += 1) {
      expect((await getMe(app, warm)).status).toBe(200);
      await expectPass(app);
    }
    await eventually(() => {
      expect(held.waiting).toBe(1);
    });
    held.letGo();
    expect(jwks.fetches).toBe(2);
  });

  it('also by requests with cached tokens', async () => {
    const app = api({ tokenCache: { maxAgeSeconds: 86_400 } });
    const token = tokenOf(key, { exp: clock() / 1000 + 86_400 });
    await getMe(app, token);
    clock.advance(500);
    expect((await getMe(app, token)).status).toBe(200);
    await eventually(() => {
      expect(jwks.fetches).toBe(2);
    });
  });

  it('also after the clock was set back', async () => {
    let now = clock() + 365 * 86_400_000;
    const app = api({ clock: () => now });
    const tokenNow = (): string => key.token(accessTokenClaims(now));
    await getMe(app, tokenNow());
    now -= 365 * 86_400_000;

    expect((await getMe(app, tokenNow())).status).toBe(200);
    await eventually(() => {
      expect(jwks.fetches).toBe(2);
    });
    now += 300_000;
    expect((await getMe(app, tokenNow())).status).toBe(200);
    await sleep(10);
    expect(jwks.fetches).toBe(2);
  });
});

describe('When the issuer changes its keys', () => {
  it('tokens of the new key pass, and of the old one while it is published', async () => {
    const app = api();
    await expectPass(app);
    const next = new SigningKey();
    jwks.publish([next, key]);

    await expectPass(app, next);
    await expectPass(app, key);
    expect(jwks.fetches).toBe(2);
  });

  it('a withdrawn key and its cached tokens go with the next good fetch', async () => {
    const app = api({ tokenCache: { maxAgeSeconds: 86_400 } });
    const token = tokenOf(key, { exp: clock() / 1000 + 86_400 });
    expect((await getMe(app, token)).status).toBe(200);
    const next = new SigningKey();
    jwks.publish([next]);
    expect((await getMe(app, token)).status).toBe(200);

    await expectPass(app, next);

    expectProblem(await getMe(app, token), 'token_invalid', UNKNOWN_KEY);
    expectProblem(await getMe(app, tokenOf(key)), 'token_invalid', UNKNOWN_KEY);
  });

  it('a withdrawn key goes with the refresh, without a request for another key', async () => {
    const app = api({ tokenCache: { maxAgeSeconds: 86_400 } });
    const token = tokenOf(key, { exp: clock() / 1000 + 86_400 });
    expect((await getMe(app, token)).status).toBe(200);
    jwks.publish([new SigningKey()]);
    clock.advance(500);

    await eventually(async () => {
      expectProblem(await getMe(app, token), 'token_invalid', UNKNOWN_KEY);
    });
  });

  it('another key under the same kid replaces it, for cached tokens too', async () => {
    const app = api({ tokenCache: { maxAgeSeconds: 86_400 } });
    const token = tokenOf(key, { exp: clock() / 1000 + 86_400 });
    expect((await getMe(app, token)).status).toBe(200);
    const impostor = new SigningKey('ES256', { kid: key.kid ?? '' });
    jwks.publish([impostor]);
    clock.advance(500);

    await eventually(async () => {
      expectProblem(await getMe(app, token), 'token_invalid');
    });
    await expectPass(app, impostor);
  });
});

describe('A token with an unknown kid', () => {
  const events = recordEvents();

  it('causes a fetch right after the first one', async () => {
    const app = api();
    const { answer } = jwks;
    const next = new SigningKey();
    // The issuer publishes the new key between the two fetches.
    jwks.answer = (req, res) => {
      answer(req, res);
      jwks.publish([next, key]);
    };
    await expectPass(app, next);
    expect(jwks.fetches).toBe(2);
  });

  it('is token_invalid with the action refresh_token', async () => {
    const app = api();
    await expectPass(app);
    expectProblem(await getMe(app, strange()), 'token_invalid', UNKNOWN_KEY);
    expect(jwks.fetches).toBe(2);
  });

  it('causes at most one fetch in 30 s', async () => {
    const app = api();
    await expectPass(app);
    for (const [waited, fetches] of [
      [0, 2],
      [29.9, 2],
      [0.1, 3],
      [30, 4],
    ] as const) {
      clock.advance(waited);
      const answers = await Promise.all(Array.from({ length: 100 }, () => getMe(app, strange())));
      for (const answer of answers) expectProblem(answer, 'token_invalid', UNKNOWN_KEY);
      expect(jwks.fetches).toBe(fetches);
    }
    await expectPass(app);
  });

  it('causes no fetch if its claims are wrong', async () => {
    const app = api();
    await expectPass(app);
    for (const claims of [{ iss: 'other' }, { aud: 'other' }, { exp: 'soon' }]) {
      expectProblem(await getMe(app, tokenOf(new SigningKey(), claims)), 'token_invalid');
    }
    expect(jwks.fetches).toBe(1);
  });

  it('does not delay tokens of known keys', async () => {
    const app = api();
    await expectPass(app);
    const held = jwks.hold();
    const waiting = Array.from({ length: 5 }, () => getMe(app, strange()).then((answer) => answer));
    await eventually(() => {
      expect(held.waiting).toBe(1);
    });

    await expectPass(app);
    expect(held.waiting).toBe(1);
    held.letGo();
    for (const answer of await Promise.all(waiting)) {
      expectProblem(answer, 'token_invalid', UNKNOWN_KEY);
    }
  });

  it('is verification_unavailable if the fetch fails', async () => {
    const app = api();
    await expectPass(app);
    jwks.fail();
    const next = new SigningKey();

    expectProblem(await getMe(app, tokenOf(next)), 'verification_unavailable');
    expectProblem(await getMe(app, tokenOf(next)), 'verification_unavailable');
    expect(jwks.fetches).toBe(2);
    await expectPass(app);

    // The failure does not start the cool-down: the new key is known seconds later, not 30.
    jwks.publish([next, key]);
    clock.advance(1);
    await expectPass(app, next);
  });

  it('causes a fetch after a failure, despite refreshes in between', async () => {
    const app = api();
    await expectPass(app);
    const next = new SigningKey();
    clock.advance(500);
    jwks.fail();
    expectProblem(await getMe(app, tokenOf(next)), 'verification_unavailable');
    jwks.publish([key]);
    clock.advance(1);
    await expectPass(app);
    await eventually(() => {
      expect(jwks.fetches).toBe(3);
      expect(events.of('keys.fetched')).toHaveLength(2);
    });

    jwks.publish([next, key]);
    await expectPass(app, next);
  });

  it('causes the next fetch 30 s after a good one', async () => {
    const app = api();
    await expectPass(app);
    expectProblem(await getMe(app, strange()), 'token_invalid', UNKNOWN_KEY);
    jwks.fail();
    clock.advance(29);
    expectProblem(await getMe(app, strange()), 'token_invalid', UNKNOWN_KEY);
    expect(jwks.fetches).toBe(2);
    clock.advance(1);
    expectProblem(await getMe(app, strange()), 'verification_unavailable');
    expect(jwks.fetches).toBe(3);
  });
});

describe('An issuer that keeps its kid over a rotation', () => {
  const changes: readonly (readonly [string, SigningKey, SigningKey])[] = [
    ['another key', new SigningKey('ES256', { kid: 'k' }), new SigningKey('ES256', { kid: 'k' })],
    [
      'another algorithm',
      new SigningKey('RS256', { kid: 'k' }),
      new SigningKey('ES256', { kid: 'k' }),
    ],
    [
      'no kid at all',
      new SigningKey('ES256', { kid: null }),
      new SigningKey('ES256', { kid: null }),
    ],
    [
      'no kid, and another algorithm',
      new SigningKey('ES256', { kid: null }),
      new SigningKey('PS256', { kid: null }),
    ],
  ];

  it.each(changes)(
    'with %s, is followed at once, and twice within the cool-down',
    async (_what, one, other) => {
      jwks.publish([one], { 'cache-control': 'max-age=86400' });
      const app = api();
      await expectPass(app, one);
      jwks.publish([other]);

      await expectPass(app, other);
      expectProblem(await getMe(app, tokenOf(one)), 'token_invalid');
      expect(jwks.fetches).toBe(2);

      jwks.publish([one]);
      expectProblem(await getMe(app, tokenOf(one)), 'token_invalid');
      expect(jwks.fetches).toBe(2);
      clock.advance(30);
      await expectPass(app, one);
      expect(jwks.fetches).toBe(3);
    },
  );

  it('is asked at most once in 30 s, however many bad signatures there are', async () => {
    const app = api();
    await expectPass(app);
    const forger = new SigningKey('ES256', { kid: key.kid ?? '' });
    for (const [waited, fetches] of [
      [0, 2],
      [29, 2],
      [1, 3],
    ] as const) {
      clock.advance(waited);
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => getMe(app, tokenOf(forger))),
      );
      for (const answer of answers) expectProblem(answer, 'token_invalid');
      expect(jwks.fetches).toBe(fetches);
    }
    await expectPass(app);
  });

  it('and is down, keeps a bad signature bad and a good one good', async () => {
    const app = api();
    await expectPass(app);
    jwks.fail();
    const forger = new SigningKey('ES256', { kid: key.kid ?? '' });
    expectProblem(await getMe(app, tokenOf(forger)), 'token_invalid');
    await expectPass(app);
  });
});

describe('sessions.refreshKeys()', () => {
  it('drops a withdrawn key at once, from remembered tokens too', async () => {
    const sessions = createSessions(options());
    const app = walletApi(sessions);
    const token = tokenOf(key);
    expect((await getMe(app, token)).status).toBe(200);
    jwks.publish([new SigningKey()]);
    expect((await getMe(app, token)).status).toBe(200);

    await expect(sessions.refreshKeys()).resolves.toBeUndefined();
    expectProblem(await getMe(app, token), 'token_invalid', UNKNOWN_KEY);
  });

  it('joins no fetch in flight, whose late answer does not bring old keys back', async () => {
    const sessions = createSessions(options());
    const app = walletApi(sessions);
    await expectPass(app);
    clock.advance(500);
    const held = jwks.hold();
    await expectPass(app);
    await eventually(() => {
      expect(held.waiting).toBe(1);
    });
    const next = new SigningKey();
    const old = jwks.answer;
    jwks.publish([next]);

    await sessions.refreshKeys();
    expectProblem(await getMe(app, tokenOf(key)), 'token_invalid', UNKNOWN_KEY);
    jwks.answer = old;
    held.letGo();
    await sleep(20);
    jwks.publish([next]);
    await expectPass(app, next);
    expectProblem(await getMe(app, tokenOf(key)), 'token_invalid', UNKNOWN_KEY);
  });

  it('waits for no back-off and no cool-down', async () => {
    const sessions = createSessions(options());
    const app = walletApi(sessions);
    await expectPass(app);
    expectProblem(await getMe(app, strange()), 'token_invalid', UNKNOWN_KEY);
    const next = new SigningKey();
    jwks.publish([next, key]);
    await sessions.refreshKeys();
    await expectPass(app, next);

    jwks.fail();
    await expect(sessions.refreshKeys()).rejects.toMatchObject({
      errorType: 'verification_unavailable',
      cause: { message: `${jwks.uri} answered 503` },
    });
    await expectPass(app);
    jwks.publish([key]);
    await expect(sessions.refreshKeys()).resolves.toBeUndefined();
    expectProblem(await getMe(app, tokenOf(next)), 'token_invalid', UNKNOWN_KEY);
  });

  it('fetches the keys of each issuer, even if one of them is down', async () => {
    const otherJwks = await JwksServer.start(key);
    const given = { issuer: 'https://other.example/', audience: AUDIENCE, jwksUri: otherJwks.uri };
    const first = options().authentication as ReturnType<typeof customAuthentication>;
    const sessions = createSessions({
      authentication: [first, customAuthentication(given)],
      clock,
    });
    try {
      jwks.fail();
      await expect(sessions.refreshKeys()).rejects.toMatchObject({
        errorType: 'verification_unavailable',
      });
      expect([jwks.fetches, otherJwks.fetches]).toEqual([1, 1]);
    } finally {
      await otherJwks.close();
    }
  });

  it('resolves for keys that were given', async () => {
    const given = { issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [key.jwk()] } };
    const sessions = createSessions({ authentication: customAuthentication(given), clock });
    await expect(sessions.refreshKeys()).resolves.toBeUndefined();
  });
});

describe('A token without a kid', () => {
  const withoutKid = (signer: SigningKey): string =>
    signer.token(accessTokenClaims(clock()), { kid: undefined });

  it('is verified with the only key that matches', async () => {
    jwks.publish([key, new SigningKey('RS256')]);
    const app = api();
    expect((await getMe(app, withoutKid(key))).status).toBe(200);
    expectProblem(await getMe(app, withoutKid(new SigningKey())), 'token_invalid');
  });

  it('is refused if several keys match, and all of them have one', async () => {
    jwks.publish([key, new SigningKey()]);
    expectProblem(await getMe(api(), withoutKid(key)), 'token_invalid');
  });

  it('is verified with either key while an issuer without kids rotates', async () => {
    const next = new SigningKey();
    jwks.publish([key.jwk({ kid: undefined })]);
    const app = api();
    expect((await getMe(app, withoutKid(key))).status).toBe(200);
    jwks.publish([key, next].map((one) => one.jwk({ kid: undefined })));
    for (const signer of [next, key]) {
      expect((await getMe(app, withoutKid(signer))).status).toBe(200);
    }
    expectProblem(await getMe(app, withoutKid(new SigningKey())), 'token_invalid');
  });

  it('is verified with the keys that have none either, and with no other', async () => {
    const named = new SigningKey();
    jwks.publish([named, key.jwk({ kid: undefined })]);
    const app = api();
    expect((await getMe(app, withoutKid(key))).status).toBe(200);
    expectProblem(await getMe(app, withoutKid(named)), 'token_invalid');
  });
});

describe('Two issuers', () => {
  const OTHER = 'https://other.example/';

  it('never verify tokens of each other, even with the same kid', async () => {
    const otherKey = new SigningKey('ES256', { kid: key.kid ?? '' });
    const otherJwks = await JwksServer.start(otherKey);
    const app = walletApi({
      authentication: [
        authenticationOf({ jwksUri: jwks.uri }),
        customAuthentication({ issuer: OTHER, audience: AUDIENCE, jwksUri: otherJwks.uri }),
      ],
      clock,
    });
    try {
      for (const [signer, iss, status] of [
        [key, ISSUER, 200],
        [otherKey, OTHER, 200],
        [otherKey, ISSUER, 401],
        [key, OTHER, 401],
      ] as const) {
        const answer = await getMe(app, tokenOf(signer, { iss }));
        if (status === 401) expectProblem(answer, 'token_invalid');
        else expect(answer.body).toMatchObject({ issuer: iss });
      }
      // The bad signatures have started the cool-down of each issuer.
      expect([jwks.fetches, otherJwks.fetches]).toEqual([2, 2]);
    } finally {
      await otherJwks.close();
    }
  });

  it('do not share an outage, nor the allowance for unknown kids', async () => {
    const otherJwks = await JwksServer.start(key);
    otherJwks.fail();
    const app = walletApi({
      authentication: [
        authenticationOf({ jwksUri: jwks.uri }),
        customAuthentication({ issuer: OTHER, audience: AUDIENCE, jwksUri: otherJwks.uri }),
      ],
      clock,
    });
    try {
      expectProblem(await getMe(app, tokenOf(key, { iss: OTHER })), 'verification_unavailable');
      await expectPass(app);
      expectProblem(await getMe(app, strange()), 'token_invalid', UNKNOWN_KEY);
      otherJwks.publish([key]);
      clock.advance(1);
      const unknown = tokenOf(new SigningKey(), { iss: OTHER });
      expectProblem(await getMe(app, unknown), 'token_invalid', UNKNOWN_KEY);
      expect(otherJwks.fetches).toBe(3);
    } finally {
      await otherJwks.close();
    }
  });
});
