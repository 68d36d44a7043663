/**
 * The testing kit: the situations that an app's tests can create without a network or a delay.
 */
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { ConfigurationError } from 'express-wallet-session';
import { createTestClock, createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';
import { walletApi } from '../support/wallet-api.js';
import { getMe } from '../support/wallet-client.js';

const DAY = 86_400;

describe('createTestClock()', () => {
  it('starts at a whole second and stands still until it is advanced', () => {
    const clock = createTestClock();
    const start = clock();
    expect(start % 1000).toBe(0);
    expect(new Date(start).getUTCFullYear()).toBeGreaterThan(2020);
    clock.advance(1.5);
    expect(clock()).toBe(start + 1500);
    expect(createTestClock(1_000)()).toBe(1_000);
  });

  it.each([NaN, -1, Infinity])('rejects an advance of %s', (seconds) => {
    const clock = createTestClock();
    expect(() => {
      clock.advance(seconds);
    }).toThrow(TypeError);
    expect(() => createTestClock(NaN)).toThrow(TypeError);
  });
});

describe('The access tokens of createTestIssuer()', () => {
  it('have the claims of the sample that CDP publishes', async () => {
    const clock = createTestClock();
    const issuer = await createTestIssuer({ clock });
    const { accessToken } = await issuer.signIn('user-1');
    const now = clock() / 1000;
    const kid = issuer.jwks().keys[0]?.kid;
    expect(decodeProtectedHeader(accessToken)).toEqual({ alg: 'ES256', kid, typ: 'JWT' });
    expect(decodeJwt(accessToken)).toEqual({
      iss: 'cdp-api',
      aud: 'cdp-api',
      project_id: issuer.projectId,
      auth_type: 'email',
      sub: 'user-1',
      jti: expect.any(String) as string,
      iat: now,
      exp: now + 900,
    });
    await jwtVerify(accessToken, createLocalJWKSet(issuer.jwks()), {
      currentDate: new Date(clock()),
    });
  });

  it('of a custom issuer carry a session that refreshes keep, and the claims it was given', async () => {
    const clock = createTestClock();
    const issuer = await createTestIssuer({
      clock,
      authentication: 'custom',
      issuer: 'https://login.example/',
      audience: 'https://api.example',
      claims: { tenant: 'a' },
    });
    const first = await issuer.signIn('user-1', { claims: { amr: ['pwd', 'otp'] } });
    const before = decodeJwt(first.accessToken);
    expect(before).toMatchObject({
      iss: 'https://login.example/',
      aud: 'https://api.example',
      sub: 'user-1',
      tenant: 'a',
      amr: ['pwd', 'otp'],
      auth_time: clock() / 1000,
    });
    clock.advance(600);
    const after = decodeJwt((await issuer.refresh(first.refreshToken)).accessToken);
    const renewed = { jti: expect.any(String) as string, iat: clock() / 1000 };
    expect(after).toEqual({ ...before, ...renewed, exp: clock() / 1000 + 900 });
    expect(after.jti).not.toBe(before.jti);
    const otherClient = decodeJwt((await issuer.signIn('user-1')).accessToken);
    expect(otherClient.sid).not.toBe(before.sid);
  });

  it('can have any wrong claim or header', async () => {
    const issuer = await createTestIssuer();
    const noExpiry = await issuer.sign({ exp: undefined, sub: 'user-2', extra: [1] });
    expect(decodeJwt(noExpiry)).toMatchObject({ sub: 'user-2', extra: [1] });
    expect(decodeJwt(noExpiry)).not.toHaveProperty('exp');
    const strange = { kid: undefined, typ: 'secevent+jwt', crit: ['exp'], b64: false };
    const header = decodeProtectedHeader(await issuer.sign({}, strange));
    expect(header).toEqual({ alg: 'ES256', typ: 'secevent+jwt', crit: ['exp'], b64: false });
    expect(await issuer.sign({}, { alg: 'none' })).toMatch(/\.$/);
    expect((await issuer.sign({}, { alg: 'HS256' })).split('.')[2]).toHaveLength(43);
    await expect(issuer.sign({}, { alg: 'RS256' })).rejects.toThrow(TypeError);
  });

  it('are not made with unknown options', async () => {
    await expect(createTestIssuer({ autentication: 'cdp' } as never)).rejects.toThrow(
      'Did you mean `authentication`?',
    );
    await expect(createTestIssuer({ claims: 1 } as never)).rejects.toThrow(ConfigurationError);
  });
});

describe('The refresh tokens of createTestIssuer()', () => {
  it('last 7 days from sign-in, however often they are used', async () => {
    const clock = createTestClock();
    const issuer = await createTestIssuer({ clock });
    let { refreshToken } = await issuer.signIn('user-1');
    // Every 15 minutes for 7 days.
    for (let times = 0; times < (7 * DAY) / 900 - 1; times += 1) {
      clock.advance(900);
      ({ refreshToken } = await issuer.refresh(refreshToken));
    }
    clock.advance(900);
    await expect(issuer.refresh(refreshToken)).rejects.toMatchObject({
      name: 'RefreshError',
      code: 'refresh_token_expired',
    });
    await expect(issuer.signIn('user-1')).resolves.toHaveProperty('accessToken');
  });

  it('end the session if a spent one is used again', async () => {
    const issuer = await createTestIssuer();
    const first = await issuer.signIn('user-1');
    const other = await issuer.signIn('user-1');
    const second = await issuer.refresh(first.refreshToken);
    const reused = { code: 'refresh_token_reused' };
    const invalid = { code: 'refresh_token_invalid' };
    await expect(issuer.refresh(first.refreshToken)).rejects.toMatchObject(reused);
    await expect(issuer.refresh(second.refreshToken)).rejects.toMatchObject(invalid);
    await expect(issuer.refresh(other.refreshToken)).resolves.toHaveProperty('refreshToken');
  });

  it('are ended by a sign-out, which may be repeated', async () => {
    const issuer = await createTestIssuer();
    const { refreshToken } = await issuer.signIn('user-1');
    await issuer.signOut(refreshToken);
    await issuer.signOut(refreshToken);
    await issuer.signOut('of nobody');
    const invalid = { code: 'refresh_token_invalid' };
    await expect(issuer.refresh(refreshToken)).rejects.toMatchObject(invalid);
    await expect(issuer.refresh('of nobody')).rejects.toMatchObject(invalid);
  });

  it('are ended by a sign-out with any of them, used or not', async () => {
    const issuer = await createTestIssuer();
    const first = await issuer.signIn('user-1');
    const second = await issuer.refresh(first.refreshToken);
    await issuer.signOut(first.refreshToken);
    const invalid = { code: 'refresh_token_invalid' };
    await expect(issuer.refresh(second.refreshToken)).rejects.toMatchObject(invalid);
  });

  it('serve one of two concurrent refreshes, and the other ends the session', async () => {
    const issuer = await createTestIssuer();
    const { refreshToken } = await issuer.signIn('user-1');
    const both = [issuer.refresh(refreshToken), issuer.refresh(refreshToken)];
    const [won, lost] = await Promise.allSettled(both);
    expect(lost).toMatchObject({ reason: { code: 'refresh_token_reused' } });
    if (won?.status !== 'fulfilled') throw new Error('the first refresh was refused');
    await expect(issuer.refresh(won.value.refreshToken)).rejects.toMatchObject({
      code: 'refresh_token_invalid',
    });
  });
});

describe('The one-time codes of createTestIssuer()', () => {
  const invalid = { code: 'one_time_code_invalid' };

  it('sign in the same user for the same address, once each', async () => {
    const issuer = await createTestIssuer();
    const code = await issuer.requestCode('ada@example.com');
    expect(code).toMatch(/^\d{6}$/);
    const first = await issuer.signInWithCode('ada@example.com', code);
    await expect(issuer.signInWithCode('ada@example.com', code)).rejects.toMatchObject(invalid);
    const again = await issuer.requestCode('ada@example.com');
    const second = await issuer.signInWithCode('ada@example.com', again);
    expect(decodeJwt(second.accessToken).sub).toBe(decodeJwt(first.accessToken).sub);
  });

  it('last 5 minutes and 5 guesses', async () => {
    const clock = createTestClock();
    const issuer = await createTestIssuer({ clock });
    const late = await issuer.requestCode('late@example.com');
    clock.advance(300);
    await expect(issuer.signInWithCode('late@example.com', late)).rejects.toMatchObject(invalid);
    const code = await issuer.requestCode('guessed@example.com');
    for (let guesses = 0; guesses < 5; guesses += 1) {
      await expect(issuer.signInWithCode('guessed@example.com', 'x')).rejects.toMatchObject(
        invalid,
      );
    }
    await expect(issuer.signInWithCode('guessed@example.com', code)).rejects.toMatchObject(invalid);
  });

  it('belong to one address each, and a new one replaces the old', async () => {
    const issuer = await createTestIssuer();
    const old = await issuer.requestCode('ada@example.com');
    const code = await codeOtherThan(old, () => issuer.requestCode('ada@example.com'));
    await expect(issuer.signInWithCode('bob@example.com', code)).rejects.toMatchObject(invalid);
    await expect(issuer.signInWithCode('ada@example.com', old)).rejects.toMatchObject(invalid);
    const claims = { amr: ['otp'] };
    const client = await issuer.signInWithCode('ada@example.com', code, { claims });
    expect(decodeJwt(client.accessToken)).toMatchObject(claims);
  });
});

async function codeOtherThan(old: string, next: () => Promise<string>): Promise<string> {
  const code = await next();
  return code === old ? codeOtherThan(old, next) : code;
}

describe('The keys of createTestIssuer()', () => {
  async function setUp() {
    const clock = createTestClock();
    const issuer = await createTestIssuer({ clock });
    const app = walletApi({ authentication: issuer.authentication, clock });
    const status = async (token: string): Promise<number> => (await getMe(app, token)).status;
    return { clock, issuer, status };
  }

  it('are fetched once and kept through an outage', async () => {
    const { clock, issuer, status } = await setUp();
    const token = (): Promise<string> => issuer.sign();
    expect(issuer.jwksFetches).toBe(0);
    expect(await status(await token())).toBe(200);
    expect(await status(await token())).toBe(200);
    expect(issuer.jwksFetches).toBe(1);
    issuer.setOutage(true);
    clock.advance(3600);
    expect(await status(await token())).toBe(200);
    issuer.setOutage(false);
    expect((await (await setUp()).status(await token())).toString()).toBe('401');
  });

  it('are unavailable after setOutage(true)', async () => {
    const { clock, issuer, status } = await setUp();
    issuer.setOutage(true);
    const token = await issuer.sign();
    expect(await status(token)).toBe(503);
    issuer.setOutage(false);
    clock.advance(5);
    expect(await status(token)).toBe(200);
  });

  it('are delayed after setDelay()', async () => {
    const { issuer, status } = await setUp();
    issuer.setDelay(50);
    const before = performance.now();
    expect(await status(await issuer.sign())).toBe(200);
    expect(performance.now() - before).toBeGreaterThan(45);
  });

  it('rotate: at once, or with an overlap in which both are published', async () => {
    const { clock, issuer, status } = await setUp();
    const old = await issuer.sign();
    expect(await status(old)).toBe(200);
    await issuer.rotateKeys({ overlapSeconds: 60 });
    expect(issuer.jwks().keys).toHaveLength(2);
    expect(await status(await issuer.sign())).toBe(200);
    expect(await status(old)).toBe(200);
    clock.advance(60);
    expect(issuer.jwks().keys).toHaveLength(1);
    await issuer.rotateKeys();
    expect(issuer.jwks().keys).toHaveLength(1);
    expect(await status(await issuer.sign())).toBe(200);
    expect(await status(old)).toBe(401);
  });

  it('are served and counted at one address', async () => {
    const issuer = await createTestIssuer();
    const { fetch } = keySourceOf(issuer);
    for (const other of ['https://issuer.test/jwks.json', new URL('https://example.com/')]) {
      expect((await fetch(other)).status).toBe(404);
    }
    expect(issuer.jwksFetches).toBe(0);
    for (const input of [JWKS_URI, new URL(JWKS_URI), new Request(JWKS_URI)]) {
      const response = await fetch(input);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(await response.json()).toEqual(issuer.jwks());
    }
    expect(issuer.jwksFetches).toBe(3);
  });

  it('can be aborted while they are delayed', async () => {
    const issuer = await createTestIssuer();
    const { fetch } = keySourceOf(issuer);
    issuer.setDelay(60_000);
    const before = performance.now();
    const late = fetch(JWKS_URI, { signal: AbortSignal.timeout(20) });
    await expect(late).rejects.toMatchObject({ name: 'AbortError' });
    const gone = fetch(JWKS_URI, { signal: AbortSignal.abort() });
    await expect(gone).rejects.toMatchObject({ name: 'AbortError' });
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(issuer.jwksFetches).toBe(1);
  });

  it('have no private part, and differ between issuers', async () => {
    const [one, other] = [await createTestIssuer(), await createTestIssuer()];
    const [key, otherKey] = [one.jwks().keys[0], other.jwks().keys[0]];
    const members = ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'];
    expect(Object.keys(key ?? {}).sort()).toEqual(members);
    expect(key?.x).not.toBe(otherKey?.x);
    expect(key?.kid).not.toBe(otherKey?.kid);
  });
});

const JWKS_URI = 'https://issuer.test/.well-known/jwks.json';

/** The `fetch` of the issuer's authentication. */
function keySourceOf({ authentication }: TestIssuer): { readonly fetch: typeof globalThis.fetch } {
  if (authentication.authentication !== 'cdp') throw new Error('made for CDP authentication');
  const { jwksUri, fetch } = authentication.options;
  expect(jwksUri).toBe(JWKS_URI);
  if (fetch === undefined) throw new Error('it would use the network');
  return { fetch };
}
