/**
 * The recipes, each against an imitation of its vendor's provider, after the vendor's
 * documentation.
 */
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import express from 'express';
import {
  backchannelLogout,
  createSessions,
  getSession,
  requireMfa,
  requireScope,
  validateSession,
  type Sessions,
} from 'express-wallet-session';
import type { JWTPayload } from 'jose';
import request, { type Response } from 'supertest';
import { imitateVendor, type Header, type Vendor } from '../../examples/recipes/demo/imitation.js';
import { SAMPLES, TENANTS, type Sample } from '../../examples/recipes/demo/samples.js';

const samples: Readonly<Record<string, Sample>> = SAMPLES;

let vendor: Vendor;
let now: number;
let sessions: Sessions;
let app: App;
let claims: JWTPayload;
let header: Header | undefined;

afterEach(() => {
  vendor.restore();
});

interface App {
  readonly me: (token: string) => Promise<Response>;
  readonly transfer: (token: string) => Promise<Response>;
  readonly verify: (token: string) => Promise<Response>;
  readonly scoped: (token: string) => Promise<Response>;
}

/** Before each test: the vendor, an API with its recipe, and the claims of its documentation. */
function useRecipe(name: keyof typeof SAMPLES): void {
  beforeEach(() => {
    const sample: Sample = SAMPLES[name];
    now = Math.floor(Date.now() / 1000);
    vendor = imitateVendor(sample.issuer);
    sessions = createSessions(sample.options());
    app = appWith(sessions);
    claims = sample.claims(now);
    header = sample.header;
  });
}

/** `undefined` removes a claim. */
type Changes = Readonly<Record<string, unknown>>;

/** Signs the claims of the documentation with changes. */
function sign(changed: Changes = {}, changedHeader: Header = {}): Promise<string> {
  return vendor.sign({ ...claims, ...changed }, { ...header, ...changedHeader });
}

function appWith(given: Sessions): App {
  const api = express();
  api.use(validateSession(given));
  api.get('/me', (req, res) => {
    res.json(getSession(req));
  });
  api.get('/transfer', requireMfa(), (_req, res) => {
    res.status(201).end();
  });
  api.get('/scoped', requireScope('transfers:write'), (_req, res) => {
    res.status(201).end();
  });
  api.get('/verify', async (req, res) => {
    res.json(await getSession(req).mfa.start({ method: 'totp' }));
  });
  const get = (path: string) => (token: string) =>
    request(api).get(path).auth(token, { type: 'bearer' }).then();
  return {
    me: get('/me'),
    transfer: get('/transfer'),
    verify: get('/verify'),
    scoped: get('/scoped'),
  };
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

async function logOut(audience: string, token: string): Promise<number> {
  const api = express();
  api.post('/', backchannelLogout(sessions, { audience }));
  return (await request(api).post('/').type('form').send({ logout_token: token })).status;
}

/** Whether each of these tokens is refused, for every route. */
async function expectInvalid(...tokens: readonly Promise<string>[]): Promise<void> {
  for (const token of tokens) {
    for (const ask of [app.me, app.transfer, app.verify]) {
      expect(await outcome(ask(await token))).toBe('401 token_invalid');
    }
  }
}

/** The evidence counts for 300 s from `auth_time`, however fresh the token. */
async function expectEvidence(withMfa: JWTPayload): Promise<void> {
  expect(await outcome(app.transfer(await sign()))).toBe('403 mfa_required');
  expect(await outcome(app.transfer(await sign(withMfa)))).toBe('201');
  expect(await outcome(app.transfer(await sign({ ...withMfa, auth_time: now - 301 })))).toBe(
    '403 mfa_expired',
  );
  expect(await outcome(app.transfer(await sign({ ...withMfa, auth_time: undefined })))).toBe(
    '403 mfa_required',
  );
}

/** The app verifies a factor of its own, which holds for the user's later tokens. */
async function expectFactorOfApp(later: JWTPayload): Promise<void> {
  const token = await sign();
  expect(await outcome(app.transfer(token))).toBe('403 mfa_required');
  expect((await app.verify(token)).status).toBe(200);
  expect(await outcome(app.transfer(await sign({ iat: now + 1, ...later })))).toBe('201');
}

describe('The recipe for Auth0', () => {
  useRecipe('auth0');

  it('accepts access tokens of both profiles, with their session id', async () => {
    const { azp: client_id, ...common } = claims as { azp: string };
    const rfc9068 = await vendor.sign({ ...common, client_id, jti: '73W' }, { typ: 'at+jwt' });

    for (const token of [await sign(), rfc9068]) {
      expect((await app.me(token)).body).toMatchObject({
        issuer: 'https://my-domain.auth0.com/',
        userId: 'auth0|123456',
        sessionId: 'session-1',
      });
    }
    expect(vendor.fetched).toEqual([
      'https://my-domain.auth0.com/.well-known/openid-configuration',
      'https://my-domain.auth0.com/.well-known/jwks.json',
    ]);
  });

  it('has no end of the session, for its tokens have no `auth_time`', async () => {
    const { startedAt, endsAt } = (await app.me(await sign())).body as Record<string, unknown>;
    expect([startedAt, endsAt]).toEqual([undefined, undefined]);
    // The token itself counts for 7 days at most, whatever its `exp`.
    const old = await sign({ iat: now - 604_810, exp: now + 60 });
    expect(await outcome(app.me(old))).toBe('401 session_expired');
  });

  it('has evidence of MFA from the time that the Action sets', async () => {
    const at = (seconds: number): JWTPayload => ({
      'https://wallet.example/mfa_at': new Date((now - seconds) * 1000).toISOString(),
    });

    expect(await outcome(app.transfer(await sign()))).toBe('403 mfa_required');
    expect(await outcome(app.transfer(await sign(at(10))))).toBe('201');
    expect(await outcome(app.transfer(await sign(at(301))))).toBe('403 mfa_expired');
  });

  it('ends the session that a logout token of Auth0 names', async () => {
    const { iss, sub } = claims as { iss: string; sub: string };
    const [here, there] = [await sign(), await sign({ 'https://wallet.example/sid': 'session-2' })];
    const token = await vendor.sign(
      { ...logoutClaims(), iss, sub, aud: 'my_client_id', sid: 'session-1' },
      { typ: 'logout+jwt' },
    );

    expect(await logOut('my_client_id', token)).toBe(200);

    expect(await outcome(app.me(here))).toBe('401 session_revoked');
    expect(await outcome(app.me(there))).toBe('200');
  });

  it('refuses ID tokens, and access tokens of another API or tenant', async () => {
    await expectInvalid(
      sign({ aud: 'my_client_id' }),
      sign({ aud: ['https://another.example', 'https://my-domain.auth0.com/userinfo'] }),
      sign({ iss: 'https://another.auth0.com/' }),
    );
  });
});

describe('The recipe for Okta', () => {
  useRecipe('okta');

  it('accepts access tokens of the authorization server, with `uid` as the user id', async () => {
    expect((await app.me(await sign())).body).toMatchObject({
      issuer: 'https://my-domain.okta.com/oauth2/default',
      userId: '00ujmkLgagxeRrAg20g3',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(await outcome(app.scoped(await sign()))).toBe('201');
  });

  it('has evidence of MFA by `acr` and `auth_time`', async () => {
    await expectEvidence({ acr: 'urn:okta:loa:2fa:any' });
    await expectEvidence({ acr: 'phr' });
    expect(await outcome(app.transfer(await sign({ acr: 'urn:okta:loa:1fa:pwd' })))).toBe(
      '403 mfa_required',
    );
  });

  it('refuses ID tokens, tokens of services, and those of another authorization server', async () => {
    await expectInvalid(
      sign({ aud: 'nmdP1fcyvdVO11AL7ECm' }),
      sign({ uid: undefined, sub: 'nmdP1fcyvdVO11AL7ECm' }),
      sign({ iss: 'https://my-domain.okta.com' }),
      sign({ iss: 'https://my-domain.okta.com/oauth2/another' }),
    );
  });
});

describe('The recipe for Entra ID', () => {
  const LOGIN = 'https://login.microsoftonline.com';
  const [first = '', second = ''] = TENANTS;
  const v2 = (tenant: string) => ({ iss: `${LOGIN}/${tenant}/v2.0`, tid: tenant });
  const v1 = (tenant: string): JWTPayload => ({
    ...SAMPLES['entra-id-v1'].claims(now),
    iss: `https://sts.windows.net/${tenant}/`,
    tid: tenant,
  });

  beforeEach(() => {
    now = Math.floor(Date.now() / 1000);
    vendor = imitateVendor(
      ...TENANTS.flatMap((tenant) => [
        { issuer: v2(tenant).iss, jwksUri: `${LOGIN}/${tenant}/discovery/v2.0/keys` },
        {
          issuer: `https://sts.windows.net/${tenant}/`,
          jwksUri: `${LOGIN}/${tenant}/discovery/keys`,
        },
      ]),
    );
    sessions = createSessions(SAMPLES['entra-id'].options());
    app = appWith(sessions);
    claims = SAMPLES['entra-id'].claims(now);
    header = undefined;
  });

  it('accepts tokens of v1.0 and of v2.0, of each tenant that is listed', async () => {
    const userId = 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb';
    for (const of of [v2(first), v2(second), v1(first), v1(second)]) {
      const response = await app.me(await vendor.sign({ ...claims, ...of }));
      expect([response.status, response.body]).toMatchObject([200, { issuer: of.iss, userId }]);
    }
  });

  it('keeps users of two tenants apart, even if their ids were the same', async () => {
    expect((await app.verify(await sign(v2(first)))).status).toBe(200);
    expect(await outcome(app.transfer(await sign(v2(first))))).toBe('201');
    expect(await outcome(app.transfer(await sign(v2(second))))).toBe('403 mfa_required');
  });

  it('has evidence of MFA in tokens of v1.0, by `amr` and `auth_time`', async () => {
    claims = v1(first);
    await expectEvidence({ amr: ['pwd', 'mfa'] });
  });

  it('has none in tokens of v2.0: the app verifies a factor of its own', async () => {
    await expectFactorOfApp({ uti: 'token-2' });
  });

  it('refuses ID tokens, tokens of services, and those of other tenants or APIs', async () => {
    const stranger = 'cccccccc-2222-eeee-3333-ffff44440000';
    await expectInvalid(
      sign({ scp: undefined }),
      sign({ scp: undefined, roles: ['Transfers.Write'], idtyp: 'app' }),
      sign(v2(stranger)),
      sign({ ...v2(first), iss: `https://sts.windows.net/${stranger}/` }),
      sign({ aud: 'https://graph.microsoft.com' }),
      sign({ oid: undefined }),
    );
  });
});

describe('The recipe for Firebase', () => {
  useRecipe('firebase');

  it('accepts ID tokens of the project', async () => {
    expect((await app.me(await sign())).body).toMatchObject({
      issuer: 'https://securetoken.google.com/my-project',
      userId: 'XJ7',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(vendor.fetched).toEqual([SAMPLES.firebase.issuer.jwksUri]);
  });

  it('has evidence of MFA after a second factor at sign-in', async () => {
    await expectEvidence(SAMPLES.firebase.mfa());
  });

  it('refuses ID tokens of another project', async () => {
    await expectInvalid(
      sign({ aud: 'another', iss: 'https://securetoken.google.com/another' }),
      sign({ aud: 'another' }),
    );
  });
});

describe('The recipe for Cognito', () => {
  useRecipe('cognito');
  const ISSUER = SAMPLES.cognito.issuer.issuer;

  it('accepts access tokens of the app client, with their session id', async () => {
    expect((await app.me(await sign())).body).toMatchObject({
      issuer: ISSUER,
      userId: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      sessionId: 'origin-1',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(vendor.fetched).toEqual([
      `${ISSUER}/.well-known/openid-configuration`,
      `${ISSUER}/.well-known/jwks.json`,
    ]);
  });

  it('refuses tokens of another client, use or pool', async () => {
    const idToken = { client_id: undefined, token_use: 'id', aud: 'my-client' };
    await expectInvalid(
      sign({ client_id: 'another-client' }),
      sign({ client_id: undefined }),
      sign(idToken),
      sign({ ...idToken, client_id: 'my-client' }),
      sign({ iss: 'https://cognito-idp.us-west-2.amazonaws.com/us-west-2_another' }),
    );
  });

  it('does so without Express too', async () => {
    const idToken = await sign({ token_use: 'id' });
    await expect(sessions.authenticateToken(idToken)).rejects.toMatchObject({
      errorType: 'token_invalid',
    });
  });

  it('has no evidence of MFA: the app verifies a factor of its own', async () => {
    await expectFactorOfApp({ jti: 'token-2' });
  });
});

describe('The recipe for Keycloak', () => {
  useRecipe('keycloak');
  const REALM = SAMPLES.keycloak.issuer.issuer;

  it('accepts access tokens for the API, with their session id', async () => {
    expect((await app.me(await sign())).body).toMatchObject({
      issuer: REALM,
      userId: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
      sessionId: '2a88c258-f73a-4103-b862-e1fbd8f4e04e',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(vendor.fetched).toEqual([
      `${REALM}/.well-known/openid-configuration`,
      `${REALM}/protocol/openid-connect/certs`,
    ]);
  });

  it('has evidence of MFA at the level of authentication', async () => {
    await expectEvidence({ acr: 'gold' });
  });

  it('ends the session that a logout token of Keycloak names', async () => {
    const { sid, sub } = claims as { sid: string; sub: string };
    const [here, there] = [await sign(), await sign({ sid: 'another' })];
    const token = await vendor.sign({
      ...logoutClaims(),
      ...{ iss: REALM, aud: 'wallet-web', typ: 'Logout', sub, sid },
    });

    expect(await logOut('wallet-web', token)).toBe(200);

    expect(await outcome(app.me(here))).toBe('401 session_revoked');
    expect(await outcome(app.me(there))).toBe('200');
  });

  it('refuses tokens for every client of the realm, ID tokens, and other realms', async () => {
    await expectInvalid(
      sign({ aud: 'account' }),
      sign({ aud: 'wallet-web', typ: 'ID' }),
      sign({ iss: 'https://id.example/realms/another' }),
    );
  });
});

describe('The recipe for Ory Hydra', () => {
  useRecipe('ory-hydra');

  it('accepts access tokens for the API, with what the consent app puts into them', async () => {
    expect((await app.me(await sign())).body).toMatchObject({
      issuer: 'https://my-project.projects.oryapis.com',
      userId: '1c9d4e2f-6a5b-4c3d-8e7f-0a1b2c3d4e5f',
      sessionId: 'session-1',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(await outcome(app.scoped(await sign()))).toBe('201');
  });

  it('accepts them without it, and then knows no session id and no start', async () => {
    const bare = await sign({ sid: undefined, auth_time: undefined, amr: undefined, ext: {} });
    const { userId, sessionId, startedAt } = (await app.me(bare)).body as Record<string, unknown>;
    expect([userId, sessionId, startedAt]).toEqual([claims.sub, undefined, undefined]);
    expect(await outcome(app.transfer(bare))).toBe('403 mfa_required');
  });

  it('has evidence of MFA by `amr` and `auth_time`', async () => {
    await expectEvidence({ amr: ['pwd', 'otp'] });
  });

  it('ends the session that a logout token of Hydra names', async () => {
    const [here, there] = [await sign(), await sign({ sid: 'session-2' })];
    const token = await vendor.sign({
      ...logoutClaims(),
      ...{ iss: claims.iss ?? '', aud: 'wallet-web', sid: 'session-1' },
    });
    expect(await logOut('wallet-web', token)).toBe(200);
    expect(await outcome(app.me(here))).toBe('401 session_revoked');
    expect(await outcome(app.me(there))).toBe('200');
  });

  it('refuses tokens without an audience, ID tokens, and those of another project', async () => {
    await expectInvalid(
      sign({ aud: [] }),
      sign({ aud: [claims.client_id as string] }),
      sign({ iss: 'https://another.projects.oryapis.com' }),
    );
  });
});

describe('The recipe for Zitadel', () => {
  useRecipe('zitadel');

  it('accepts access tokens for the project', async () => {
    const { issuer, userId, startedAt } = (await app.me(await sign())).body as Record<
      string,
      unknown
    >;
    expect([issuer, userId, startedAt]).toEqual([
      'https://my-instance.zitadel.cloud',
      '170848145649959169',
      undefined,
    ]);
  });

  it('has no evidence of MFA: the app verifies a factor of its own', async () => {
    await expectFactorOfApp({ jti: 'token-2' });
  });

  it('refuses ID tokens, and tokens of another project or instance', async () => {
    await expectInvalid(
      sign({ jti: undefined, amr: ['pwd', 'otp', 'mfa'], auth_time: now, at_hash: 'x' }),
      sign({ aud: ['170086824411201793@wallet'] }),
      sign({ iss: 'https://another.zitadel.cloud' }),
    );
  });
});

describe('The recipe for Logto', () => {
  useRecipe('logto');

  it('accepts access tokens for the API, signed by ES384', async () => {
    expect((await app.me(await sign())).body).toMatchObject({
      issuer: 'https://my-tenant.logto.app/oidc',
      userId: 'u8ej9mxpsjwb',
      startedAt: new Date((now - 10) * 1000).toISOString(),
    });
    expect(await outcome(app.scoped(await sign()))).toBe('201');
  });

  it('has evidence of MFA by `acr` and `auth_time`', async () => {
    await expectEvidence(SAMPLES.logto.mfa());
  });

  it('refuses ID tokens, and tokens of another API or tenant', async () => {
    await expectInvalid(
      sign({}, { typ: 'JWT' }),
      sign({ aud: 'vt2p9y3k1q5m8n6b4c7xz' }),
      sign({ iss: 'https://another.logto.app/oidc' }),
    );
  });
});

describe('Every recipe', () => {
  const run = promisify(execFile);
  const RUN = ['--import', 'tsx', 'examples/recipes/demo/run.ts'];

  beforeEach(() => {
    vendor = imitateVendor();
  });

  it('has fewer than 20 lines of code, a sample and a row in the README', async () => {
    const files = (await readdir('examples/recipes')).filter((file) => file.endsWith('.ts'));
    const names = Object.keys(samples).filter((name) => name !== 'entra-id-v1');
    expect(files.sort()).toEqual(names.map((name) => `${name}.ts`).sort());
    const readme = await readFile('examples/recipes/README.md', 'utf8');
    for (const file of files) {
      const source = await readFile(`examples/recipes/${file}`, 'utf8');
      const code = source.replace(/\/\*\*[^]*?\*\//, '').split('\n');
      expect([file, code.filter((line) => line.trim() !== '').length < 20]).toEqual([file, true]);
      expect(readme).toContain(`](${file})`);
    }
  });

  it('is run by its command, with the tokens of the documentation', async () => {
    const { stdout } = await run(process.execPath, RUN);
    const outcomes = stdout
      .trim()
      .split('\n\n')
      .map((text) => [
        text.split(':')[0],
        /requireMfa\(\) +(.*)/.exec(text)?.[1],
        /after MFA +(.*)/.exec(text)?.[1]?.replace(/no token.*/, 'no token'),
      ]);
    expect(outcomes).toEqual(
      Object.entries(samples).map(([name, { mfa }]) => [
        name,
        '403 mfa_required',
        mfa === undefined ? 'no token' : 'passes',
      ]),
    );
  }, 30_000);

  it('is run alone by its name, and another name is refused with the list', async () => {
    const { stdout } = await run(process.execPath, [...RUN, 'okta']);
    expect(stdout).toContain('user id        00ujmkLgagxeRrAg20g3');
    expect(stdout).not.toContain('Auth0');
    await expect(run(process.execPath, [...RUN, 'ping'])).rejects.toMatchObject({
      code: 1,
      stderr: `There is no recipe ping. There are: ${Object.keys(samples).join(', ')}.\n`,
    });
  }, 30_000);
});
