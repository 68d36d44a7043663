/**
 * Access tokens of a real provider, issued over authorization code and PKCE, and verified through
 * its JWKS over HTTP.
 */
import { customAuthentication, type CustomAuthenticationOptions } from 'express-wallet-session';
import { decodeJwt, decodeProtectedHeader, SignJWT, type JWTPayload } from 'jose';
import { expectProblem, UNKNOWN_KEY } from '../support/expect-problem.js';
import { startOidcProvider, type OidcProvider } from './oidc-provider.js';
import { walletApi } from '../support/wallet-api.js';
import { WalletClient } from '../support/wallet-client.js';

const USER_ID = 'https://example.com/user_id';

describe('Access tokens of a real provider', () => {
  let provider: OidcProvider;

  beforeAll(async () => {
    provider = await startOidcProvider({
      claimsOf: (account): JWTPayload =>
        account === 'nameless' ? {} : { [USER_ID]: `user-of-${account}` },
    });
    await provider.setClients([{ clientId: 'web' }]);
  });

  afterAll(() => provider.close());

  /** Clients of one API, by their access tokens. */
  function clientsWith(
    options: Partial<CustomAuthenticationOptions> = {},
  ): (accessToken: string) => WalletClient {
    const { issuer, audience, jwksUri } = provider;
    const authentication = customAuthentication({
      ...{ issuer, audience, jwksUri },
      ...options,
    } as CustomAuthenticationOptions);
    const api = walletApi({ authentication });
    return (accessToken) => new WalletClient(api, accessToken);
  }

  it('are verified, and become a session', async () => {
    const client = clientsWith();
    const { accessToken } = await provider.openBrowser().signIn('web', { account: 'alice' });
    const { jti, sid, iat = 0, exp = 0, auth_time } = decodeJwt(accessToken);

    const response = await client(accessToken).me();

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
    const client = clientsWith();
    const authTime = Math.floor(Date.now() / 1000) - 3600;
    const first = await provider.openBrowser().signIn('web', { account: 'alice', authTime });
    const second = await provider.refresh('web', first.refreshToken);

    const [before, after] = await Promise.all([
      client(first.accessToken).me(),
      client(second.accessToken).me(),
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
    const client = clientsWith();
    const browser = provider.openBrowser();
    const old = await browser.signIn('web', { account: 'alice' });
    expect((await client(old.accessToken).me()).status).toBe(200);
    await provider.rotateKeys({ overlap: true });
    const fetches = provider.jwksFetches();

    const fresh = await browser.signIn('web');

    expect(decodeProtectedHeader(fresh.accessToken).kid).not.toBe(
      decodeProtectedHeader(old.accessToken).kid,
    );
    expect((await client(fresh.accessToken).me()).status).toBe(200);
    expect((await client(old.accessToken).me()).status).toBe(200);
    expect(provider.jwksFetches() - fetches).toBe(1);
  });

  it('of a withdrawn key are refused with the action refresh_token', async () => {
    const client = clientsWith();
    const browser = provider.openBrowser();
    const old = await browser.signIn('web', { account: 'alice' });
    expect((await client(old.accessToken).me()).status).toBe(200);
    await provider.rotateKeys();
    const fresh = await provider.refresh('web', old.refreshToken);
    expect((await client(fresh.accessToken).me()).status).toBe(200);

    expectProblem(await client(old.accessToken).me(), 'token_invalid', UNKNOWN_KEY);
  });

  it('are told from the ID token beside them, which is refused', async () => {
    const client = clientsWith();
    const strict = clientsWith({ audience: [provider.audience, 'web'], typ: 'at+jwt' });
    const tokens = await provider.openBrowser().signIn('web', { account: 'alice' });

    expect((await client(tokens.accessToken).me()).status).toBe(200);
    expectProblem(await client(tokens.idToken).me(), 'token_invalid');
    expect((await strict(tokens.accessToken).me()).status).toBe(200);
    expectProblem(await strict(tokens.idToken).me(), 'token_invalid');
  });

  it('must be of type at+jwt if `typ` says so (RFC 9068)', async () => {
    const strict = clientsWith({ typ: 'at+jwt' });
    const lax = clientsWith();
    const { accessToken } = await provider.openBrowser().signIn('web', { account: 'alice' });
    const [key] = provider.keys;
    const retyped = await new SignJWT(decodeJwt(accessToken))
      .setProtectedHeader({ alg: 'ES256', kid: key?.kid ?? '', typ: 'JWT' })
      .sign(key ?? {});

    expect((await strict(accessToken).me()).status).toBe(200);
    expect((await lax(retyped).me()).status).toBe(200);
    expectProblem(await strict(retyped).me(), 'token_invalid');
  });

  it('name their user in the claim of `userIdClaim`', async () => {
    const client = clientsWith({ userIdClaim: USER_ID });
    const alice = await provider.openBrowser().signIn('web', { account: 'alice' });
    const nameless = await provider.openBrowser().signIn('web', { account: 'nameless' });

    expect((await client(alice.accessToken).me()).body).toMatchObject({
      userId: 'user-of-alice',
    });
    expectProblem(await client(nameless.accessToken).me(), 'token_invalid');
  });
});
