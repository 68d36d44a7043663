/**
 * MFA with a provider of the team's own: MFA sessions that belong to the user, what the provider's
 * tokens prove, and the way back to it where they prove too little.
 */
import {
  acrEvidence,
  amrEvidence,
  cdpAuthentication,
  createSessions,
  customAuthentication,
  type SessionOptions,
} from 'express-wallet-session';
import { decodeJwt, SignJWT } from 'jose';
import type { Response } from 'supertest';
import { expectProblem, expectRevoked, startApi, type Api } from '../support/oidc-api.js';
import {
  startOidcProvider,
  type Login,
  type OidcProvider,
  type Tokens,
} from '../support/oidc-provider.js';

const STRONG: Pick<Login, 'amr' | 'acr'> = { amr: ['pwd', 'otp'], acr: 'urn:example:mfa' };
const WEAK: Pick<Login, 'amr' | 'acr'> = { amr: ['pwd'], acr: 'urn:example:pwd' };

let provider: OidcProvider;
let apis: Api[] = [];
/** How far the API's clock is ahead of the provider's. */
let aheadSeconds: number;

beforeAll(async () => {
  provider = await startOidcProvider();
  await provider.setClients([{ clientId: 'web' }, { clientId: 'mobile' }]);
});

beforeEach(() => {
  aheadSeconds = 0;
});

afterEach(async () => {
  await Promise.all(apis.map((api) => api.close()));
  apis = [];
});

afterAll(() => provider.close());

async function startApiWith(options: SessionOptions = {}): Promise<Api> {
  const { issuer, audience, jwksUri } = provider;
  const api = await startApi(
    createSessions({
      authentication: customAuthentication({ issuer, audience, jwksUri, typ: 'at+jwt' }),
      clock: () => Date.now() + aheadSeconds * 1000,
      ...options,
    }),
  );
  apis.push(api);
  return api;
}

async function signIn(clientId: string, login: Login): Promise<Tokens> {
  return provider.openBrowser().signIn(clientId, login);
}

function secondsAgo(seconds: number): number {
  return Math.floor(Date.now() / 1000) - seconds;
}

function expectMfa(
  response: Response,
  errorType: 'mfa_required' | 'mfa_expired',
  challenge = 'max_age="300"',
  members: { maxAgeSeconds?: number; acrValues?: readonly string[] } = {},
): void {
  expectProblem(response, {
    status: 403,
    errorType,
    action: 'verify_mfa',
    challenge: `Bearer error="insufficient_user_authentication", ${challenge}`,
    maxAgeSeconds: 300,
    ...members,
  });
}

describe('The MFA session of a user', () => {
  it('is shared by all clients of the user, and by nobody else', async () => {
    const api = await startApiWith();
    const web = await signIn('web', { account: 'alice' });
    const mobile = await signIn('mobile', { account: 'alice' });
    const bob = await signIn('web', { account: 'bob' });
    expectMfa(await api.post('/transfers', mobile.accessToken), 'mfa_required');

    const started = await api.post('/mfa', web.accessToken, { method: 'totp' });

    expect(started.status).toBe(201);
    expect((await api.post('/transfers', web.accessToken)).status).toBe(201);
    expect((await api.post('/transfers', mobile.accessToken)).status).toBe(201);
    expect((await api.get('/mfa', mobile.accessToken)).body).toEqual(started.body);
    expectMfa(await api.post('/transfers', bob.accessToken), 'mfa_required');
    expect((await api.get('/mfa', bob.accessToken)).body).toBeNull();
  });

  it('is not changed by refreshes, and ends at the time it was to end', async () => {
    const api = await startApiWith();
    const web = await signIn('web', { account: 'alice' });
    const mobile = await signIn('mobile', { account: 'alice' });
    const started = await api.post('/mfa', web.accessToken, { method: 'totp' });
    aheadSeconds = 299;

    const refreshed = await provider.refresh('web', web.refreshToken);

    expect((await api.get('/mfa', refreshed.accessToken)).body).toEqual(started.body);
    expect((await api.post('/transfers', refreshed.accessToken)).status).toBe(201);
    aheadSeconds = 300;
    const again = await provider.refresh('web', refreshed.refreshToken);
    expectMfa(await api.post('/transfers', again.accessToken), 'mfa_expired');
    expectMfa(await api.post('/transfers', mobile.accessToken), 'mfa_expired');
  });

  it('stays with the other clients when one signs out', async () => {
    const api = await startApiWith();
    const web = await signIn('web', { account: 'alice' });
    const mobile = await signIn('mobile', { account: 'alice' });
    await api.post('/mfa', web.accessToken, { method: 'totp' });

    expect((await api.post('/sign-out', web.accessToken)).status).toBe(204);

    expectRevoked(await api.post('/transfers', web.accessToken));
    expect((await api.post('/transfers', mobile.accessToken)).status).toBe(201);
  });

  it('ends with everything else when the user signs out everywhere', async () => {
    const api = await startApiWith();
    const web = await signIn('web', { account: 'alice' });
    const mobile = await signIn('mobile', { account: 'alice' });
    await api.post('/mfa', web.accessToken, { method: 'totp' });

    expect((await api.post('/sign-out-everywhere', web.accessToken)).status).toBe(204);

    expectRevoked(await api.post('/transfers', mobile.accessToken));
    const later = await signIn('web', { account: 'alice', authTime: secondsAgo(-2) });
    expectMfa(await api.post('/transfers', later.accessToken), 'mfa_required');
  });
});

describe('What the tokens of the provider prove', () => {
  const byAmr = amrEvidence();
  const byAcr = acrEvidence({ acr: ['urn:example:mfa'] });
  const both: SessionOptions = { mfa: { evidence: (session) => byAmr(session) ?? byAcr(session) } };

  it.each([
    ['a password and a code, by `amr`', { amr: ['pwd', 'otp'] }, 'otp'],
    ['a class of authentication, by `acr`', { acr: 'urn:example:mfa' }, 'mfa'],
    ['both of them', STRONG, 'otp'],
  ])('is MFA where they speak of %s', async (_what, login, method) => {
    const api = await startApiWith(both);
    const authTime = secondsAgo(100);
    const { accessToken } = await signIn('web', { account: 'alice', authTime, ...login });

    expect((await api.post('/transfers', accessToken)).status).toBe(201);
    expect((await api.get('/mfa', accessToken)).body).toEqual({
      method,
      ...('acr' in login && { acr: login.acr }),
      verifiedAt: new Date(authTime * 1000).toISOString(),
      expiresAt: new Date((authTime + 300) * 1000).toISOString(),
    });
  });

  it.each([
    ['a password alone', WEAK],
    ['two values of one kind', { amr: ['otp', 'sms'] }],
    ['nothing', {}],
  ])('is no MFA where they speak of %s', async (_what, login) => {
    const api = await startApiWith(both);
    const { accessToken } = await signIn('web', { account: 'alice', ...login });

    expectMfa(await api.post('/transfers', accessToken), 'mfa_required');
  });

  it('is no more after a refresh: it tells of the original authentication (RFC 9068 section 2.2.1)', async () => {
    const api = await startApiWith(both);
    const authTime = secondsAgo(301);
    const stale = await signIn('web', { account: 'alice', authTime, ...STRONG });

    const fresh = await provider.refresh('web', stale.refreshToken);

    expect(decodeJwt(fresh.accessToken)).toMatchObject({ auth_time: authTime, ...STRONG });
    expect((await api.get('/me', fresh.accessToken)).status).toBe(200);
    expectMfa(await api.post('/transfers', fresh.accessToken), 'mfa_expired');
    expect((await api.get('/mfa', fresh.accessToken)).body).toBeNull();
  });

  it('is nothing to an app that does not ask for it', async () => {
    const api = await startApiWith();
    const { accessToken } = await signIn('web', { account: 'alice', ...STRONG });

    expectMfa(await api.post('/transfers', accessToken), 'mfa_required');
  });
});

describe('A challenge (RFC 9470)', () => {
  const byAcr: SessionOptions = { mfa: { evidence: acrEvidence({ acr: ['urn:example:mfa'] }) } };

  /** What a standard client does: it takes the parameters of the challenge to the provider. */
  function authorizationParameters(response: Response): Record<string, string> {
    const challenge = response.get('WWW-Authenticate') ?? '';
    expect(challenge).toContain('error="insufficient_user_authentication"');
    return Object.fromEntries(
      [...challenge.matchAll(/(max_age|acr_values)="([^"]*)"/g)].map(
        ([, name = '', value = '']) => [name, value],
      ),
    );
  }

  it('sends the user to the provider for another class of authentication, and back', async () => {
    const api = await startApiWith(byAcr);
    const browser = provider.openBrowser();
    const { accessToken } = await browser.signIn('web', { account: 'alice', ...WEAK });

    const refused = await api.post('/exports', accessToken);

    expectMfa(refused, 'mfa_required', 'max_age="300", acr_values="urn:example:mfa"', {
      acrValues: ['urn:example:mfa'],
    });
    const parameters = authorizationParameters(refused);
    expect(parameters).toEqual({ max_age: '300', acr_values: 'urn:example:mfa' });
    // The provider knows the user, and asks only because of these parameters.
    await expect(browser.signIn('web')).resolves.toBeDefined();
    await expect(browser.signIn('web', undefined, parameters)).rejects.toThrow('asks who this is');
    const steppedUp = await browser.signIn('web', { account: 'alice', ...STRONG }, parameters);
    expect((await api.post('/exports', steppedUp.accessToken)).status).toBe(201);
    expectMfa(
      await api.post('/exports', accessToken),
      'mfa_required',
      'max_age="300", acr_values="urn:example:mfa"',
      { acrValues: ['urn:example:mfa'] },
    );
  });

  it('sends the user to the provider for a fresh authentication, and back', async () => {
    const api = await startApiWith(byAcr);
    const browser = provider.openBrowser();
    const login = { account: 'alice', ...STRONG };
    const { accessToken } = await browser.signIn('web', { ...login, authTime: secondsAgo(100) });
    expect((await api.post('/transfers', accessToken)).status).toBe(201);

    const refused = await api.post('/recent-transfers', accessToken);

    expectMfa(refused, 'mfa_expired', 'max_age="60"', { maxAgeSeconds: 60 });
    const parameters = authorizationParameters(refused);
    await expect(browser.signIn('web', undefined, parameters)).rejects.toThrow('asks who this is');
    const fresh = await browser.signIn('web', login, parameters);
    expect((await api.post('/recent-transfers', fresh.accessToken)).status).toBe(201);
  });

  it('is answered as well by a factor that the app itself has verified', async () => {
    const api = await startApiWith(byAcr);
    const { accessToken } = await signIn('web', { account: 'alice', ...WEAK });
    await api.post('/mfa', accessToken, { method: 'totp', acr: 'urn:example:other' });
    expect((await api.post('/exports', accessToken)).status).toBe(403);

    await api.post('/mfa', accessToken, { method: 'totp', acr: 'urn:example:mfa' });

    expect((await api.post('/exports', accessToken)).status).toBe(201);
  });
});

describe('Two issuers of different kinds', () => {
  let other: OidcProvider;
  let api: Api;

  beforeAll(async () => {
    other = await startOidcProvider({
      audience: 'cdp-api',
      claimsOf: () => ({ project_id: 'project-1' }),
    });
    await other.setClients([{ clientId: 'web' }]);
  });

  afterAll(() => other.close());

  beforeEach(async () => {
    const { issuer, audience, jwksUri } = provider;
    api = await startApiWith({
      authentication: [
        customAuthentication({ issuer, audience, jwksUri }),
        cdpAuthentication({
          projectId: 'project-1',
          issuer: other.issuer,
          jwksUri: other.jwksUri,
        }),
      ],
    });
  });

  it('are told apart, with equal user ids and equal `kid`s', async () => {
    const ours = await signIn('web', { account: 'alice' });
    const theirs = await other.openBrowser().signIn('web', { account: 'alice' });
    const kids = [provider.keys, other.keys].map(([key]) => key?.kid);

    expect(kids[0]).toBe(kids[1]);
    expect((await api.get('/me', ours.accessToken)).body).toMatchObject({
      authentication: 'custom',
      issuer: provider.issuer,
      userId: 'alice',
      mfa: { scope: 'user' },
    });
    expect((await api.get('/me', theirs.accessToken)).body).toMatchObject({
      authentication: 'cdp',
      issuer: other.issuer,
      userId: 'alice',
      mfa: { scope: 'client' },
    });
  });

  it('never verify a token of each other, though the key has the same `kid`', async () => {
    const ours = await signIn('web', { account: 'alice' });
    const theirs = await other.openBrowser().signIn('web', { account: 'alice' });
    const [ourKey] = provider.keys;
    const [theirKey] = other.keys;
    async function resign(token: string, key: typeof ourKey): Promise<string> {
      return new SignJWT(decodeJwt(token))
        .setProtectedHeader({ alg: 'ES256', kid: key?.kid ?? '', typ: 'at+jwt' })
        .sign(key ?? {});
    }
    // Both keys are loaded, and signing anew is sound as such.
    expect((await api.get('/me', await resign(ours.accessToken, ourKey))).status).toBe(200);
    expect((await api.get('/me', await resign(theirs.accessToken, theirKey))).status).toBe(200);

    for (const forged of [
      await resign(ours.accessToken, theirKey),
      await resign(theirs.accessToken, ourKey),
    ]) {
      expectProblem(await api.get('/me', forged), {
        status: 401,
        errorType: 'token_invalid',
        action: 'sign_in',
        challenge: 'Bearer error="invalid_token"',
      });
    }
  });

  it('share neither MFA sessions nor sign-outs', async () => {
    const ours = await signIn('web', { account: 'alice' });
    const theirs = await other.openBrowser().signIn('web', { account: 'alice' });

    await api.post('/mfa', ours.accessToken, { method: 'totp' });
    expect((await api.post('/transfers', ours.accessToken)).status).toBe(201);
    expectMfa(await api.post('/transfers', theirs.accessToken), 'mfa_required');
    await api.post('/mfa', theirs.accessToken, { method: 'sms' });
    await api.post('/sign-out-everywhere', ours.accessToken);

    expectRevoked(await api.get('/me', ours.accessToken));
    expect((await api.post('/transfers', theirs.accessToken)).status).toBe(201);
  });
});
