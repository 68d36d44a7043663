import express from 'express';
import {
  cdpAuthentication,
  createSessions,
  validateSession,
  type Sessions,
} from 'express-wallet-session';
import { createTestIssuer, type TestIssuer } from 'express-wallet-session/testing';
import { cdp, complaints, complaintsAbout, jwksUri } from './complaints.js';
import { listen, type Listening } from '../support/listen.js';

const ofCdp = {
  WALLET_SESSION_AUTHENTICATION: 'cdp',
  WALLET_SESSION_PROJECT_ID: 'project-1',
  WALLET_SESSION_JWKS_URI: jwksUri,
};
const ofCustom = {
  WALLET_SESSION_AUTHENTICATION: 'custom',
  WALLET_SESSION_ISSUER: 'https://issuer.example/',
  WALLET_SESSION_AUDIENCE: 'wallet-api',
  WALLET_SESSION_JWKS_URI: jwksUri,
};

/** The variables that Kubernetes injects for a Service, those of Docker links included. */
function kubernetesService(name: string): Readonly<Record<string, string>> {
  return {
    [`${name}_SERVICE_HOST`]: '10.0.0.11',
    [`${name}_SERVICE_PORT`]: '6379',
    [`${name}_SERVICE_PORT_HTTP_METRICS`]: '9090',
    [`${name}_PORT`]: 'tcp://10.0.0.11:6379',
    [`${name}_PORT_6379_TCP`]: 'tcp://10.0.0.11:6379',
    [`${name}_PORT_6379_TCP_PROTO`]: 'tcp',
    [`${name}_PORT_6379_TCP_PORT`]: '6379',
    [`${name}_PORT_6379_TCP_ADDR`]: '10.0.0.11',
    [`${name}_PORT_53_UDP_ADDR`]: '10.0.0.11',
  };
}

function setEnvironment(variables: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('WALLET_SESSION_')) Reflect.deleteProperty(process.env, name);
  }
  Object.assign(process.env, variables);
}

function complaintsIn(variables: Readonly<Record<string, string>>): readonly string[] {
  setEnvironment(variables);
  return complaints(() => createSessions());
}

beforeEach(() => {
  setEnvironment({});
});
afterAll(() => {
  setEnvironment({});
});

describe('The environment variables', () => {
  it.each([
    [ofCdp],
    [ofCustom],
    [{ ...ofCdp, WALLET_SESSION_ISSUER: 'cdp-test', WALLET_SESSION_AUDIENCE: 'cdp-test' }],
    [{ ...ofCustom, WALLET_SESSION_AUDIENCE: 'wallet-api, other-api' }],
    [{ ...ofCustom, WALLET_SESSION_MFA_WINDOW_SECONDS: '60' }],
    [{ ...ofCustom, WALLET_SESSION_PROJECT_ID: '', WALLET_SESSION_MFA_WINDOW_SECONDS: ' ' }],
    [{ ...ofCustom, WALLET_SESSIONS: 'another prefix', MY_WALLET_SESSION_X: 'another prefix' }],
    [{ ...ofCustom, WALLET_SESSION_JWKS_URI: '' }],
    [{ ...ofCdp, ...kubernetesService('WALLET_SESSION') }],
    [{ ...ofCdp, ...kubernetesService('WALLET_SESSION_ISSUER') }],
  ])('accept %j', (variables) => {
    expect(complaintsIn(variables)).toEqual([]);
  });

  it.each([
    [{}, ['`authentication` is missing: pass cdpAuthentication({ … }) or customAuthentication(']],
    [{ ...ofCdp, WALLET_SESSION_AUTHENTICATION: '' }, ['set WALLET_SESSION_AUTHENTICATION to']],
    [
      { ...ofCdp, WALLET_SESSION_AUTHENTICATION: 'CDP' },
      ["WALLET_SESSION_AUTHENTICATION must be 'cdp' or 'custom'."],
    ],
    [
      { WALLET_SESSION_AUTHENTICATION: 'cdp' },
      ['WALLET_SESSION_PROJECT_ID is missing', 'WALLET_SESSION_JWKS_URI is missing'],
    ],
    [
      { WALLET_SESSION_AUTHENTICATION: 'custom' },
      ['WALLET_SESSION_ISSUER is missing', 'WALLET_SESSION_AUDIENCE is missing'],
    ],
    [
      { ...ofCustom, WALLET_SESSION_JWKS_URI: '', WALLET_SESSION_ISSUER: 'my-issuer' },
      ['`issuer` must be an https: address'],
    ],
    [{ ...ofCustom, WALLET_SESSION_AUDIENCE: '' }, ['WALLET_SESSION_AUDIENCE is missing']],
    [
      { ...ofCustom, WALLET_SESSION_AUDIENCE: 'a,,b' },
      ['WALLET_SESSION_AUDIENCE must be a comma-separated list without empty entries.'],
    ],
    [
      { ...ofCustom, WALLET_SESSION_PROJECT_ID: 'project-1' },
      ['WALLET_SESSION_PROJECT_ID belongs to CDP authentication; unset it'],
    ],
    [
      { ...ofCdp, WALLET_SESSION_JWKS_URI: 'http://issuer.example/jwks' },
      ['WALLET_SESSION_JWKS_URI must be https:'],
    ],
    [
      { WALLET_SESSION_AUTHENTICATION: 'cdp', WALLET_SESSION_JWKS_URI: 'issuer.example/jwks' },
      [
        'WALLET_SESSION_PROJECT_ID is missing',
        'WALLET_SESSION_JWKS_URI must be an absolute address',
      ],
    ],
    [
      { ...ofCdp, WALLET_SESSION_MFA_WINDOW_SECONDS: '0' },
      ['WALLET_SESSION_MFA_WINDOW_SECONDS must be a whole number of seconds, at least 1.'],
    ],
    [{ ...ofCdp, WALLET_SESSION_MFA_WINDOW_SECONDS: '5m' }, ['MFA_WINDOW_SECONDS must be']],
    [{ ...ofCdp, WALLET_SESSION_MFA_WINDOW_SECONDS: '-1' }, ['MFA_WINDOW_SECONDS must be']],
    [{ ...ofCdp, WALLET_SESSION_MFA_WINDOW_SECONDS: '1e3' }, ['MFA_WINDOW_SECONDS must be']],
    [{ ...ofCdp, WALLET_SESSION_MFA_WINDOW_SECONDS: '9'.repeat(20) }, ['SECONDS must be']],
    [
      { ...ofCdp, WALLET_SESSION_SERVICE_HOSTS: 'x', WALLET_SESSION_PORTS: 'y' },
      [
        'WALLET_SESSION_SERVICE_HOSTS: there is no such variable.',
        'WALLET_SESSION_PORTS: there is no such variable.',
      ],
    ],
    [
      { ...ofCdp, WALLET_SESSION_PROJECTID: 'x', WALLET_SESSION_STORE: 'redis' },
      [
        'WALLET_SESSION_PROJECTID: there is no such variable. Did you mean `WALLET_SESSION_PROJECT_ID`?',
        'WALLET_SESSION_STORE: there is no such variable.',
      ],
    ],
    [
      {
        WALLET_SESSION_AUTHENTICATION: 'custom',
        WALLET_SESSION_ISUER: 'https://issuer.example/',
        WALLET_SESSION_PROJECT_ID: 'project-1',
        WALLET_SESSION_JWKS_URI: jwksUri,
        WALLET_SESSION_AUDIENCE: ',',
        WALLET_SESSION_MFA_WINDOW_SECONDS: 'soon',
      },
      [
        'WALLET_SESSION_ISUER: there is no such variable. Did you mean `WALLET_SESSION_ISSUER`?',
        'WALLET_SESSION_PROJECT_ID belongs to CDP',
        'WALLET_SESSION_ISSUER is missing',
        'WALLET_SESSION_AUDIENCE must be',
        'WALLET_SESSION_MFA_WINDOW_SECONDS must be',
      ],
    ],
  ])('are refused with all mistakes at once: %j', (variables, expected) => {
    const found = complaintsIn(variables);
    expect(found).toHaveLength(expected.length);
    for (const complaint of expected) {
      expect(found).toContainEqual(expect.stringContaining(complaint));
    }
    expect(complaints(() => validateSession())).toEqual(found);
  });

  it('are refused together with mistakes in the options', () => {
    setEnvironment({ WALLET_SESSION_AUTHENTICATION: 'cdp' });
    expect(complaints(() => createSessions({ maxSessionSeconds: 0 }))).toEqual([
      expect.stringContaining('WALLET_SESSION_PROJECT_ID'),
      expect.stringContaining('WALLET_SESSION_JWKS_URI'),
      expect.stringContaining('`maxSessionSeconds`'),
    ]);
  });

  it('are refused if misspelt, even with all options in code', () => {
    setEnvironment({ WALLET_SESSION_MFA_WINDOW: '60' });
    expect(complaintsAbout({})).toEqual([
      'WALLET_SESSION_MFA_WINDOW: there is no such variable. Did you mean `WALLET_SESSION_MFA_WINDOW_SECONDS`?',
    ]);
  });

  it('are not checked if an authentication is given in code', () => {
    setEnvironment({ WALLET_SESSION_AUTHENTICATION: 'cdp', WALLET_SESSION_JWKS_URI: 'nowhere' });
    expect(complaints(() => createSessions({ authentication: cdpAuthentication(cdp) }))).toEqual(
      [],
    );
  });
});

describe('The environment variables set', () => {
  let issuer: TestIssuer;
  let server: Listening;
  let uri: string;

  beforeAll(async () => {
    issuer = await createTestIssuer({ authentication: 'custom' });
    server = await listen(express().use(issuer.router()));
    uri = `${server.url}/.well-known/jwks.json`;
  });
  afterAll(() => server.close());

  function sessionsOf(variables: Readonly<Record<string, string>>): Sessions {
    setEnvironment({ WALLET_SESSION_JWKS_URI: uri, ...variables });
    const sessions = createSessions();
    setEnvironment({ WALLET_SESSION_AUTHENTICATION: 'read too late' });
    return sessions;
  }

  const refused = { errorType: 'token_invalid' };

  it('issuer, audience and JWKS address of custom authentication', async () => {
    const sessions = sessionsOf({
      WALLET_SESSION_AUTHENTICATION: 'custom',
      WALLET_SESSION_ISSUER: issuer.issuer,
      WALLET_SESSION_AUDIENCE: ` other-api , ${issuer.audience}`,
    });
    await sessions.ready();
    const session = await sessions.authenticateToken(await issuer.sign({ sub: 'alice' }));
    expect(session).toMatchObject({ authentication: 'custom', userId: 'alice' });
    expect(session.mfa.scope).toBe('user');
    await sessions.authenticateToken(await issuer.sign({ aud: 'other-api' }));
    for (const claims of [{ iss: 'https://another.example/' }, { aud: 'a third api' }]) {
      const token = await issuer.sign(claims);
      await expect(sessions.authenticateToken(token)).rejects.toMatchObject(refused);
    }
  });

  it('project, issuer and audience of CDP authentication', async () => {
    const asCdp = { iss: 'cdp-api', aud: 'cdp-api', project_id: 'project-1' };
    const variables = {
      WALLET_SESSION_AUTHENTICATION: 'cdp',
      WALLET_SESSION_PROJECT_ID: 'project-1',
    };
    const sessions = sessionsOf(variables);
    const session = await sessions.authenticateToken(await issuer.sign(asCdp));
    expect(session.authentication).toBe('cdp');
    expect(session.mfa.scope).toBe('client');
    const other = await issuer.sign({ ...asCdp, project_id: 'project-2' });
    await expect(sessions.authenticateToken(other)).rejects.toMatchObject(refused);

    const renamed = sessionsOf({
      ...variables,
      WALLET_SESSION_ISSUER: 'cdp-test',
      WALLET_SESSION_AUDIENCE: 'cdp-aud',
    });
    const token = await issuer.sign({ ...asCdp, iss: 'cdp-test', aud: 'cdp-aud' });
    await expect(renamed.authenticateToken(token)).resolves.toMatchObject({ issuer: 'cdp-test' });
    const plain = await issuer.sign(asCdp);
    await expect(renamed.authenticateToken(plain)).rejects.toMatchObject(refused);
  });

  it('the MFA window, unless an option does', async () => {
    const variables = { WALLET_SESSION_MFA_WINDOW_SECONDS: '60' };
    for (const [windowSeconds, expected] of [
      [undefined, 60],
      [120, 120],
    ] as const) {
      setEnvironment(variables);
      const { authentication } = issuer;
      const sessions = createSessions({ authentication, mfa: { windowSeconds } });
      const session = await sessions.authenticateToken(await issuer.sign());
      const { verifiedAt, expiresAt } = await session.mfa.start({ method: 'totp' });
      expect(expiresAt.getTime() - verifiedAt.getTime()).toBe(expected * 1000);
    }
  });
});
