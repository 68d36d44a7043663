/**
 * The scope of an MFA session, client or user: the table of the contract's section 5, row by row.
 */
import type { Express } from 'express';
import {
  cdpAuthentication,
  customAuthentication,
  type CdpAuthenticationOptions,
  type CustomAuthenticationOptions,
} from 'express-wallet-session';
import {
  createTestIssuer,
  type TestClock,
  type TestIssuer,
  type TokenPair,
} from 'express-wallet-session/testing';
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expectTransferred, previously, WalletClient } from '../support/wallet-client.js';

const CDP = {
  of: ({ authentication }: TestIssuer, mfaScope?: 'client' | 'user') =>
    cdpAuthentication({ ...authentication.options, mfaScope } as CdpAuthenticationOptions),
} as const;
const CUSTOM = {
  of: ({ authentication }: TestIssuer, mfaScope?: 'client' | 'user') =>
    customAuthentication({ ...authentication.options, mfaScope } as CustomAuthenticationOptions),
} as const;

const noClaims = {};
const sid = { sid: undefined };

/** Every combination of issuer, scope and session id. */
const clientScopes = [
  ['CDP tokens as published, without a session id', CDP, undefined, noClaims, false],
  ['CDP tokens with a session id', CDP, undefined, { sid: 'session' }, true],
  ['custom tokens with a session id, `mfaScope: client`', CUSTOM, 'client', noClaims, true],
  ['custom tokens without a session id, `mfaScope: client`', CUSTOM, 'client', sid, false],
] as const;
const userScopes = [
  ['custom tokens', CUSTOM, undefined, noClaims],
  ['custom tokens without a session id', CUSTOM, undefined, sid],
  ['CDP tokens, `mfaScope: user`', CDP, 'user', noClaims],
] as const;

const cdp = useTestIssuer();
const custom = useTestIssuer({ authentication: 'custom' });

let clock: TestClock;
let issuer: TestIssuer;
let app: Express;
let sessionIds: number;

function setUp(kind: typeof CDP | typeof CUSTOM, scope?: 'client' | 'user'): void {
  const kit = kind === CDP ? cdp : custom;
  ({ clock, issuer } = kit);
  app = kit.api({ authentication: kind.of(issuer, scope) });
  sessionIds = 0;
}

/** Signs a client in; a `sid` in the claims becomes a unique one. */
function signIn(user: string, claims: Readonly<Record<string, unknown>>): Promise<TokenPair> {
  const { sid: id } = claims;
  sessionIds += 1;
  const own = typeof id === 'string' ? { sid: `${id}-${sessionIds}` } : {};
  return issuer.signIn(user, { claims: { ...claims, ...own } });
}

function client(token: string, headers?: Readonly<Record<string, string>>): WalletClient {
  return new WalletClient(app, token, headers);
}

describe.each(clientScopes)(
  'An MFA session of one client: %s',
  (_what, kind, scope, claims, hasId) => {
    let laptop: TokenPair;
    let phone: TokenPair;

    beforeEach(async () => {
      setUp(kind, scope);
      [laptop, phone] = [await signIn('alice', claims), await signIn('alice', claims)];
      expect((await client(laptop.accessToken).verifyMfa()).status).toBe(200);
    });

    it('does not hold in another tab or device', async () => {
      expectTransferred(await client(laptop.accessToken).transfer());
      expectProblem(await client(phone.accessToken).transfer(), 'mfa_required');
      expect((await client(phone.accessToken).currentMfa()).body).toBeNull();
      const bob = await signIn('bob', claims);
      expectProblem(await client(bob.accessToken).transfer(), 'mfa_required');
    });

    it('is carried over when the access token is refreshed, and its expiry stays', async () => {
      const before = (await client(laptop.accessToken).currentMfa()).body as object;
      clock.advance(200);
      const { accessToken } = await issuer.refresh(laptop.refreshToken);
      const next = client(accessToken, previously(laptop.accessToken));
      expectTransferred(await next.transfer());
      expect((await next.currentMfa()).body).toEqual(before);
      clock.advance(99);
      expectTransferred(await client(accessToken).transfer());
      clock.advance(1);
      expectProblem(await client(accessToken).transfer(), 'mfa_expired', {
        detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
      });
    });

    it('is bound to the session id, or without one to the access token', async () => {
      const { accessToken } = await issuer.refresh(laptop.refreshToken);
      if (hasId) expectTransferred(await client(accessToken).transfer());
      else expectProblem(await client(accessToken).transfer(), 'mfa_required');
      expectTransferred(await client(laptop.accessToken).transfer());
    });

    it('expires, and the next protected operation is refused', async () => {
      clock.advance(300);
      expectProblem(await client(laptop.accessToken).transfer(), 'mfa_expired', {
        detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
      });
      await client(laptop.accessToken).verifyMfa();
      expectTransferred(await client(laptop.accessToken).transfer());
    });

    it('ends with signOut()', async () => {
      await client(laptop.accessToken).signOut();
      expectProblem(await client(laptop.accessToken).transfer(), 'session_revoked');
      const { accessToken } = await issuer.refresh(laptop.refreshToken);
      const next = await client(accessToken, previously(laptop.accessToken)).transfer();
      expectProblem(next, hasId ? 'session_revoked' : 'mfa_required');
    });

    it.each(['signOutEverywhere', 'endMfaEverywhere'] as const)('ends with %s()', async (end) => {
      await client(phone.accessToken)[end]();
      const refusal = await client(laptop.accessToken).transfer();
      expectProblem(refusal, end === 'signOutEverywhere' ? 'session_revoked' : 'mfa_required');
      clock.advance(1);
      const again = await signIn('alice', claims);
      expectProblem(await client(again.accessToken).transfer(), 'mfa_required');
    });

    it('is ended for this client alone by mfa.end()', async () => {
      await client(phone.accessToken).verifyMfa();
      await client(laptop.accessToken).endMfa();
      expectProblem(await client(laptop.accessToken).transfer(), 'mfa_required');
      expectTransferred(await client(phone.accessToken).transfer());
    });
  },
);

describe.each(userScopes)('An MFA session of the user: %s', (_what, kind, scope, claims) => {
  let laptop: TokenPair;
  let phone: TokenPair;

  beforeEach(async () => {
    setUp(kind, scope);
    [laptop, phone] = [await signIn('alice', claims), await signIn('alice', claims)];
    expect((await client(laptop.accessToken).verifyMfa()).status).toBe(200);
  });

  it('is shared by all tabs and devices of the user, and by no other user', async () => {
    for (const { accessToken } of [laptop, phone]) {
      expectTransferred(await client(accessToken).transfer());
    }
    const bob = await signIn('bob', claims);
    expectProblem(await client(bob.accessToken).transfer(), 'mfa_required');
  });

  it('stays when the access token is refreshed, without a carry-over', async () => {
    const before = (await client(laptop.accessToken).currentMfa()).body as object;
    clock.advance(299);
    const { accessToken } = await issuer.refresh(laptop.refreshToken);
    expectTransferred(await client(accessToken, previously(laptop.accessToken)).transfer());
    expect((await client(accessToken).carryOver(laptop.accessToken)).body).toBe(false);
    expect((await client(accessToken).currentMfa()).body).toEqual(before);
    expectTransferred(await client(laptop.accessToken).transfer());
    clock.advance(1);
    expectProblem(await client(accessToken).transfer(), 'mfa_expired', {
      detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
    });
  });

  it('expires and is started again for all clients', async () => {
    clock.advance(300);
    expectProblem(await client(phone.accessToken).transfer(), 'mfa_expired', {
      detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
    });
    await client(phone.accessToken).verifyMfa();
    expectTransferred(await client(laptop.accessToken).transfer());
  });

  it('stays with the other clients after signOut() until it expires', async () => {
    await client(laptop.accessToken).signOut();
    expectTransferred(await client(phone.accessToken).transfer());
    clock.advance(300);
    expect((await client(phone.accessToken).transfer()).status).toBe(403);
  });

  it.each(['signOutEverywhere', 'endMfaEverywhere'] as const)('ends with %s()', async (end) => {
    await client(laptop.accessToken)[end]();
    clock.advance(1);
    const again = await signIn('alice', claims);
    expectProblem(await client(again.accessToken).transfer(), 'mfa_required');
  });

  it('is ended for all clients by mfa.end()', async () => {
    await client(phone.accessToken).endMfa();
    expectProblem(await client(laptop.accessToken).transfer(), 'mfa_required');
  });
});

describe('Two issuers with the same user id', () => {
  it('share no MFA session', async () => {
    const { issuer: one } = custom;
    const other = await createTestIssuer({
      ...{ authentication: 'custom', issuer: 'https://b/' },
      clock: custom.clock,
    });
    app = custom.api({ authentication: [one.authentication, other.authentication] });
    const same = { sub: 'alice', sid: 'session-1', jti: 'token-1' };
    const [here, there] = [await one.sign(same), await other.sign(same)];
    await client(here).verifyMfa();
    expectTransferred(await client(here).transfer());
    expectProblem(await client(there).transfer(), 'mfa_required');
    await client(there).verifyMfa();
    await client(here).endMfaEverywhere();
    expectTransferred(await client(there).transfer());
  });
});

describe('Two users with one session id', () => {
  it('share no MFA session', async () => {
    setUp(CUSTOM, 'client');
    const [alice, bob] = [
      await issuer.sign({ sub: 'alice', sid: 'session-1', jti: 'token-1' }),
      await issuer.sign({ sub: 'bob', sid: 'session-1', jti: 'token-1' }),
    ];
    await client(alice).verifyMfa();
    expectProblem(await client(bob).transfer(), 'mfa_required');
  });
});

describe('Two access tokens with one `jti`', () => {
  it('share no MFA session', async () => {
    setUp(CDP);
    const [one, other] = [
      await issuer.sign({ sub: 'alice', jti: 'token-1' }),
      await issuer.sign({ sub: 'alice', jti: 'token-1', auth_type: 'sms' }),
    ];
    await client(one).verifyMfa();
    expectTransferred(await client(one).transfer());
    expectProblem(await client(other).transfer(), 'mfa_required');
  });
});
