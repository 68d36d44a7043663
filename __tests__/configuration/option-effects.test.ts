/**
 * The effects of options that no other test is about.
 */
import {
  cdpAuthentication,
  createSessions,
  customAuthentication,
  type CdpAuthenticationOptions,
  type CustomAuthenticationOptions,
  type SessionOptions,
} from 'express-wallet-session';
import {
  createTestClock,
  createTestIssuer,
  type TestClock,
  type TestIssuer,
} from 'express-wallet-session/testing';

let clock: TestClock;
let cdp: TestIssuer;
let own: TestIssuer;

beforeEach(async () => {
  clock = createTestClock();
  cdp = await createTestIssuer({ clock });
  own = await createTestIssuer({ authentication: 'custom', clock });
});

/** The user of the token's session, or the type of the error. */
async function fareOf(token: string, options: SessionOptions): Promise<unknown> {
  try {
    return (await createSessions({ clock, ...options }).authenticateToken(token)).userId;
  } catch (error) {
    return (error as { errorType: unknown }).errorType;
  }
}

function ofCustom(given: Partial<CustomAuthenticationOptions>): SessionOptions {
  const options = { ...own.authentication.options, ...given } as CustomAuthenticationOptions;
  return { authentication: customAuthentication(options) };
}

function ofCdp(given: Partial<CdpAuthenticationOptions>): SessionOptions {
  const options = { ...cdp.authentication.options, ...given } as CdpAuthenticationOptions;
  return { authentication: cdpAuthentication(options) };
}

describe('clockToleranceSeconds', () => {
  it.each([
    [undefined, 5],
    [0, 0],
    [60, 60],
  ])('of %p allows %d s on `exp`, `nbf` and `iat`', async (clockToleranceSeconds, seconds) => {
    const now = clock() / 1000;
    const options = { authentication: own.authentication, clockToleranceSeconds };
    for (const [claims, expected] of [
      [{ exp: now - seconds + 1 }, 'user-1'],
      [{ exp: now - seconds }, 'token_expired'],
      [{ iat: now + seconds }, 'user-1'],
      [{ iat: now + seconds + 1 }, 'token_invalid'],
      [{ nbf: now + seconds }, 'user-1'],
      [{ nbf: now + seconds + 1 }, 'token_invalid'],
    ] as const) {
      expect([claims, await fareOf(await own.sign(claims), options)]).toEqual([claims, expected]);
    }
  });
});

describe('maxSessionSeconds', () => {
  it('counts from `auth_time`, or bounds the age of a token without one', async () => {
    const now = clock() / 1000;
    for (const [maxSessionSeconds, length] of [
      [undefined, 604_800],
      [3600, 3600],
    ] as const) {
      const options = { authentication: own.authentication, maxSessionSeconds };
      for (const name of ['auth_time', 'iat']) {
        const startedAt = (time: number): Promise<string> =>
          own.sign({ auth_time: undefined, [name]: time, exp: now + 60 });
        expect(await fareOf(await startedAt(now - length + 1), options)).toBe('user-1');
        expect(await fareOf(await startedAt(now - length), options)).toBe('session_expired');
      }
    }
  });
});

describe('tokenCache', () => {
  let asked: number;
  const validateAccessToken = (): Promise<{ userId: string }> => {
    asked += 1;
    return Promise.resolve({ userId: 'alice' });
  };

  async function askedFor(
    tokens: readonly string[],
    tokenCache: SessionOptions['tokenCache'],
    pauseSeconds = 0,
  ): Promise<number> {
    asked = 0;
    const authentication = cdpAuthentication({ projectId: cdp.projectId, validateAccessToken });
    const sessions = createSessions({ authentication, clock, tokenCache });
    for (const token of tokens) {
      await sessions.authenticateToken(token);
      clock.advance(pauseSeconds);
    }
    return asked;
  }

  it('keeps a verified token, unless `maxEntries` is 0', async () => {
    const token = await cdp.sign();
    const thrice = [token, token, token];
    expect(await askedFor(thrice, undefined)).toBe(1);
    expect(await askedFor(thrice, { maxEntries: 1 })).toBe(1);
    expect(await askedFor(thrice, { maxEntries: 0 })).toBe(3);
  });

  it('keeps at most `maxEntries` tokens', async () => {
    const [one, other] = [await cdp.sign(), await cdp.sign()];
    expect(await askedFor([one, other, one, other], { maxEntries: 2 })).toBe(2);
    expect(await askedFor([one, other, one, other], { maxEntries: 1 })).toBe(4);
  });

  it('keeps a token for at most `maxAgeSeconds`', async () => {
    const token = await cdp.sign({ exp: clock() / 1000 + 9000 });
    const thrice = [token, token, token];
    expect(await askedFor(thrice, { maxAgeSeconds: 100 }, 49)).toBe(1);
    expect(await askedFor(thrice, { maxAgeSeconds: 100 }, 50)).toBe(2);
    expect(await askedFor(thrice, { maxAgeSeconds: 100 }, 100)).toBe(3);
    expect(await askedFor(thrice, undefined, 149)).toBe(1);
    expect(await askedFor(thrice, undefined, 150)).toBe(2);
  });
});

describe('audience', () => {
  it('must be in the token, unless it is null', async () => {
    for (const [audience, aud, expected] of [
      ['a', 'a', 'user-1'],
      ['a', ['b', 'a'], 'user-1'],
      [['a', 'b'], 'b', 'user-1'],
      ['a', 'b', 'token_invalid'],
      ['a', undefined, 'token_invalid'],
      [null, 'b', 'user-1'],
      [null, undefined, 'user-1'],
    ] as const) {
      expect(await fareOf(await own.sign({ aud }), ofCustom({ audience }))).toBe(expected);
    }
  });

  it('and issuer default to those of CDP', async () => {
    const token = await cdp.sign({ iss: 'cdp-test', aud: 'aud-test' });
    expect(await fareOf(token, ofCdp({ issuer: 'cdp-test', audience: 'aud-test' }))).toBe('user-1');
    const plain = ofCdp({ issuer: undefined, audience: undefined });
    expect(await fareOf(await cdp.sign(), plain)).toBe('user-1');
    expect(await fareOf(token, plain)).toBe('token_invalid');
    expect(await fareOf(await cdp.sign({ aud: undefined }), ofCdp({ audience: null }))).toBe(
      'user-1',
    );
  });
});

describe('algorithms', () => {
  it('limit the algorithms of tokens', async () => {
    const both = ['RS256', 'ES256'] as const;
    const token = await own.sign();
    expect(await fareOf(token, ofCustom({ algorithms: both }))).toBe('user-1');
    // The issuer has no key for RS256.
    expect(await fareOf(token, ofCustom({ algorithms: ['RS256'] }))).toBe('token_invalid');
    expect(await fareOf(await cdp.sign(), ofCdp({ algorithms: ['RS256'] }))).toBe('token_invalid');
  });
});

describe('typ, userIdClaim and sessionIdClaim', () => {
  it('are demanded of a token', async () => {
    for (const [given, typ, expected] of [
      [undefined, undefined, 'user-1'],
      [undefined, 'JWT', 'user-1'],
      [undefined, 'at+jwt', 'user-1'],
      [undefined, 'dpop+jwt', 'token_invalid'],
      ['at+jwt', 'application/at+JWT', 'user-1'],
      ['at+jwt', 'JWT', 'token_invalid'],
      ['at+jwt', undefined, 'token_invalid'],
    ] as const) {
      expect(await fareOf(await own.sign({}, { typ }), ofCustom({ typ: given }))).toBe(expected);
    }
    const named = ofCustom({ userIdClaim: 'https://example.com/uid', sessionIdClaim: 'family' });
    const token = await own.sign({ 'https://example.com/uid': 'u-1', family: 'f-1' });
    expect(await fareOf(token, named)).toBe('u-1');
    expect(await fareOf(await own.sign(), named)).toBe('token_invalid');
    const sessions = createSessions({ clock, ...named });
    expect((await sessions.authenticateToken(token)).sessionId).toBe('f-1');
    const ofSid = createSessions({ clock, ...ofCdp({ sessionIdClaim: 'family' }) });
    const session = await ofSid.authenticateToken(await cdp.sign({ family: 'f-2', sid: 's-2' }));
    expect(session.sessionId).toBe('f-2');
  });
});

describe('jwks and jwksUri', () => {
  it('provide the keys, given or fetched', async () => {
    let fetched: unknown[] = [];
    const { options } = own.authentication;
    const fetch: typeof globalThis.fetch = async (...given) => {
      fetched.push(given[0]);
      return (options.fetch ?? globalThis.fetch)(...given);
    };
    const { jwksUri } = options;
    const jwks = (await (
      await fetch(String(jwksUri))
    ).json()) as CustomAuthenticationOptions['jwks'];
    fetched = [];
    const token = await own.sign();
    expect(await fareOf(token, ofCustom({ fetch }))).toBe('user-1');
    expect(fetched).toEqual([jwksUri]);
    const given = { jwks, jwksUri: undefined, fetch: undefined };
    expect(await fareOf(token, ofCustom(given as Partial<CustomAuthenticationOptions>))).toBe(
      'user-1',
    );
    expect(fetched).toEqual([jwksUri]);
  });
});
