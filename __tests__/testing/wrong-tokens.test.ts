/**
 * Tokens with deliberate mistakes: the kit makes them as requested, and the library refuses each
 * and accepts the same token without the mistake.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import {
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  jwtVerify,
  type CompactVerifyResult,
} from 'jose';
import { createSessions } from 'express-wallet-session';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';

type Members = Readonly<Record<string, unknown>>;

const invalid = { errorType: 'token_invalid', action: 'sign_in' };
const now = createTestClock()() / 1000;

async function setUp() {
  const clock = createTestClock();
  const issuer = await createTestIssuer({ clock });
  const sessions = createSessions({ authentication: issuer.authentication, clock });
  return { clock, issuer, sessions };
}

describe('A token of issuer.sign()', () => {
  it('is good by default', async () => {
    const { issuer, sessions } = await setUp();
    const [one, other] = [await issuer.sign(), await issuer.sign()];
    await expect(sessions.authenticateToken(one)).resolves.toMatchObject({ userId: 'user-1' });
    expect(decodeJwt(one).jti).not.toBe(decodeJwt(other).jti);
  });

  it.each<[string, Members, Members, Members]>([
    ['no signature', {}, { alg: 'none' }, invalid],
    ['no signature, in other letters', {}, { alg: 'nOnE' }, invalid],
    ['the public key as an HMAC secret', {}, { alg: 'HS256' }, invalid],
    ['the same with a longer hash', {}, { alg: 'HS512' }, invalid],
    ['no algorithm', {}, { alg: undefined }, invalid],
    ['an algorithm that is no text', {}, { alg: null }, invalid],
    ['an unknown kid', {}, { kid: 'unknown' }, { ...invalid, action: 'refresh_token' }],
    ['an extension that is critical', {}, { crit: ['exp'] }, invalid],
    ['an unencoded payload', {}, { b64: false }, invalid],
    ['the type of a logout token', {}, { typ: 'logout+jwt' }, invalid],
    ['another issuer', { iss: 'https://evil.example' }, {}, invalid],
    ['another audience', { aud: 'other' }, {}, invalid],
    ['another project', { project_id: 'other' }, {}, invalid],
    ['no project', { project_id: undefined }, {}, invalid],
    ['no user', { sub: undefined }, {}, invalid],
    ['no expiry', { exp: undefined }, {}, invalid],
    ['an expiry that is text', { exp: String(now + 900) }, {}, invalid],
    ['an expiry that has passed', { exp: now - 5 }, {}, { errorType: 'token_expired' }],
    ['a start that lies ahead', { nbf: now + 6 }, {}, invalid],
  ])('is refused with %s', async (_mistake, claims, header, refusal) => {
    const { issuer, sessions } = await setUp();
    await sessions.authenticateToken(await issuer.sign());
    const token = await issuer.sign(claims, header);
    expect(decodeJwt(token)).toEqual(expectedMembers(claims));
    await expect(sessions.authenticateToken(token)).rejects.toMatchObject(refusal);
  });

  it('carries every given header member', async () => {
    const { issuer, sessions } = await setUp();
    const other = await createTestIssuer();
    const [jwk] = other.jwks().keys;
    const header = { jwk, jku: 'https://evil.example/jwks', x5u: 'https://evil.example/x5u' };
    const token = await issuer.sign({}, { ...header, typ: undefined });
    const kid = issuer.jwks().keys[0]?.kid;
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', kid, ...header });
    await expect(sessions.authenticateToken(token)).resolves.toHaveProperty('userId');

    const forged = await other.sign({ project_id: issuer.projectId }, { ...header, kid });
    await expect(sessions.authenticateToken(forged)).rejects.toMatchObject(invalid);
  });

  it.each(['HS256', 'HS384', 'HS512'])('of %s is signed with the published key', async (alg) => {
    const issuer = await createTestIssuer();
    const key = createPublicKey({ key: issuer.jwks().keys[0] as JsonWebKey, format: 'jwk' });
    const secret = new TextEncoder().encode(String(key.export({ format: 'pem', type: 'spki' })));
    const verify = (bytes: Uint8Array): Promise<CompactVerifyResult> =>
      issuer.sign({}, { alg }).then((token) => compactVerify(token, bytes));
    await expect(verify(secret)).resolves.toHaveProperty('protectedHeader.alg', alg);
    await expect(verify(secret.map((byte) => byte ^ 1))).rejects.toThrow('signature verification');
  });

  it.each(['RS256', 'ES384', '', 5])('cannot be of the algorithm %p', async (alg) => {
    const issuer = await createTestIssuer();
    await expect(issuer.sign({}, { alg })).rejects.toThrow(
      new TypeError(
        'issuer.sign(claims, header): `alg` may be ES256, HS256, HS384, HS512 or none.',
      ),
    );
  });
});

describe('A token of issuer.logoutToken()', () => {
  it('has the claims of OpenID Connect Back-Channel Logout', async () => {
    const clock = createTestClock();
    const issuer = await createTestIssuer({ authentication: 'custom', clock });
    const token = await issuer.logoutToken({ sub: 'user-1', sid: 'session-1' });
    const { payload } = await jwtVerify(token, createLocalJWKSet(issuer.jwks()), {
      issuer: issuer.issuer,
      audience: issuer.clientId,
      typ: 'logout+jwt',
      currentDate: new Date(clock()),
    });
    expect(payload).toEqual({
      iss: 'https://issuer.test/',
      aud: 'test-client',
      sub: 'user-1',
      sid: 'session-1',
      iat: now,
      exp: now + 600,
      jti: expect.any(String) as string,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    });
  });

  it('can have any wrong claim', async () => {
    const issuer = await createTestIssuer();
    const claims = { nonce: 'n', events: undefined, iss: 'https://evil.example' };
    const token = await issuer.logoutToken(claims, { alg: 'none', kid: undefined });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'none', typ: 'logout+jwt' });
    expect(decodeJwt(token)).toMatchObject({ nonce: 'n', iss: 'https://evil.example' });
    expect(decodeJwt(token)).not.toHaveProperty('events');
    expect(decodeJwt(token)).not.toHaveProperty('sub');
  });

  it('is not accepted as an access token', async () => {
    const { issuer, sessions } = await setUp();
    const claims = { sub: 'user-1', project_id: issuer.projectId, aud: 'cdp-api' };
    const token = await issuer.logoutToken(claims, { typ: 'JWT' });
    await expect(sessions.authenticateToken(token)).rejects.toMatchObject(invalid);
    const same = await issuer.logoutToken({ ...claims, events: undefined }, { typ: 'JWT' });
    await expect(sessions.authenticateToken(same)).resolves.toHaveProperty('userId', 'user-1');
  });
});

/** All claims of a fresh CDP token, with these over them. */
function expectedMembers(claims: Members): Members {
  const defaults: Members = {
    iss: 'cdp-api',
    aud: 'cdp-api',
    sub: 'user-1',
    jti: expect.any(String),
    iat: now,
    exp: now + 900,
    project_id: expect.any(String),
    auth_type: 'email',
  };
  return Object.fromEntries(
    Object.entries({ ...defaults, ...claims }).filter(([, value]) => value !== undefined),
  );
}
