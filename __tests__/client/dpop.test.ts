/**
 * DPoP (RFC 9449): tokens bound to a key, with a fresh proof in each try of a request, made by npm's
 * `dpop` and verified by jose.
 */
import { createHash } from 'node:crypto';
import * as DPoP from 'dpop';
import { EmbeddedJWK, jwtVerify } from 'jose';
import { createSessionFetch } from 'express-wallet-session/client';
import type { ProofRequest, SessionFetchOptions } from 'express-wallet-session/client';
import { closeApis, jwt, redirect, refuse, SignedInUser, startApi } from './api.js';
import type { Answer, Api, Received } from './api.js';

let api: Api;
let answer: Answer;
let user: SignedInUser;
let keyPair: DPoP.KeyPair;
let sessionFetch: typeof fetch;

beforeAll(async () => {
  keyPair = await DPoP.generateKeyPair('ES256');
});
beforeEach(async () => {
  answer = (_request, response) => response.end('ok');
  api = await startApi((request, response) => answer(request, response));
  user = new SignedInUser();
  sessionFetch = clientWith();
});
afterEach(closeApis);

function clientWith(options: Partial<SessionFetchOptions> = {}): typeof fetch {
  return createSessionFetch({
    getAccessToken: user.getAccessToken,
    createProof: ({ method, url, accessToken }) =>
      DPoP.generateProof(keyPair, url, method, undefined, accessToken),
    origins: [api.origin],
    ...options,
  });
}

/** The claims of the proofs that were received, each verified and bound to the token beside it. */
async function proofs(received: readonly Received[] = api.received) {
  const claims = received.map(async ({ headers }) => {
    const token = /^DPoP (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const { payload } = await jwtVerify(headers.dpop as string, EmbeddedJWK, { typ: 'dpop+jwt' });
    expect(payload.ath).toBe(createHash('sha256').update(token).digest('base64url'));
    return payload as { htm: string; htu: string; jti: string };
  });
  return Promise.all(claims);
}

const post = { method: 'POST', body: 'x' };

it('A token is sent under the scheme DPoP, with a proof for the method and the address', async () => {
  await sessionFetch(`${api.origin}/transfers?to=a&amount=1#top`, post);
  expect(api.received[0]?.headers.authorization).toBe(`DPoP ${jwt('t1')}`);
  expect(await proofs()).toMatchObject([{ htm: 'POST', htu: `${api.origin}/transfers` }]);
});

it('A proof has the method in the spelling that fetch sends', async () => {
  for (const method of ['get', 'Post', 'delete', 'PATCH', 'OPTIONS'])
    await sessionFetch(`${api.origin}/`, { method });
  const sent = api.received.map(({ method }) => method);
  expect(sent).toEqual(['GET', 'POST', 'DELETE', 'PATCH', 'OPTIONS']);
  expect((await proofs()).map(({ htm }) => htm)).toEqual(sent);
});

it('A proof is made anew for each try: after a refresh, a prompt, an approval and a wait', async () => {
  const refusals: Answer[] = [
    (_request, response) => {
      refuse(response, 'token_expired');
    },
    (_request, response) => {
      refuse(response, 'mfa_required', { mfa: { maxAgeSeconds: 300 } });
    },
    (_request, response) => {
      const approval = { challengeId: 'id', description: null, expiresInSeconds: 300 };
      refuse(response, 'mfa_required', { approval });
    },
    (_request, response) => {
      response.setHeader('Retry-After', '0');
      response.writeHead(503, { 'Content-Type': 'application/problem+json' });
      response.end('{"action":"retry"}');
    },
    (_request, response) => response.end('ok'),
  ];
  answer = (request, response) => refusals[api.received.length - 1]?.(request, response);
  const client = clientWith({
    onMfaRequired: () => Promise.resolve(),
    onApprovalRequired: () => Promise.resolve(),
  });
  expect((await client(`${api.origin}/`)).status).toBe(200);
  expect(api.tokens()).toEqual(['t1', 't2/t1', 't2', 't2', 't2']);
  expect(new Set((await proofs()).map(({ jti }) => jti)).size).toBe(5);
});

it('A proof names the address of each redirect, and reaches no origin that is not listed', async () => {
  const listed = await startApi(({ path }, response) => {
    if (path === '/first') redirect(response, 307, `${stranger.origin}/last`);
    else response.end();
  });
  const stranger = await startApi((_request, response) => response.end());
  answer = ({ path }, response) => {
    redirect(response, 307, path === '/' ? '/next?x=1' : `${listed.origin}/first`);
  };
  const client = clientWith({ origins: [api.origin, listed.origin] });
  await client(`${api.origin}/`, post);
  const all = await proofs([...api.received, ...listed.received]);
  expect(all.map(({ htu }) => htu)).toEqual([
    `${api.origin}/`,
    `${api.origin}/next`,
    `${listed.origin}/first`,
  ]);
  expect(new Set(all.map(({ jti }) => jti)).size).toBe(3);
  expect(stranger.received).toHaveLength(1);
  expect(stranger.received[0]?.headers).not.toHaveProperty('dpop');
  expect(stranger.received[0]?.headers).not.toHaveProperty('authorization');
});

it('A proof of the caller follows no redirect to another origin', async () => {
  const stranger = await startApi((_request, response) => response.end());
  answer = (_request, response) => {
    redirect(response, 307, stranger.origin);
  };
  const plain = createSessionFetch({
    getAccessToken: () => Promise.resolve('t1'),
    origins: [api.origin],
  });
  await plain(`${api.origin}/`, { headers: { DPoP: 'mine' } });
  expect(api.received[0]?.headers.dpop).toBe('mine');
  expect(stranger.received[0]?.headers).not.toHaveProperty('dpop');
});

it('No proof is made without a token, nor for an origin that is not listed', async () => {
  const stranger = await startApi((_request, response) => response.end());
  const asked: ProofRequest[] = [];
  const client = clientWith({
    createProof: (request) => Promise.resolve(`proof-${asked.push(request)}`),
  });
  await client(stranger.origin);
  user.token = null;
  await client(api.origin);
  expect(asked).toEqual([]);
  expect(api.received[0]?.headers).not.toHaveProperty('dpop');
  expect(api.received[0]?.headers).not.toHaveProperty('authorization');
});

it('A refused proof is left to the app', async () => {
  answer = (_request, response) => {
    refuse(response, 'dpop_proof_invalid');
  };
  expect((await sessionFetch(api.origin)).status).toBe(401);
  expect(api.received).toHaveLength(1);
});

describe('The option createProof', () => {
  it('gets the token beside method and address, in each try', async () => {
    const asked: ProofRequest[] = [];
    answer = ({ token }, response) => {
      if (token === 't1') refuse(response, 'token_expired');
      else response.end();
    };
    const client = clientWith({
      createProof: (request) => Promise.resolve(`proof-${asked.push(request)}`),
    });
    await client(`${api.origin}/a/b?c=d`, post);
    const url = `${api.origin}/a/b`;
    expect(asked).toEqual([
      { method: 'POST', url, accessToken: jwt('t1') },
      { method: 'POST', url, accessToken: jwt('t2') },
    ]);
    expect(api.received.map(({ headers }) => headers.dpop)).toEqual(['proof-1', 'proof-2']);
  });

  it.each([
    ['rejects', () => Promise.reject(new RangeError('no key'))],
    [
      'throws',
      () => {
        throw new RangeError('no key');
      },
    ],
  ])('fails the request if it %s', async (_how, createProof) => {
    await expect(clientWith({ createProof })(api.origin)).rejects.toThrow(new RangeError('no key'));
    expect(api.received).toEqual([]);
  });

  it('that never settles ends with an abort', async () => {
    const client = clientWith({ createProof: () => new Promise<never>(() => undefined) });
    const controller = new AbortController();
    const response = client(api.origin, { signal: controller.signal });
    setTimeout(() => {
      controller.abort();
    }, 20);
    await expect(response).rejects.toMatchObject({ name: 'AbortError' });
  });
});
