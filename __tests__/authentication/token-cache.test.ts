/**
 * Cached tokens: their signatures are not verified again, their times and sign-outs are checked on
 * each request.
 */
import type { Express } from 'express';
import { cdpAuthentication, type SessionOptions } from 'express-wallet-session';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import { expectProblem } from '../support/expect-problem.js';
import {
  accessTokenClaims,
  keySetOf,
  SigningKey,
  authenticationOf,
} from '../support/signing-key.js';
import { walletApi } from '../support/wallet-api.js';
import { WalletClient, getMe } from '../support/wallet-client.js';

const key = new SigningKey();
const authentication = authenticationOf({ jwks: keySetOf(key) });

let clock: TestClock;
beforeEach(() => {
  clock = createTestClock();
});

function token(claims: Readonly<Record<string, unknown>> = {}): string {
  return key.token(accessTokenClaims(clock(), claims));
}

describe.each<[string, SessionOptions['tokenCache']]>([
  ['A cached token', { maxAgeSeconds: 86_400 }],
  ['A token that is not cached', { maxEntries: 0 }],
])('%s', (_which, tokenCache) => {
  const api = (more: SessionOptions = {}): Express =>
    walletApi({ authentication, clock, tokenCache, ...more });

  it('expires', async () => {
    const app = api();
    const accessToken = token();
    expect((await getMe(app, accessToken)).status).toBe(200);
    clock.advance(904.9);
    expect((await getMe(app, accessToken)).status).toBe(200);
    clock.advance(0.1);
    expectProblem(await getMe(app, accessToken), 'token_expired');
  });

  it('ends with its session', async () => {
    const app = api({ maxSessionSeconds: 600 });
    const accessToken = token();
    expect((await getMe(app, accessToken)).status).toBe(200);
    clock.advance(600);
    expectProblem(await getMe(app, accessToken), 'session_expired');
  });

  it('is revoked with its session, token or user', async () => {
    const app = api();
    for (const [claims, signOut] of [
      [{ sub: 'a', sid: 'a' }, 'signOut'],
      [{ sub: 'b', sid: undefined }, 'signOut'],
      [{ sub: 'c', sid: 'c' }, 'signOutEverywhere'],
    ] as const) {
      const client = new WalletClient(app, token(claims));
      const bystander = new WalletClient(app, token({ sub: 'd', sid: 'd' }));
      expect((await client.me()).status).toBe(200);
      expect((await client[signOut]()).status).toBe(200);
      expectProblem(await client.me(), 'session_revoked');
      expect((await bystander.me()).status).toBe(200);
    }
  });

  it('does not admit its claims under another signature, nor the reverse', async () => {
    const app = api();
    const [good, other] = [token(), token({ sub: 'other' })];
    expect((await getMe(app, good)).status).toBe(200);
    expect((await getMe(app, other)).status).toBe(200);
    const [header = '', claims = '', signature = ''] = good.split('.');
    const [, otherClaims = '', otherSignature = ''] = other.split('.');
    for (const mixed of [
      [header, otherClaims, signature],
      [header, claims, otherSignature],
    ]) {
      expectProblem(await getMe(app, mixed.join('.')), 'token_invalid');
    }
  });

  it('that was refused may pass later', async () => {
    const app = api();
    const early = token({ nbf: clock() / 1000 + 60 });
    expectProblem(await getMe(app, early), 'token_invalid');
    clock.advance(60);
    expect((await getMe(app, early)).status).toBe(200);
  });

  it('has one identity with both signatures that ECDSA allows', async () => {
    const app = api();
    const accessToken = token({ jti: undefined, sid: undefined });
    const twin = withOtherSignature(accessToken);
    expect(twin).not.toBe(accessToken);
    const [one, other] = await Promise.all([getMe(app, accessToken), getMe(app, twin)]);
    expect([one.status, other.body]).toEqual([200, one.body]);

    await new WalletClient(app, accessToken).signOut();
    expectProblem(await getMe(app, twin), 'session_revoked');
  });
});

describe('The token cache', () => {
  it('drops the least recently used token', async () => {
    let calls = 0;
    const app = walletApi({
      authentication: cdpAuthentication({
        projectId: 'project-1',
        validateAccessToken: () => {
          calls += 1;
          return Promise.resolve({ userId: 'alice' });
        },
      }),
      clock,
      tokenCache: { maxEntries: 2 },
    });
    const cdp = { iss: 'cdp-api', aud: 'cdp-api', project_id: 'project-1' };
    const [a, b, c] = [token(cdp), token(cdp), token(cdp)];
    const callsFor = async (accessToken: string): Promise<number> => {
      const before = calls;
      expect((await getMe(app, accessToken)).status).toBe(200);
      return calls - before;
    };

    expect([await callsFor(a), await callsFor(b), await callsFor(a)]).toEqual([1, 1, 0]);
    expect([await callsFor(c), await callsFor(a), await callsFor(b)]).toEqual([1, 0, 1]);
  });
});

/** The order of P-256. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** (r, s) and (r, n − s) verify alike. */
function withOtherSignature(accessToken: string): string {
  const [header = '', claims = '', signature = ''] = accessToken.split('.');
  const hex = Buffer.from(signature, 'base64url').toString('hex');
  const s = (N - BigInt(`0x${hex.slice(64)}`)).toString(16).padStart(64, '0');
  const other = Buffer.from(hex.slice(0, 64) + s, 'hex').toString('base64url');
  return [header, claims, other].join('.');
}
