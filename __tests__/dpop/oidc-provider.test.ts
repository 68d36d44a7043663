/**
 * Access tokens that a real provider (oidc-provider) binds to the key of its client, whose proofs
 * npm's `dpop` makes. In a browser: `custom-auth/example.test.ts`.
 */
import * as DPoP from 'dpop';
import {
  acrEvidence,
  customAuthentication,
  type CustomAuthenticationOptions,
  type SessionOptions,
} from 'express-wallet-session';
import { createSessionFetch } from 'express-wallet-session/client';
import { decodeJwt } from 'jose';
import { stepUpParameters } from '../../examples/custom-auth/oidc-client.js';
import { startOidcProvider, type OidcProvider, type Tokens } from '../custom-auth/oidc-provider.js';
import { listen, type Listening } from '../support/listen.js';
import { walletApi } from '../support/wallet-api.js';

const [PASSWORD, MFA] = ['urn:example:pwd', 'urn:example:mfa'];

let provider: OidcProvider;
let api: Listening;
let keyPair: DPoP.KeyPair;

beforeAll(async () => {
  provider = await startOidcProvider();
  await provider.setClients([{ clientId: 'web' }]);
});

afterAll(() => provider.close());

beforeEach(async () => {
  keyPair = await DPoP.generateKeyPair('ES256');
});

afterEach(() => api.close());

/** An API that knows the provider by its issuer alone. */
async function startApi(
  custom: Partial<CustomAuthenticationOptions> = {},
  more: SessionOptions = {},
): Promise<void> {
  const { issuer, audience } = provider;
  const authentication = customAuthentication({
    ...{ issuer, audience, typ: 'at+jwt' },
    ...custom,
  });
  api = await listen(
    walletApi(
      { authentication, ...more },
      { transfers: more.mfa?.evidence === undefined ? {} : { acr: [MFA], maxAgeSeconds: 300 } },
    ),
  );
}

function signIn(keys: DPoP.KeyPair | undefined = keyPair): Promise<Tokens> {
  return provider.openBrowser(keys).signIn('web', { account: 'alice', acr: PASSWORD });
}

/** A client of the API, as a page has it: with refresh, and with the proofs of its key. */
function clientOf(tokens: Tokens, keys: DPoP.KeyPair = keyPair) {
  let current = tokens;
  const refresh = async (): Promise<void> => {
    current = await provider.refresh('web', current.refreshToken, keys);
  };
  const sessionFetch = createSessionFetch({
    async getAccessToken({ forceRefresh }) {
      if (forceRefresh) await refresh();
      return current.accessToken;
    },
    createProof: ({ method, url, accessToken }) =>
      DPoP.generateProof(keys, url, method, undefined, accessToken),
    origins: [api.url],
  });
  return {
    refresh,
    current: () => current,
    call: async (method: string, path: string, body?: object) =>
      answerOf(
        await sessionFetch(api.url + path, {
          method,
          ...(body && {
            body: JSON.stringify(body),
            headers: { 'content-type': 'application/json' },
          }),
        }),
      ),
  };
}

/** What anybody can send who has the token. */
async function send(accessToken: string, proof?: string, scheme = 'DPoP') {
  const headers = {
    authorization: `${scheme} ${accessToken}`,
    ...(proof !== undefined && { dpop: proof }),
  };
  return answerOf(await fetch(`${api.url}/me`, { headers }));
}

async function answerOf(response: Response) {
  const body = (await response.json()) as { errorType?: string } | null;
  const challenge = response.headers.get('www-authenticate') ?? '';
  return { answer: [response.status, body?.errorType ?? 'ok'], body, challenge };
}

const PASSED = [200, 'ok'];
const REFUSED = [401, 'dpop_proof_invalid'];

it('A token is bound by the provider to the key of its client, and over refreshes', async () => {
  await startApi({ dpop: 'required' });
  const client = clientOf(await signIn());
  const jkt = await DPoP.calculateThumbprint(keyPair.publicKey);

  expect(decodeJwt(client.current().accessToken)).toMatchObject({ cnf: { jkt } });
  expect((await client.call('GET', '/me')).answer).toEqual(PASSED);
  await client.refresh();
  expect(decodeJwt(client.current().accessToken)).toMatchObject({ cnf: { jkt } });
  expect((await client.call('GET', '/me?after=refresh')).answer).toEqual(PASSED);
});

it('A stolen token opens nothing without its key', async () => {
  await startApi();
  const { accessToken } = await signIn();
  const own = (method: string, path: string, token = accessToken): Promise<string> =>
    DPoP.generateProof(keyPair, `${api.url}${path}`, method, undefined, token);
  const thief = await DPoP.generateKeyPair('ES256');
  const seen = await own('GET', '/me');
  expect((await send(accessToken, seen)).answer).toEqual(PASSED);

  const attempts: readonly (readonly [string, Promise<{ answer: unknown }>])[] = [
    ['as a bearer token', send(accessToken, undefined, 'Bearer')],
    ['as a bearer token with a good proof', send(accessToken, await own('GET', '/me'), 'Bearer')],
    ['without a proof', send(accessToken)],
    [
      'with a proof by another key',
      send(
        accessToken,
        await DPoP.generateProof(thief, `${api.url}/me`, 'GET', undefined, accessToken),
      ),
    ],
    ['with a proof that was seen', send(accessToken, seen)],
    ['with a proof of another path', send(accessToken, await own('GET', '/mfa'))],
    ['with a proof of another method', send(accessToken, await own('POST', '/me'))],
    [
      'with a proof of another token',
      send(accessToken, await own('GET', '/me', (await signIn()).accessToken)),
    ],
    [
      'with the proof of the token request',
      send(accessToken, await DPoP.generateProof(keyPair, `${provider.issuer}/token`, 'POST')),
    ],
  ];
  for (const [attempt, sent] of attempts) {
    expect([attempt, (await sent).answer]).toEqual([attempt, REFUSED]);
  }
});

it('A stolen refresh token gives no token to another key', async () => {
  await startApi();
  const { refreshToken } = await signIn();
  const thief = await DPoP.generateKeyPair('ES256');
  await expect(provider.refresh('web', refreshToken, thief)).rejects.toThrow('400 invalid_grant');
  await expect(provider.refresh('web', refreshToken)).rejects.toThrow('400');
});

it('Under `required`, a bearer token of the same provider is refused, and else it passes', async () => {
  const { accessToken } = await provider.openBrowser().signIn('web', { account: 'alice' });
  await startApi({ dpop: 'required' });
  expect((await send(accessToken, undefined, 'Bearer')).answer).toEqual(REFUSED);
  await api.close();
  await startApi();
  expect((await send(accessToken, undefined, 'Bearer')).answer).toEqual(PASSED);
});

it('A challenge for MFA leads to the provider and back, with the same key', async () => {
  await startApi({ dpop: 'required' }, { mfa: { evidence: acrEvidence({ acr: [MFA] }) } });
  const browser = provider.openBrowser(keyPair);
  const before = clientOf(await browser.signIn('web', { account: 'alice', acr: PASSWORD }));
  const { answer, challenge } = await before.call('POST', '/transfers');
  expect(answer).toEqual([403, 'mfa_required']);
  expect(challenge).toMatch(/^Bearer error=.*, DPoP error="insufficient_user_authentication"/);

  const parameters = stepUpParameters(challenge);
  expect(parameters).toEqual({ acr_values: MFA, max_age: '300' });
  const login = { account: 'alice', amr: ['pwd', 'otp'], acr: MFA };
  const after = clientOf(await browser.signIn('web', login, parameters));
  expect((await after.call('POST', '/transfers')).answer).toEqual([201, 'ok']);
  await after.refresh();
  expect((await after.call('POST', '/transfers')).answer).toEqual([201, 'ok']);
  const { accessToken } = after.current();
  expect((await send(accessToken, undefined, 'Bearer')).answer).toEqual(REFUSED);
});

it('An MFA session of one client is carried over a refresh, and to no token of another key', async () => {
  await startApi({ sessionIdClaim: null, mfaScope: 'client' });
  const client = clientOf(await signIn());
  const verified = await client.call('POST', '/mfa', { method: 'totp' });
  expect(verified.answer).toEqual(PASSED);
  const stolen = client.current().accessToken;

  // The same user signs in with another key, and presents the token that it saw.
  const thief = await DPoP.generateKeyPair('ES256');
  const { accessToken } = await provider
    .openBrowser(thief)
    .signIn('web', { account: 'alice', authTime: decodeJwt(stolen).auth_time as number });
  const url = `${api.url}/transfers`;
  const proof = await DPoP.generateProof(thief, url, 'POST', undefined, accessToken);
  const refused = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `DPoP ${accessToken}`,
      dpop: proof,
      'previous-access-token': stolen,
    },
  });
  expect((await answerOf(refused)).answer).toEqual([403, 'mfa_required']);

  await client.refresh();
  expect((await client.call('POST', '/transfers')).answer).toEqual([201, 'ok']);
  expect((await client.call('GET', '/mfa')).body).toEqual(verified.body);
});
