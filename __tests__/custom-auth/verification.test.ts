/**
 * Access tokens that nobody here wrote: issued by a real provider over authorization code and PKCE,
 * and verified through its JWKS over HTTP.
 */
import {
  createSessions,
  customAuthentication,
  type CustomAuthenticationOptions,
} from 'express-wallet-session';
import { decodeJwt, decodeProtectedHeader, SignJWT, type JWTPayload } from 'jose';
import { expectProblem, startApi, type Api } from '../support/oidc-api.js';
import { startOidcProvider, type OidcProvider } from '../support/oidc-provider.js';

const USER_ID = 'https://example.com/user_id';

describe('Access tokens of a real provider', () => {
  let provider: OidcProvider;
  let apis: Api[] = [];

  beforeAll(async () => {
    provider = await startOidcProvider({
      claimsOf: (account): JWTPayload =>
        account === 'nameless' ? {} : { [USER_ID]: `user-of-${account}` },
    });
    await provider.setClients([{ clientId: 'web' }]);
  });

  afterEach(async () => {
    await Promise.all(apis.map((api) => api.close()));
    apis = [];
  });

  afterAll(() => provider.close());

  async function apiWith(options: Partial<CustomAuthenticationOptions> = {}): Promise<Api> {
    const { issuer, audience, jwksUri } = provider;
    const authentication = customAuthentication({
      ...{ issuer, audience, jwksUri },
      ...options,
    } as CustomAuthenticationOptions);
    const api = await startApi(createSessions({ authentication }));
    apis.push(api);
    return api;
  }

  it('are verified, and become a session', async () => {
    const api = await apiWith();
    const { accessToken } = await provider.openBrowser().signIn('web', { account: 'alice' });
    const { jti, sid, iat = 0, exp = 0, auth_time } = decodeJwt(accessToken);

    const response = await api.get('/me', accessToken);

    expect(decodeProtectedHeader(accessToken)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
    expect([response.status, response.body]).toEqual([
      200,
      {
        authentication: 'custom',
        issuer: provider.issuer,
        userId: 'alice',
        sessionId: sid,
        tokenId: jti,
        issuedAt: new Date(iat * 1000).toISOString(),
        expiresAt: new Date(exp * 1000).toISOString(),
        startedAt: new Date(Number(auth_time) * 1000).toISOString(),
        endsAt: new Date((Number(auth_time) + 604_800) * 1000).toISOString(),
        mfa: { scope: 'user' },
      },
    ]);
  });

  it('belong to one session over refreshes', async () => {
    const api = await apiWith();
    const authTime = Math.floor(Date.now() / 1000) - 3600;
    const first = await provider.openBrowser().signIn('web', { account: 'alice', authTime });
    const second = await provider.refresh('web', first.refreshToken);

    const [before, after] = await Promise.all([
      api.get('/me', first.accessToken),
      api.get('/me', second.accessToken),
    ]);

    expect([before.status, after.status]).toEqual([200, 200]);
    expect(after.body).toMatchObject({
      sessionId: (before.body as { sessionId: string }).sessionId,
      startedAt: new Date(authTime * 1000).toISOString(),
    });
    expect((after.body as { tokenId: string }).tokenId).not.toBe(
      (before.body as { tokenId: string }).tokenId,
    );
  });

  it('are verified with a new key as soon as the provider signs with it', async () => {
    const api = await apiWith();
    const browser = provider.openBrowser();
    const old = await browser.signIn('web', { account: 'alice' });
    expect((await api.get('/me', old.accessToken)).status).toBe(200);
    await provider.rotateKeys({ overlap: true });
    const fetches = provider.jwksFetches();

    const fresh = await browser.signIn('web');

    expect(decodeProtectedHeader(fresh.accessToken).kid).not.toBe(
      decodeProtectedHeader(old.accessToken).kid,
    );
    expect((await api.get('/me', fresh.accessToken)).status).toBe(200);
    expect((await api.get('/me', old.accessToken)).status).toBe(200);
    expect(provider.jwksFetches() - fetches).toBe(1);
  });

  it('of a withdrawn key are refused once the new keys are known, and the client refreshes', async () => {
    const api = await apiWith();
    const browser = provider.openBrowser();
    const old = await browser.signIn('web', { account: 'alice' });
    expect((await api.get('/me', old.accessToken)).status).toBe(200);
    await provider.rotateKeys();
    const fresh = await provider.refresh('web', old.refreshToken);
    expect((await api.get('/me', fresh.accessToken)).status).toBe(200);

    expectProblem(await api.get('/me', old.accessToken), {
      status: 401,
      errorType: 'token_invalid',
      action: 'refresh_token',
      challenge: 'Bearer error="invalid_token"',
    });
  });

  it('alone are access tokens: the ID token issued beside them is refused', async () => {
    const api = await apiWith();
    const strict = await apiWith({ audience: [provider.audience, 'web'], typ: 'at+jwt' });
    const tokens = await provider.openBrowser().signIn('web', { account: 'alice' });

    expect((await api.get('/me', tokens.accessToken)).status).toBe(200);
    expectProblem(await api.get('/me', tokens.idToken), INVALID);
    expect((await strict.get('/me', tokens.accessToken)).status).toBe(200);
    expectProblem(await strict.get('/me', tokens.idToken), INVALID);
  });

  it('have to be at+jwt where `typ` says so, whoever signed them (RFC 9068)', async () => {
    const strict = await apiWith({ typ: 'at+jwt' });
    const lax = await apiWith();
    const { accessToken } = await provider.openBrowser().signIn('web', { account: 'alice' });
    const [key] = provider.keys;
    const retyped = await new SignJWT(decodeJwt(accessToken))
      .setProtectedHeader({ alg: 'ES256', kid: key?.kid ?? '', typ: 'JWT' })
      .sign(key ?? {});

    expect((await strict.get('/me', accessToken)).status).toBe(200);
    expect((await lax.get('/me', retyped)).status).toBe(200);
    expectProblem(await strict.get('/me', retyped), INVALID);
  });

  it('name their user in any claim, a namespaced one too', async () => {
    const api = await apiWith({ userIdClaim: USER_ID });
    const alice = await provider.openBrowser().signIn('web', { account: 'alice' });
    const nameless = await provider.openBrowser().signIn('web', { account: 'nameless' });

    expect((await api.get('/me', alice.accessToken)).body).toMatchObject({
      userId: 'user-of-alice',
    });
    expectProblem(await api.get('/me', nameless.accessToken), INVALID);
  });
});

const INVALID = {
  status: 401,
  errorType: 'token_invalid',
  action: 'sign_in',
  challenge: 'Bearer error="invalid_token"',
};
