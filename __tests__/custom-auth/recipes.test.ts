/**
 * The recipes, each against an imitation of its vendor's provider, after the vendor's
 * documentation.
 */
import { readFile, readdir } from 'node:fs/promises';
import express from 'express';
import {
  backchannelLogout,
  createSessions,
  getSession,
  requireMfa,
  validateSession,
  type Middleware,
  type Sessions,
} from 'express-wallet-session';
import type { JWTPayload } from 'jose';
import request, { type Response } from 'supertest';
import { auth0 } from '../../examples/recipes/auth0.js';
import { cognito } from '../../examples/recipes/cognito.js';
import { firebase } from '../../examples/recipes/firebase.js';
import { keycloak } from '../../examples/recipes/keycloak.js';
import { imitateVendor, type Vendor } from './oidc-vendor.js';

let vendor: Vendor;
let now: number;

beforeEach(() => {
  now = Math.floor(Date.now() / 1000);
});

afterEach(() => {
  vendor.restore();
});

interface App {
  readonly me: (token: string) => Promise<Response>;
  readonly transfer: (token: string) => Promise<Response>;
  readonly verify: (token: string) => Promise<Response>;
}

function appBehind(...authentication: readonly Middleware[]): App {
  const app = express();
  for (const handler of authentication) app.use(handler);
  app.get('/me', (req, res) => {
    res.json(getSession(req));
  });
  app.get('/transfer', requireMfa(), (_req, res) => {
    res.status(201).end();
  });
  app.get('/verify', async (req, res) => {
    res.json(await getSession(req).mfa.start({ method: 'totp' }));
  });
  const get = (path: string) => (token: string) =>
    request(app).get(path).auth(token, { type: 'bearer' });
  return { me: get('/me'), transfer: get('/transfer'), verify: get('/verify') };
}

async function outcome(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  const { errorType = '' } = response.body as { errorType?: string };
  return `${response.status} ${errorType}`.trim();
}

/** The claims that the logout tokens of all vendors share. */
function logoutClaims(): JWTPayload {
  return {
    iat: now,
    exp: now + 120,
    jti: 'logout-1',
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  };
}

async function logOut(sessions: Sessions, audience: string, token: string): Promise<number> {
  const app = express();
  app.post('/', backchannelLogout(sessions, { audience }));
  return (await request(app).post('/').type('form').send({ logout_token: token })).status;
}

describe('The recipe for Auth0', () => {
  let app: App;
  let sessions: Sessions;
  let claims: JWTPayload;

  beforeEach(() => {
    vendor = imitateVendor('https://my-domain.auth0.com/.well-known/jwks.json');
    const settings = { domain: 'my-domain.auth0.com', audience: 'https://example.com/wallet-api' };
    sessions = createSessions(auth0(settings));
    app = appBehind(validateSession(sessions));
    claims = {
      iss: 'https://my-domain.auth0.com/',
      sub: 'auth0|123456',
      aud: ['https://example.com/wallet-api', 'https://my-domain.auth0.com/userinfo'],
      azp: 'my_client_id',
      exp: now + 86_400,
      iat: now,
      scope: 'openid profile',
      'https://wallet.example/sid': 'session-1',
    };
  });

  it('accepts access tokens of both profiles, with their session id', async () => {
    const { azp: client_id, ...common } = claims as { azp: string };
    const rfc9068 = await vendor.sign({ ...common, client_id, jti: '73W' }, 'at+jwt');

    for (const token of [await vendor.sign(claims), rfc9068]) {
      expect((await app.me(token)).body).toMatchObject({
        issuer: 'https://my-domain.auth0.com/',
        userId: 'auth0|123456',
        sessionId: 'session-1',
      });
    }
    expect(vendor.fetched).toEqual(['https://my-domain.auth0.com/.well-known/jwks.json']);
  });

  it('has evidence of MFA from the time that the Action sets', async () => {
    const at = (seconds: number): JWTPayload => ({
      ...claims,
      'https://wallet.example/mfa_at': new Date((now - seconds) * 1000).toISOString(),
    });

    expect(await outcome(app.transfer(await vendor.sign(claims)))).toBe('403 mfa_required');
    expect(await outcome(app.transfer(await vendor.sign(at(10))))).toBe('201');
    expect(await outcome(app.transfer(await vendor.sign(at(301))))).toBe('403 mfa_expired');
  });

  it('ends the session that a logout token of Auth0 names', async () => {
    const { iss, sub } = claims as { iss: string; sub: string };
    const [here, there] = [
      await vendor.sign(claims),
      await vendor.sign({ ...claims, 'https://wallet.example/sid': 'session-2' }),
    ];
    const token = await vendor.sign(
      { ...logoutClaims(), iss, sub, aud: 'my_client_id', sid: 'session-1' },
      'logout+jwt',
    );

    expect(await logOut(sessions, 'my_client_id', token)).toBe(200);

    expect(await outcome(app.me(here))).toBe('401 session_revoked');
    expect(await outcome(app.me(there))).toBe('200');
  });

  it('refuses ID tokens, and access tokens of another API or tenant', async () => {
    for (const wrong of [
      { aud: 'my_client_id' },
      { aud: ['https://example.com/another-api', 'https://my-domain.auth0.com/userinfo'] },
      { iss: 'https://another.auth0.com/' },
    ]) {
      const token = await vendor.sign({ ...claims, ...wrong });
      expect(await outcome(app.me(token))).toBe('401 token_invalid');
    }
  });
});

describe('The recipe for Firebase', () => {
  const KEYS =
    'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com';
  let app: App;
  let claims: JWTPayload;

  beforeEach(() => {
    vendor = imitateVendor(KEYS);
    app = appBehind(validateSession(firebase({ projectId: 'my-project' })));
    claims = {
      iss: 'https://securetoken.google.com/my-project',
      aud: 'my-project',
      auth_time: now - 10,
      user_id: 'XJ7',
      sub: 'XJ7',
      iat: now,
      exp: now + 3600,
      email: 'alice@example.com',
      email_verified: true,
      firebase: { identities: { email: ['alice@example.com'] }, sign_in_provider: 'password' },
    };
  });

  it('accepts ID tokens of the project', async () => {
    expect((await app.me(await vendor.sign(claims))).body).toMatchObject({
      issuer: 'https://securetoken.google.com/my-project',
      userId: 'XJ7',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(vendor.fetched).toEqual([KEYS]);
  });

  it('has evidence of MFA after a second factor at sign-in', async () => {
    const withTotp = {
      ...claims,
      firebase: {
        identities: {},
        sign_in_provider: 'password',
        sign_in_second_factor: 'totp',
        second_factor_identifier: 'd1b8',
      },
    };

    expect(await outcome(app.transfer(await vendor.sign(claims)))).toBe('403 mfa_required');
    expect(await outcome(app.transfer(await vendor.sign(withTotp)))).toBe('201');
    const refreshed = await vendor.sign({ ...withTotp, auth_time: now - 301 });
    expect(await outcome(app.transfer(refreshed))).toBe('403 mfa_expired');
  });

  it('refuses ID tokens of another project', async () => {
    for (const wrong of [
      { aud: 'another', iss: 'https://securetoken.google.com/another' },
      { aud: 'another' },
    ]) {
      const token = await vendor.sign({ ...claims, ...wrong });
      expect(await outcome(app.me(token))).toBe('401 token_invalid');
    }
  });
});

describe('The recipe for Cognito', () => {
  const ISSUER = 'https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example';
  let app: App;
  let claims: JWTPayload;

  beforeEach(() => {
    vendor = imitateVendor(`${ISSUER}/.well-known/jwks.json`);
    app = appBehind(...cognito({ userPoolId: 'us-west-2_example', clientId: 'my-client' }));
    claims = {
      sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      'cognito:groups': ['testgroup'],
      iss: ISSUER,
      version: 2,
      client_id: 'my-client',
      origin_jti: 'origin-1',
      event_id: 'event-1',
      token_use: 'access',
      scope: 'openid email',
      auth_time: now - 10,
      exp: now + 3600,
      iat: now,
      jti: 'token-1',
      username: 'alice',
    };
  });

  function sign(changed: JWTPayload = {}): Promise<string> {
    return vendor.sign({ ...claims, ...changed }, 'none');
  }

  it('accepts access tokens of the app client, with their session id', async () => {
    expect((await app.me(await sign())).body).toMatchObject({
      issuer: ISSUER,
      userId: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      sessionId: 'origin-1',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(vendor.fetched).toEqual([`${ISSUER}/.well-known/jwks.json`]);
  });

  it('refuses tokens of another client, use or pool', async () => {
    const withoutClient = { ...claims };
    delete withoutClient.client_id;
    const idToken = { ...withoutClient, token_use: 'id', aud: 'my-client' };
    for (const wrong of [
      { ...claims, client_id: 'another-client' },
      withoutClient,
      idToken,
      { ...idToken, client_id: 'my-client' },
      { ...claims, iss: 'https://cognito-idp.us-west-2.amazonaws.com/us-west-2_another' },
    ]) {
      const token = await vendor.sign(wrong, 'none');
      for (const answer of [app.me(token), app.transfer(token), app.verify(token)]) {
        expect(await outcome(answer)).toBe('401 token_invalid');
      }
    }
  });

  it('has no evidence of MFA: the app verifies a factor of its own', async () => {
    const token = await sign();
    expect(await outcome(app.transfer(token))).toBe('403 mfa_required');

    expect((await app.verify(token)).status).toBe(200);

    expect(await outcome(app.transfer(await sign({ jti: 'token-2', iat: now + 1 })))).toBe('201');
  });
});

describe('The recipe for Keycloak', () => {
  const REALM = 'https://id.example/realms/my-realm';
  let app: App;
  let sessions: Sessions;
  let claims: JWTPayload;

  beforeEach(() => {
    vendor = imitateVendor(`${REALM}/protocol/openid-connect/certs`);
    sessions = createSessions(keycloak({ realm: REALM, audience: 'wallet-api' }));
    app = appBehind(validateSession(sessions));
    claims = {
      exp: now + 300,
      iat: now,
      auth_time: now - 10,
      jti: 'd58f5dc8-fd8f-462b-8a19-716f8f83985b',
      iss: REALM,
      aud: ['wallet-api', 'account'],
      sub: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
      typ: 'Bearer',
      azp: 'wallet-web',
      sid: '2a88c258-f73a-4103-b862-e1fbd8f4e04e',
      acr: 'silver',
      realm_access: { roles: ['offline_access'] },
      scope: 'openid email profile',
      preferred_username: 'alice',
    };
  });

  it('accepts access tokens for the API, with their session id', async () => {
    expect((await app.me(await vendor.sign(claims))).body).toMatchObject({
      issuer: REALM,
      userId: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
      sessionId: '2a88c258-f73a-4103-b862-e1fbd8f4e04e',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(vendor.fetched).toEqual([`${REALM}/protocol/openid-connect/certs`]);
  });

  it('has evidence of MFA at the level of authentication', async () => {
    const gold = { ...claims, acr: 'gold' };

    expect(await outcome(app.transfer(await vendor.sign(claims)))).toBe('403 mfa_required');
    expect(await outcome(app.transfer(await vendor.sign(gold)))).toBe('201');
    const refreshed = await vendor.sign({ ...gold, auth_time: now - 301 });
    expect(await outcome(app.transfer(refreshed))).toBe('403 mfa_expired');
  });

  it('ends the session that a logout token of Keycloak names', async () => {
    const { sid, sub } = claims as { sid: string; sub: string };
    const [here, there] = [
      await vendor.sign(claims),
      await vendor.sign({ ...claims, sid: 'another' }),
    ];
    const token = await vendor.sign({
      ...logoutClaims(),
      ...{ iss: REALM, aud: 'wallet-web', typ: 'Logout', sub, sid },
    });

    expect(await logOut(sessions, 'wallet-web', token)).toBe(200);

    expect(await outcome(app.me(here))).toBe('401 session_revoked');
    expect(await outcome(app.me(there))).toBe('200');
  });

  it('refuses tokens for every client of the realm, ID tokens, and other realms', async () => {
    for (const wrong of [
      { aud: 'account' },
      { aud: 'wallet-web', typ: 'ID' },
      { iss: 'https://id.example/realms/another' },
    ]) {
      const token = await vendor.sign({ ...claims, ...wrong });
      expect(await outcome(app.me(token))).toBe('401 token_invalid');
    }
  });
});

describe('Every recipe', () => {
  it('has fewer than 20 lines of code', async () => {
    vendor = imitateVendor('https://id.example/jwks');
    const files = await readdir('examples/recipes');
    expect(files.sort()).toEqual(['auth0.ts', 'cognito.ts', 'firebase.ts', 'keycloak.ts']);
    for (const file of files) {
      const source = await readFile(`examples/recipes/${file}`, 'utf8');
      const code = source.replace(/\/\*\*[^]*?\*\//, '').split('\n');
      expect([file, code.filter((line) => line.trim() !== '').length < 20]).toEqual([file, true]);
    }
  });
});
