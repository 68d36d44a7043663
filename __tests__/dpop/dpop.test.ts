/**
 * Access tokens that are bound to a key (RFC 9449): a request needs a proof of its own, and a stolen
 * token opens nothing.
 */
import {
  createSessions,
  memoryStore,
  requireScope,
  SessionError,
  validateSession,
  type CustomAuthenticationOptions,
  type Session,
  type SessionOptions,
  type Sessions,
} from 'express-wallet-session';
import {
  createDpopProof,
  createTestClock,
  createTestIssuer,
  type DpopKeyPair,
  type TestClock,
  type TestIssuer,
} from 'express-wallet-session/testing';
import express from 'express';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import request, { type Test } from 'supertest';
import { expressVersions, handle, showError, walletApi } from '../support/wallet-api.js';
import { ALGS, expectProofInvalid, ORIGIN } from './expect-proof-invalid.js';

let clock: TestClock;
let issuer: TestIssuer;
let keyPair: DpopKeyPair;
let jwk: JWK;
let accessToken: string;

beforeAll(async () => {
  keyPair = await generateKeyPair('ES256');
  jwk = await exportJWK(keyPair.publicKey);
});

beforeEach(async () => {
  clock = createTestClock();
  issuer = await createTestIssuer({ clock, authentication: 'custom' });
  accessToken = (await issuer.signIn('user-1', { dpop: jwk })).accessToken;
});

function options(more: SessionOptions = {}): SessionOptions {
  return { authentication: issuer.authentication, clock, origin: ORIGIN, ...more };
}

function withDpop(dpop: CustomAuthenticationOptions['dpop']): SessionOptions['authentication'] {
  const { options: given } = issuer.authentication as { options: CustomAuthenticationOptions };
  return { authentication: 'custom', options: { ...given, dpop } };
}

function proofOf(claims: Record<string, unknown> = {}): Promise<string> {
  const about = { method: 'GET', url: `${ORIGIN}/me`, accessToken, clock };
  return createDpopProof({ keyPair, ...about, ...claims });
}

function send(
  app: express.Express,
  proof: string | undefined,
  {
    method = 'get',
    path = '/me',
    token = accessToken,
  }: { method?: 'get' | 'post'; path?: string; token?: string } = {},
): Test {
  const test = request(app)[method](path).set('Authorization', `DPoP ${token}`);
  return proof === undefined ? test : test.set('DPoP', proof);
}

describe.each(expressVersions)('A bound token on %s', (_version, factory) => {
  it('is accepted with a proof of the request', async () => {
    const app = walletApi(options(), { express: factory });
    const response = await send(app, await proofOf());
    expect([response.status, (response.body as { userId: string }).userId]).toEqual([
      200,
      'user-1',
    ]);
  });

  it('needs a new proof for each request', async () => {
    const app = walletApi(options(), { express: factory });
    const proof = await proofOf();
    expect((await send(app, proof)).status).toBe(200);
    expectProofInvalid(await send(app, proof));
    expect((await send(app, await proofOf())).status).toBe(200);
  });

  it('is compared with the whole path, mounts included, and without the query', async () => {
    const app = factory();
    const router = factory.Router();
    router.use(validateSession(options()));
    router.get('/me', (_req, res) => {
      res.json({ ok: true });
    });
    app.use('/v1', router);
    const path = '/v1/me?x=1';
    expect((await send(app, await proofOf({ htu: `${ORIGIN}/v1/me` }), { path })).status).toBe(200);
    expectProofInvalid(await send(app, await proofOf({ htu: `${ORIGIN}/me` }), { path }));
  });
});

describe('A bound token', () => {
  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'])(
    'is accepted with a key for %s',
    async (alg) => {
      const pair = (await generateKeyPair(alg)) as DpopKeyPair;
      const client = await issuer.signIn('user-1', {
        dpop: await exportJWK(pair.publicKey),
      });
      const proof = await proofOf({ keyPair: pair, accessToken: client.accessToken });
      const app = walletApi(options());
      expect((await send(app, proof, { token: client.accessToken })).status).toBe(200);
    },
  );

  it('stays bound over a refresh', async () => {
    const client = await issuer.signIn('user-1', { dpop: jwk });
    const fresh = await issuer.refresh(client.refreshToken);
    const app = walletApi(options());
    const proof = await proofOf({ accessToken: fresh.accessToken });
    expect((await send(app, proof, { token: fresh.accessToken })).status).toBe(200);
    expectProofInvalid(await send(app, undefined, { token: fresh.accessToken }));
  });

  it('is refused under the Bearer scheme, from a reader and by authenticateToken()', async () => {
    const proof = await proofOf();
    const bearer = await request(walletApi(options()))
      .get('/me')
      .auth(accessToken, { type: 'bearer' })
      .set('DPoP', proof);
    expectProofInvalid(bearer);
    const reader = walletApi(options({ token: [({ headers }) => headers['x-token'] as string] }));
    expectProofInvalid(
      await request(reader).get('/me').set('X-Token', accessToken).set('DPoP', proof),
    );
    await expect(createSessions(options()).authenticateToken(accessToken)).rejects.toMatchObject({
      errorType: 'dpop_proof_invalid',
    });
  });

  it('is refused beside a token in another place', async () => {
    const app = walletApi(options());
    const response = await send(app, await proofOf()).set('Authorization', `DPoP ${accessToken} x`);
    expect(response.status).toBe(400);
  });

  it('names the DPoP scheme in the other refusals of its session', async () => {
    const app = walletApi(options(), {
      routes: (routed) => {
        handle(routed, 'get', '/scoped', () => 'in');
        routed.get('/admin', requireScope('admin'), (_req, res) => res.end());
      },
    });
    const transfer = await send(app, await proofOf({ htm: 'POST', htu: `${ORIGIN}/transfers` }), {
      method: 'post',
      path: '/transfers',
    });
    expect([transfer.status, transfer.headers['www-authenticate']]).toEqual([
      403,
      `Bearer error="insufficient_user_authentication", max_age="300", DPoP error="insufficient_user_authentication", max_age="300", algs="${ALGS}"`,
    ]);
    const admin = await send(app, await proofOf({ htu: `${ORIGIN}/admin` }), { path: '/admin' });
    expect([admin.status, admin.headers['www-authenticate']]).toEqual([
      403,
      `Bearer error="insufficient_scope", scope="admin", DPoP error="insufficient_scope", scope="admin", algs="${ALGS}"`,
    ]);
    clock.advance(1000);
    const expired = await send(app, await proofOf());
    expect([expired.status, expired.headers['www-authenticate']]).toEqual([
      401,
      `Bearer error="invalid_token", DPoP error="invalid_token", algs="${ALGS}"`,
    ]);
  });

  describe('names the DPoP scheme in the challenge', () => {
    let sessions: Sessions;
    let session: Session;

    beforeEach(async () => {
      sessions = createSessions(options());
      const headers = { authorization: `DPoP ${accessToken}`, dpop: await proofOf() };
      session = await sessions.authenticate({ headers, method: 'GET', url: '/me' });
    });

    async function challengesOf(work: Promise<unknown>): Promise<string | undefined> {
      const error: unknown = await work.catch((reason: unknown) => reason);
      return (error as SessionError).headers['WWW-Authenticate'];
    }

    const REVOKED = `Bearer error="invalid_token", DPoP error="invalid_token", algs="${ALGS}"`;

    it('of what `mfa.requireApproval()` and `mfa.require()` reject with', async () => {
      const demand = 'error="insufficient_user_authentication"';
      const operation = { operation: 'send', description: 'send' };
      expect(await challengesOf(session.mfa.requireApproval(operation))).toBe(
        `Bearer ${demand}, DPoP ${demand}, algs="${ALGS}"`,
      );
      expect(await challengesOf(session.mfa.require())).toBe(
        `Bearer ${demand}, max_age="300", DPoP ${demand}, max_age="300", algs="${ALGS}"`,
      );
    });

    it.each<[string, () => Promise<unknown>]>([
      ['check()', () => session.check()],
      ['mfa.require()', () => session.mfa.require()],
      ['mfa.start()', () => session.mfa.start({ method: 'totp' })],
      ['mfa.challenge()', () => session.mfa.challenge('x')],
      ['mfa.approve()', () => session.mfa.approve('x', () => false)],
      ['mfa.deny()', () => session.mfa.deny('x')],
      [
        'mfa.requireApproval()',
        () => session.mfa.requireApproval({ operation: 'send', description: 'send' }),
      ],
    ])('of what `%s` rejects with after a sign-out', async (_name, act) => {
      await session.signOut();
      expect(await challengesOf(act())).toBe(REVOKED);
    });

    it.each<[string, () => Promise<unknown>]>([
      ['check()', () => session.check()],
      ['mfa.challenge()', () => session.mfa.challenge('x')],
    ])('of what `%s` rejects with after the token has expired', async (_name, act) => {
      clock.advance(906);
      expect(await challengesOf(act())).toBe(REVOKED);
    });

    it('of the reason that a watch aborts with', async () => {
      const { signal } = sessions.watch(session);
      await session.signOut();
      expect((signal.reason as SessionError).headers['WWW-Authenticate']).toBe(REVOKED);
    });

    it('and passes on an error of the verifier as it is', async () => {
      const refusal: unknown = await session.mfa
        .requireApproval({ operation: 'send', description: 'send' })
        .catch((error: unknown) => error);
      const id = (refusal as SessionError).headers['X-Mfa-Challenge-Id'] ?? '';
      const thrown = new SessionError('token_invalid');
      const verify = (): never => {
        throw thrown;
      };
      await expect(session.mfa.approve(id, verify)).rejects.toBe(thrown);
    });
  });

  it('gets 503 while the store is down, even if revocation is checked when available', async () => {
    const store = { ...memoryStore(), add: () => Promise.reject(new Error('down')) };
    const app = walletApi(options({ store, revocation: 'when-available' }));
    const response = await send(app, await proofOf());
    expect([response.status, (response.body as { errorType: string }).errorType]).toEqual([
      503,
      'store_unavailable',
    ]);
  });

  it('is proven once for each request, even if several validateSession() share the store', async () => {
    const store = memoryStore();
    const app = express();
    app.use(validateSession(options({ store })));
    app.use(validateSession(options({ store, property: 'second' })));
    app.get('/me', (_req, res) => {
      res.json({ ok: true });
    });
    app.use(showError);
    const proof = await proofOf();
    expect((await send(app, proof)).status).toBe(200);
    expectProofInvalid(await send(app, proof));
  });

  it('passes one of 20 equal proofs at once', async () => {
    const app = walletApi(options());
    const proof = await proofOf();
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await send(app, proof)).status),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(19);
  });
});

describe('The mode', () => {
  it('`required` demands a proof of every token, and says so to a request without one', async () => {
    const app = walletApi(options({ authentication: withDpop('required') }));
    // Refused by validateSession(), by getSession() and by a guard.
    const lenient = walletApi(options({ authentication: withDpop('required'), required: false }));
    for (const missing of [
      await request(app).get('/me'),
      await request(lenient).get('/me'),
      await request(lenient).post('/transfers'),
    ]) {
      expect([missing.status, missing.headers['www-authenticate']]).toEqual([
        401,
        `Bearer realm="api", DPoP realm="api", algs="${ALGS}"`,
      ]);
    }
    const { accessToken: unbound } = await issuer.signIn('user-2');
    expectProofInvalid(await request(app).get('/me').auth(unbound, { type: 'bearer' }));
    expect((await send(app, await proofOf())).status).toBe(200);
  });

  it('`when-bound` accepts an unbound token as a bearer token and not under the DPoP scheme', async () => {
    const app = walletApi(options());
    const { accessToken: unbound } = await issuer.signIn('user-2');
    await request(app).get('/me').auth(unbound, { type: 'bearer' }).expect(200);
    const response = await send(app, await proofOf({ accessToken: unbound }), { token: unbound });
    expect([response.status, (response.body as { errorType: string }).errorType]).toEqual([
      401,
      'token_invalid',
    ]);
  });

  it('`ignore` leaves the proof to a gateway in front', async () => {
    const app = walletApi(options({ authentication: withDpop('ignore') }));
    await request(app).get('/me').auth(accessToken, { type: 'bearer' }).expect(200);
    expect((await send(app, undefined)).status).toBe(200);
  });
});

describe('The time of a proof', () => {
  const off = (seconds: number) => ({ iat: clock() / 1000 + seconds });

  it('may be 65 s in the past or ahead', async () => {
    const app = walletApi(options());
    expect((await send(app, await proofOf(off(-65)))).status).toBe(200);
    expect((await send(app, await proofOf(off(65)))).status).toBe(200);
  });

  it('is told apart in the detail, which says by how much the clock of the client is off', async () => {
    const response = await send(walletApi(options()), await proofOf(off(-600)));
    expectProofInvalid(response);
    expect((response.body as { detail: string }).detail).toBe(
      "The DPoP proof is 600 s old by this server's clock, and 60 s are allowed; set the clock of the client.",
    );
  });
});

describe('`htu`', () => {
  it.each([
    'https://API.example.com/me',
    'HTTPS://api.example.com:443/me',
    'https://api.example.com/me?query=1#fragment',
    'https://api.example.com/./x/../me',
    'https://api.example.com/%6d%65',
  ])('%s is the URL of the request', async (htu) => {
    expect((await send(walletApi(options()), await proofOf({ htu }))).status).toBe(200);
  });

  async function answered(
    headers: Record<string, string>,
    htu: string,
    trustProxy?: unknown,
  ): Promise<number> {
    const app = walletApi(
      { authentication: issuer.authentication, clock },
      { before: (one) => trustProxy !== undefined && one.set('trust proxy', trustProxy) },
    );
    return (await send(app, await proofOf({ htu })).set(headers)).status;
  }

  it('is compared with `Host` without the option `origin`', async () => {
    expect(await answered({ Host: 'wallet.test' }, 'http://wallet.test/me')).toBe(200);
    expect(await answered({ Host: 'wallet.test:8080' }, 'http://wallet.test:8080/me')).toBe(200);
    expect(await answered({ Host: 'wallet.test' }, 'http://other.test/me')).toBe(401);
    expect(await answered({ Host: 'wallet.test/x@other' }, 'http://wallet.test/me')).toBe(401);
  });

  it('is compared with X-Forwarded-* of a proxy that Express trusts, and of no other', async () => {
    const forwarded = {
      'X-Forwarded-Host': 'wallet.example, inner.test',
      'X-Forwarded-Proto': 'https',
    };
    expect(await answered(forwarded, 'https://wallet.example/me', 'loopback')).toBe(200);
    expect(await answered(forwarded, 'https://wallet.example/me')).toBe(401);
    expect(await answered(forwarded, 'https://wallet.example/me', '10.0.0.1')).toBe(401);
    expect(
      await answered(
        { ...forwarded, 'X-Forwarded-Proto': 'javascript' },
        'https://wallet.example/me',
        'loopback',
      ),
    ).toBe(401);
  });
});

describe('sessions.authenticate()', () => {
  it('verifies the proof of a request with its method and URL', async () => {
    const sessions = createSessions(options());
    const headers = { authorization: `DPoP ${accessToken}`, dpop: await proofOf() };
    const session = await sessions.authenticate({ headers, method: 'GET', url: '/me' });
    expect(session.userId).toBe('user-1');
    const again = new Request(`${ORIGIN}/me`, {
      headers: { authorization: `DPoP ${accessToken}`, dpop: await proofOf() },
    });
    await expect(sessions.authenticate(again)).resolves.toMatchObject({ userId: 'user-1' });
  });

  it('rejects with a TypeError that asks for them', async () => {
    const headers = { authorization: `DPoP ${accessToken}`, dpop: await proofOf() };
    await expect(createSessions(options()).authenticate({ headers })).rejects.toThrow(
      new TypeError(
        'authenticate({ headers, method, url }): a DPoP proof is about one request, so `method` and `url` are needed.',
      ),
    );
  });
});

describe('MFA is carried over', () => {
  it('between tokens of one key, and not to another key or to an unbound token', async () => {
    const cdpLike = await createTestIssuer({
      clock,
      authentication: 'custom',
      claims: { sid: undefined },
    });
    const { options: given } = cdpLike.authentication as { options: CustomAuthenticationOptions };
    const authentication = {
      authentication: 'custom',
      options: { ...given, mfaScope: 'client' },
    } as SessionOptions['authentication'];
    const app = walletApi({ ...options(), authentication });
    const other = await generateKeyPair('ES256');
    const from = await cdpLike.signIn('user-1', { dpop: jwk });
    const to = await cdpLike.refresh(from.refreshToken);
    const stranger = await cdpLike.signIn('user-1', { dpop: await exportJWK(other.publicKey) });
    const unbound = await cdpLike.signIn('user-1');

    const about = { htm: 'POST', htu: `${ORIGIN}/mfa` };
    await send(app, await proofOf({ ...about, accessToken: from.accessToken }), {
      ...{ method: 'post', path: '/mfa', token: from.accessToken },
    })
      .send({ method: 'totp' })
      .expect(200);

    const mfaOf = async (token: string, pair: DpopKeyPair | undefined): Promise<unknown> => {
      const call =
        pair === undefined
          ? request(app).get('/mfa').auth(token, { type: 'bearer' })
          : send(app, await proofOf({ keyPair: pair, accessToken: token, htu: `${ORIGIN}/mfa` }), {
              path: '/mfa',
              token,
            });
      return (await call.set('Previous-Access-Token', from.accessToken)).body;
    };
    expect(await mfaOf(stranger.accessToken, other)).toBeNull();
    expect(await mfaOf(unbound.accessToken, undefined)).toBeNull();
    expect(await mfaOf(to.accessToken, keyPair)).toMatchObject({ method: 'totp' });
  });
});

it('The cause of a refusal names the expected value', async () => {
  const sessions = createSessions(options());
  const headers = {
    authorization: `DPoP ${accessToken}`,
    dpop: await proofOf({ htu: `${ORIGIN}/other` }),
  };
  const refusal = await sessions
    .authenticate({ headers, method: 'GET', url: '/me' })
    .catch((error: unknown) => error as SessionError);
  expect((refusal as SessionError).cause?.message).toBe(
    `the DPoP proof is not valid: \`htu\` is expected to be ${ORIGIN}/me`,
  );
});
