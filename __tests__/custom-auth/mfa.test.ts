/**
 * MFA with a custom identity provider: MFA sessions of the user, evidence in the tokens of the
 * provider, and step-up authentication if the evidence is not enough.
 */
import {
  acrEvidence,
  amrEvidence,
  cdpAuthentication,
  customAuthentication,
  requireMfa,
  type SessionOptions,
} from 'express-wallet-session';
import { decodeJwt, SignJWT } from 'jose';
import type { Response } from 'supertest';
import { expectProblem } from '../support/expect-problem.js';
import { startOidcProvider, type Login, type OidcProvider, type Tokens } from './oidc-provider.js';
import { walletApi } from '../support/wallet-api.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

const STRONG: Pick<Login, 'amr' | 'acr'> = { amr: ['pwd', 'otp'], acr: 'urn:example:mfa' };
const WEAK: Pick<Login, 'amr' | 'acr'> = { amr: ['pwd'], acr: 'urn:example:pwd' };

let provider: OidcProvider;
/** The lead of the API's clock over the provider's. */
let aheadSeconds: number;

beforeAll(async () => {
  provider = await startOidcProvider();
  await provider.setClients([{ clientId: 'web' }, { clientId: 'mobile' }]);
});

beforeEach(() => {
  aheadSeconds = 0;
});

afterAll(() => provider.close());

/** Clients of one API, by their access tokens. */
function clientsWith(options: SessionOptions = {}): (accessToken: string) => WalletClient {
  const { issuer, audience, jwksUri } = provider;
  const api = walletApi(
    {
      authentication: customAuthentication({ issuer, audience, jwksUri, typ: 'at+jwt' }),
      clock: () => Date.now() + aheadSeconds * 1000,
      ...options,
    },
    {
      routes(app) {
        app.post('/recent-transfers', requireMfa({ maxAgeSeconds: 60 }), (_req, res) => {
          res.status(201).end();
        });
        app.post('/exports', requireMfa({ acr: ['urn:example:mfa'] }), (_req, res) => {
          res.status(201).end();
        });
      },
    },
  );
  return (accessToken) => new WalletClient(api, accessToken);
}

async function signIn(clientId: string, login: Login): Promise<Tokens> {
  return provider.openBrowser().signIn(clientId, login);
}

function secondsAgo(seconds: number): number {
  return Math.floor(Date.now() / 1000) - seconds;
}

/** The age in the detail varies, because the clock runs during a test. */
function expectExpired(response: Response, maxAgeSeconds = 300): void {
  const detail = new RegExp(
    `^MFA was verified \\d+ s ago; this operation allows ${maxAgeSeconds} s.$`,
  );
  expectProblem(response, 'mfa_expired', {
    detail: expect.stringMatching(detail) as string,
    maxAgeSeconds,
  });
}

describe('The MFA session of a user', () => {
  it('is shared by all clients of the user, and by no other user', async () => {
    const client = clientsWith();
    const web = await signIn('web', { account: 'alice' });
    const mobile = await signIn('mobile', { account: 'alice' });
    const bob = await signIn('web', { account: 'bob' });
    expectProblem(await client(mobile.accessToken).transfer(), 'mfa_required');

    const started = await client(web.accessToken).verifyMfa({ method: 'totp' });

    expect(started.status).toBe(200);
    expectTransferred(await client(web.accessToken).transfer());
    expectTransferred(await client(mobile.accessToken).transfer());
    expect((await client(mobile.accessToken).currentMfa()).body).toEqual(started.body);
    expectProblem(await client(bob.accessToken).transfer(), 'mfa_required');
    expect((await client(bob.accessToken).currentMfa()).body).toBeNull();
  });

  it('keeps its expiry over refreshes', async () => {
    const client = clientsWith();
    const web = await signIn('web', { account: 'alice' });
    const mobile = await signIn('mobile', { account: 'alice' });
    const started = await client(web.accessToken).verifyMfa({ method: 'totp' });
    aheadSeconds = 299;

    const refreshed = await provider.refresh('web', web.refreshToken);

    expect((await client(refreshed.accessToken).currentMfa()).body).toEqual(started.body);
    expectTransferred(await client(refreshed.accessToken).transfer());
    aheadSeconds = 300;
    const again = await provider.refresh('web', refreshed.refreshToken);
    expectExpired(await client(again.accessToken).transfer());
    expectExpired(await client(mobile.accessToken).transfer());
  });

  it('stays with the other clients after a sign-out', async () => {
    const client = clientsWith();
    const web = await signIn('web', { account: 'alice' });
    const mobile = await signIn('mobile', { account: 'alice' });
    await client(web.accessToken).verifyMfa({ method: 'totp' });

    expect((await client(web.accessToken).signOut()).status).toBe(200);

    expectProblem(await client(web.accessToken).transfer(), 'session_revoked');
    expectTransferred(await client(mobile.accessToken).transfer());
  });

  it('ends when the user signs out everywhere', async () => {
    const client = clientsWith();
    const web = await signIn('web', { account: 'alice' });
    const mobile = await signIn('mobile', { account: 'alice' });
    await client(web.accessToken).verifyMfa({ method: 'totp' });

    expect((await client(web.accessToken).signOutEverywhere()).status).toBe(200);

    expectProblem(await client(mobile.accessToken).transfer(), 'session_revoked');
    const later = await signIn('web', { account: 'alice', authTime: secondsAgo(-2) });
    expectProblem(await client(later.accessToken).transfer(), 'mfa_required');
  });
});

describe('Evidence in the tokens of the provider', () => {
  const byAmr = amrEvidence();
  const byAcr = acrEvidence({ acr: ['urn:example:mfa'] });
  const both: SessionOptions = { mfa: { evidence: (session) => byAmr(session) ?? byAcr(session) } };

  it.each([
    ['a password and a code, by `amr`', { amr: ['pwd', 'otp'] }, 'otp'],
    ['a class of authentication, by `acr`', { acr: 'urn:example:mfa' }, 'mfa'],
    ['both of them', STRONG, 'otp'],
  ])('is MFA for %s', async (_what, login, method) => {
    const client = clientsWith(both);
    const authTime = secondsAgo(100);
    const { accessToken } = await signIn('web', { account: 'alice', authTime, ...login });

    expectTransferred(await client(accessToken).transfer());
    expect((await client(accessToken).currentMfa()).body).toEqual({
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
  ])('is no MFA for %s', async (_what, login) => {
    const client = clientsWith(both);
    const { accessToken } = await signIn('web', { account: 'alice', ...login });

    expectProblem(await client(accessToken).transfer(), 'mfa_required');
  });

  it('expires over a refresh, which keeps the original auth_time (RFC 9068 section 2.2.1)', async () => {
    const client = clientsWith(both);
    const authTime = secondsAgo(301);
    const stale = await signIn('web', { account: 'alice', authTime, ...STRONG });

    const fresh = await provider.refresh('web', stale.refreshToken);

    expect(decodeJwt(fresh.accessToken)).toMatchObject({ auth_time: authTime, ...STRONG });
    expect((await client(fresh.accessToken).me()).status).toBe(200);
    expectExpired(await client(fresh.accessToken).transfer());
    expect((await client(fresh.accessToken).currentMfa()).body).toBeNull();
  });

  it('is ignored without `mfa.evidence`', async () => {
    const client = clientsWith();
    const { accessToken } = await signIn('web', { account: 'alice', ...STRONG });

    expectProblem(await client(accessToken).transfer(), 'mfa_required');
  });
});

describe('A challenge (RFC 9470)', () => {
  const byAcr: SessionOptions = { mfa: { evidence: acrEvidence({ acr: ['urn:example:mfa'] }) } };

  /** The parameters of the challenge, which a standard client sends to the provider. */
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
    const client = clientsWith(byAcr);
    const browser = provider.openBrowser();
    const { accessToken } = await browser.signIn('web', { account: 'alice', ...WEAK });

    const refused = await client(accessToken).send('post', '/exports');

    expectProblem(refused, 'mfa_required', {
      acrValues: ['urn:example:mfa'],
    });
    const parameters = authorizationParameters(refused);
    expect(parameters).toEqual({ max_age: '300', acr_values: 'urn:example:mfa' });
    // The provider has a session of the user, and asks only because of these parameters.
    await expect(browser.signIn('web')).resolves.toBeDefined();
    await expect(browser.signIn('web', undefined, parameters)).rejects.toThrow('asks who this is');
    const steppedUp = await browser.signIn('web', { account: 'alice', ...STRONG }, parameters);
    expect((await client(steppedUp.accessToken).send('post', '/exports')).status).toBe(201);
    expectProblem(await client(accessToken).send('post', '/exports'), 'mfa_required', {
      acrValues: ['urn:example:mfa'],
    });
  });

  it('sends the user to the provider for a fresh authentication, and back', async () => {
    const client = clientsWith(byAcr);
    const browser = provider.openBrowser();
    const login = { account: 'alice', ...STRONG };
    const { accessToken } = await browser.signIn('web', { ...login, authTime: secondsAgo(100) });
    expectTransferred(await client(accessToken).transfer());

    const refused = await client(accessToken).send('post', '/recent-transfers');

    expectExpired(refused, 60);
    const parameters = authorizationParameters(refused);
    await expect(browser.signIn('web', undefined, parameters)).rejects.toThrow('asks who this is');
    const fresh = await browser.signIn('web', login, parameters);
    expect((await client(fresh.accessToken).send('post', '/recent-transfers')).status).toBe(201);
  });

  it('is satisfied by a factor that the app verified', async () => {
    const client = clientsWith(byAcr);
    const { accessToken } = await signIn('web', { account: 'alice', ...WEAK });
    await client(accessToken).verifyMfa({ method: 'totp', acr: 'urn:example:other' });
    expect((await client(accessToken).send('post', '/exports')).status).toBe(403);

    await client(accessToken).verifyMfa({ method: 'totp', acr: 'urn:example:mfa' });

    expect((await client(accessToken).send('post', '/exports')).status).toBe(201);
  });
});

describe('Two issuers of different kinds', () => {
  let other: OidcProvider;
  let client: ReturnType<typeof clientsWith>;

  beforeAll(async () => {
    other = await startOidcProvider({
      audience: 'cdp-api',
      claimsOf: () => ({ project_id: 'project-1' }),
    });
    await other.setClients([{ clientId: 'web' }]);
  });

  afterAll(() => other.close());

  beforeEach(() => {
    const { issuer, audience, jwksUri } = provider;
    client = clientsWith({
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
    expect((await client(ours.accessToken).me()).body).toMatchObject({
      authentication: 'custom',
      issuer: provider.issuer,
      userId: 'alice',
      mfa: { scope: 'user' },
    });
    expect((await client(theirs.accessToken).me()).body).toMatchObject({
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
    // Both keys are loaded, and a token signed again is valid as such.
    expect((await client(await resign(ours.accessToken, ourKey)).me()).status).toBe(200);
    expect((await client(await resign(theirs.accessToken, theirKey)).me()).status).toBe(200);

    for (const forged of [
      await resign(ours.accessToken, theirKey),
      await resign(theirs.accessToken, ourKey),
    ]) {
      expectProblem(await client(forged).me(), 'token_invalid');
    }
  });

  it('share neither MFA sessions nor sign-outs', async () => {
    const ours = await signIn('web', { account: 'alice' });
    const theirs = await other.openBrowser().signIn('web', { account: 'alice' });

    await client(ours.accessToken).verifyMfa({ method: 'totp' });
    expectTransferred(await client(ours.accessToken).transfer());
    expectProblem(await client(theirs.accessToken).transfer(), 'mfa_required');
    await client(theirs.accessToken).verifyMfa({ method: 'sms' });
    await client(ours.accessToken).signOutEverywhere();

    expectProblem(await client(ours.accessToken).me(), 'session_revoked');
    expectTransferred(await client(theirs.accessToken).transfer());
  });
});
