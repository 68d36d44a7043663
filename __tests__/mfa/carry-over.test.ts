/**
 * Carry-over of an MFA session from one access token to the next, for tokens without a session id.
 */
import { setImmediate } from 'node:timers/promises';
import type { Express } from 'express';
import {
  cdpAuthentication,
  memoryStore,
  type CdpAuthenticationOptions,
  type Session,
  type SessionOptions,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { createTestIssuer, type TokenPair } from 'express-wallet-session/testing';
import { expectProblem } from '../support/expect-problem.js';
import { wrapStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expectTransferred, previously, WalletClient } from '../support/wallet-client.js';

/** A slow memory store, so that requests overtake each other. */
function slowStore(): SessionStore {
  return wrapStore(async (work) => {
    await setImmediate();
    const answer = await work();
    await setImmediate();
    return answer;
  });
}

/** All ways to carry an MFA session over. */
const ways = [
  [
    'by the header',
    async (to: string, from: string): Promise<void> => {
      expect((await client(to, previously(from)).me()).status).toBe(200);
    },
  ],
  [
    'by session.mfa.carryOver()',
    async (to: string, from: string): Promise<void> => {
      const response = await client(to).carryOver(from);
      expect([response.status, typeof response.body]).toEqual([200, 'boolean']);
    },
  ],
  [
    'by sessions.authenticate()',
    async (to: string, from: string): Promise<void> => {
      const headers = { authorization: `Bearer ${to}`, ...previously(from) };
      await sessions.authenticate({ headers });
    },
  ],
] as const;

const kit = useTestIssuer();
let sessions: Sessions;
let app: Express;
let first: TokenPair;
let second: TokenPair;

function useSessions(options: SessionOptions): void {
  sessions = kit.sessions(options);
  app = kit.api(sessions);
}

async function setUp(
  store: SessionStore = memoryStore(),
  given: Partial<CdpAuthenticationOptions> = {},
): Promise<void> {
  const options = { ...kit.issuer.authentication.options, ...given } as CdpAuthenticationOptions;
  useSessions({ authentication: cdpAuthentication(options), store });
  first = await kit.issuer.signIn('alice');
}

/** Verifies MFA with the first token and refreshes it 100 s later. */
async function verifyAndRefresh(): Promise<void> {
  expect((await client(first.accessToken).verifyMfa()).status).toBe(200);
  kit.clock.advance(100);
  second = await kit.issuer.refresh(first.refreshToken);
}

function client(token: string, headers?: Readonly<Record<string, string>>): WalletClient {
  return new WalletClient(app, token, headers);
}

function sessionOf({ accessToken }: TokenPair): Promise<Session> {
  return sessions.authenticateToken(accessToken);
}

describe.each(ways)('An MFA session that is carried over %s', (_way, carryOver) => {
  beforeEach(async () => {
    await setUp();
    await verifyAndRefresh();
  });

  it('moves to the new token, with its verification and expiry unchanged', async () => {
    const before = await (await sessionOf(first)).mfa.current();
    expect(before).toBeDefined();
    await carryOver(second.accessToken, first.accessToken);
    expect(await (await sessionOf(second)).mfa.current()).toEqual(before);
    expect(await (await sessionOf(first)).mfa.current()).toBeUndefined();
    expectTransferred(await client(second.accessToken).transfer());
    expectProblem(await client(first.accessToken).transfer(), 'mfa_required');
  });

  it('moves only once', async () => {
    const third = await kit.issuer.refresh(second.refreshToken);
    await carryOver(second.accessToken, first.accessToken);
    await carryOver(third.accessToken, first.accessToken);
    expectProblem(await client(third.accessToken).transfer(), 'mfa_required');
    expectTransferred(await client(second.accessToken).transfer());
    await carryOver(third.accessToken, second.accessToken);
    expectTransferred(await client(third.accessToken).transfer());
    expectProblem(await client(second.accessToken).transfer(), 'mfa_required');
  });

  it('keeps its expiry over repeated carry-overs', async () => {
    await carryOver(second.accessToken, first.accessToken);
    let pair = second;
    for (const seconds of [60, 60, 60, 19]) {
      kit.clock.advance(seconds);
      const next = await kit.issuer.refresh(pair.refreshToken);
      await carryOver(next.accessToken, pair.accessToken);
      pair = next;
      expectTransferred(await client(pair.accessToken).transfer());
    }
    kit.clock.advance(1);
    expectProblem(await client(pair.accessToken).transfer(), 'mfa_expired', {
      detail: 'MFA was verified 300 s ago; this operation allows 300 s.',
    });
  });

  it('is mfa_expired on the next token after its expiry', async () => {
    kit.clock.advance(250);
    await carryOver(second.accessToken, first.accessToken);
    expectProblem(await client(second.accessToken).transfer(), 'mfa_expired', {
      detail: 'MFA was verified 350 s ago; this operation allows 300 s.',
    });
  });

  it('moves from a token that expired up to `windowSeconds` ago', async () => {
    kit.clock.advance(900 - 100);
    await client(first.accessToken).verifyMfa();
    kit.clock.advance(4);
    await client(first.accessToken).verifyMfa();
    kit.clock.advance(296);
    const token = await kit.issuer.sign({ sub: 'alice' });
    await carryOver(token, first.accessToken);
    expectTransferred(await client(token).transfer());
  });

  it('stays on a token that expired more than `windowSeconds` ago', async () => {
    kit.clock.advance(804);
    await client(first.accessToken).verifyMfa();
    kit.clock.advance(297);
    const token = await kit.issuer.sign({ sub: 'alice' });
    await carryOver(token, first.accessToken);
    expectProblem(await client(token).transfer(), 'mfa_required');
  });

  it('does not replace an active MFA session of the new token', async () => {
    await client(second.accessToken).verifyMfa({ method: 'hwk' });
    await carryOver(second.accessToken, first.accessToken);
    expect((await client(second.accessToken).currentMfa()).body).toMatchObject({ method: 'hwk' });
    expectTransferred(await client(first.accessToken).transfer());
  });

  it('does not replace an ended MFA session of the new token', async () => {
    await client(first.accessToken).verifyMfa();
    await client(second.accessToken).endMfa();
    await carryOver(second.accessToken, first.accessToken);
    expectProblem(await client(second.accessToken).transfer(), 'mfa_required');
  });

  it('replaces an expired MFA session of the new token', async () => {
    await client(second.accessToken).verifyMfa({ method: 'sms' });
    kit.clock.advance(300);
    await client(first.accessToken).verifyMfa({ method: 'hwk' });
    const before = (await client(first.accessToken).currentMfa()).body as unknown;
    await carryOver(second.accessToken, first.accessToken);
    expect((await client(second.accessToken).currentMfa()).body).toEqual(before);
    expectProblem(await client(first.accessToken).transfer(), 'mfa_required');
    // Once more, after the carried-over MFA session has expired in turn.
    kit.clock.advance(300);
    await client(first.accessToken).verifyMfa({ method: 'totp' });
    await carryOver(second.accessToken, first.accessToken);
    expect((await client(second.accessToken).currentMfa()).body).toMatchObject({ method: 'totp' });
  });

  it('is void after endEverywhere()', async () => {
    await client(first.accessToken).endMfaEverywhere();
    await carryOver(second.accessToken, first.accessToken);
    expectProblem(await client(second.accessToken).transfer(), 'mfa_required');
  });

  it('is void after end()', async () => {
    await client(first.accessToken).endMfa();
    await carryOver(second.accessToken, first.accessToken);
    expectProblem(await client(second.accessToken).transfer(), 'mfa_required');
  });
});

describe.each(ways)('No MFA session is carried over %s', (_way, carryOver) => {
  let previous: string;

  beforeEach(async () => {
    await setUp();
  });

  it.each([
    ['of another user', () => kit.issuer.sign({ sub: 'bob' })],
    ['issued later', () => kit.issuer.sign({ sub: 'alice', iat: kit.clock() / 1000 + 1 })],
    ['with a session id', () => kit.issuer.sign({ sub: 'alice', sid: 'session-1' })],
  ])('from a token %s', async (_what, make) => {
    previous = await make();
    const token = await kit.issuer.sign({ sub: 'alice' });
    await client(previous).verifyMfa();
    expectTransferred(await client(previous).transfer());
    await carryOver(token, previous);
    expectProblem(await client(token).transfer(), 'mfa_required');
    expectTransferred(await client(previous).transfer());
  });

  const START = Date.UTC(2026, 0, 5, 10) / 1000;

  it.each([
    ['of another sign-in', { auth_time: START }, { auth_time: START + 1 }],
    ['with `auth_time` to one without', { auth_time: START }, {}],
    ['without `auth_time` to one with it', {}, { auth_time: START }],
  ])('from a token %s', async (_what, from, to) => {
    previous = await kit.issuer.sign({ sub: 'alice', ...from });
    const token = await kit.issuer.sign({ sub: 'alice', ...to });
    await client(previous).verifyMfa();
    await carryOver(token, previous);
    expectProblem(await client(token).transfer(), 'mfa_required');
    expectTransferred(await client(previous).transfer());
  });

  it('from a token of another issuer', async () => {
    const other = await createTestIssuer({
      clock: kit.clock,
      issuer: 'other',
      projectId: kit.issuer.projectId,
    });
    const authentication = [kit.issuer.authentication, other.authentication];
    useSessions({ authentication });
    previous = await other.sign({ sub: 'alice' });
    await client(previous).verifyMfa();
    const token = await kit.issuer.sign({ sub: 'alice' });
    await carryOver(token, previous);
    expectProblem(await client(token).transfer(), 'mfa_required');
  });

  const hostile: readonly (readonly [string, () => string | Promise<string>])[] = [
    ['garbage', () => 'garbage'],
    ['three parts of garbage', () => 'a.b.c'],
    ['too long', () => 'a'.repeat(9000)],
    ['of another project', () => kit.issuer.sign({ sub: 'alice', project_id: 'another' })],
    ['not signed', () => kit.issuer.sign({ sub: 'alice' }, { alg: 'none' })],
    ['signed with an unknown key', () => kit.issuer.sign({ sub: 'alice' }, { kid: 'unknown' })],
    [
      'with other claims than were signed',
      async () => tampered(await kit.issuer.sign({ sub: 'a' })),
    ],
    ['from the future', () => kit.issuer.sign({ sub: 'alice', iat: kit.clock() / 1000 + 60 })],
    ['of a session that has reached its end', () => old()],
    ['that is the logout token', () => kit.issuer.logoutToken({ sub: 'alice' })],
  ];

  it.each(hostile)(
    'from a token that is %s, and the request is not refused',
    async (_what, make) => {
      const token = await kit.issuer.sign({ sub: 'alice' });
      await carryOver(token, await make());
      expectProblem(await client(token).transfer(), 'mfa_required');
      await client(token).verifyMfa();
      await carryOver(token, await make());
      expectTransferred(await client(token).transfer());
    },
  );

  it('from a token to itself', async () => {
    await client(first.accessToken).verifyMfa();
    await carryOver(first.accessToken, first.accessToken);
    expectTransferred(await client(first.accessToken).transfer());
    const token = await kit.issuer.sign({ sub: 'alice' });
    await carryOver(token, token);
    expectProblem(await client(token).transfer(), 'mfa_required');
  });

  it.each(['signOut', 'signOutEverywhere'] as const)('from a token after %s()', async (signOut) => {
    await verifyAndRefresh();
    await client(first.accessToken)[signOut]();
    kit.clock.advance(1);
    const token = await kit.issuer.sign({ sub: 'alice' });
    await carryOver(token, first.accessToken);
    expectProblem(await client(token).transfer(), 'mfa_required');
  });

  it('from a signed-out token, for as long as it can be presented', async () => {
    await verifyAndRefresh();
    const before = await sessionOf(first);
    await before.signOut();
    await expect(before.mfa.start({ method: 'totp' })).rejects.toMatchObject({
      errorType: 'session_revoked',
    });
    await carryOver(second.accessToken, first.accessToken);
    expectProblem(await client(second.accessToken).transfer(), 'mfa_required');
    kit.clock.advance(800 + 299);
    await expect(before.mfa.start({ method: 'totp' })).rejects.toMatchObject({
      errorType: 'session_revoked',
    });
    const late = await kit.issuer.sign({ sub: 'alice' });
    await carryOver(late, first.accessToken);
    expectProblem(await client(late).transfer(), 'mfa_required');
  });

  it('from a token whose keys are unavailable, and the request is not refused', async () => {
    const other = await createTestIssuer({ clock: kit.clock, issuer: 'other' });
    const authentication = [kit.issuer.authentication, other.authentication];
    useSessions({ authentication });
    other.setOutage(true);
    const token = await kit.issuer.sign({ sub: 'alice' });
    await carryOver(token, await other.sign({ sub: 'alice' }));
    expectProblem(await client(token).transfer(), 'mfa_required');
  });

  async function old(): Promise<string> {
    const start = kit.clock() / 1000 - 604_800;
    return kit.issuer.sign({ sub: 'alice', auth_time: start, iat: start });
  }

  function tampered(token: string): string {
    const [header = '', , signature = ''] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ sub: 'alice' })).toString('base64url');
    return `${header}.${claims}.${signature}`;
  }
});

describe('session.mfa.carryOver()', () => {
  beforeEach(async () => {
    await setUp();
    await verifyAndRefresh();
  });

  it('resolves to whether an active MFA session was carried over', async () => {
    const { mfa } = await sessionOf(second);
    await expect(mfa.carryOver('garbage')).resolves.toBe(false);
    await expect(mfa.carryOver(second.accessToken)).resolves.toBe(false);
    await expect(mfa.carryOver(first.accessToken)).resolves.toBe(true);
    await expect(mfa.carryOver(first.accessToken)).resolves.toBe(false);
    const third = await kit.issuer.refresh(second.refreshToken);
    kit.clock.advance(300);
    const late = await sessionOf(third);
    await expect(late.mfa.carryOver(second.accessToken)).resolves.toBe(false);
  });

  it.each<unknown>([undefined, null, '', 5, {}, ['a']])(
    'resolves to false for %p',
    async (given) => {
      const { mfa } = await sessionOf(second);
      await expect(mfa.carryOver(given as string)).resolves.toBe(false);
    },
  );

  it('resolves to false for tokens with a session id', async () => {
    for (const claims of [{ sid: 'session-1' }, { sid: 'session-2' }]) {
      const [one, next] = [await kit.issuer.sign(claims), await kit.issuer.sign(claims)];
      await client(one).verifyMfa();
      const session = await sessions.authenticateToken(next);
      await expect(session.mfa.carryOver(one)).resolves.toBe(false);
      expectTransferred(await client(next).transfer());
      expectTransferred(await client(one).transfer());
    }
  });
});

describe('The header Previous-Access-Token', () => {
  beforeEach(async () => {
    await setUp();
    await verifyAndRefresh();
  });

  it('carries an MFA session over on the protected operation itself', async () => {
    const answer = await client(second.accessToken, previously(first.accessToken)).transfer();
    expectTransferred(answer);
  });

  it('has no effect on a refused request', async () => {
    const headers = previously(first.accessToken);
    expectProblem(await client('nonsense', headers).transfer(), 'token_invalid');
    expectProblem(await new WalletClient(app, undefined, headers).transfer(), 'token_missing');
    await client(second.accessToken).signOut();
    expectProblem(await client(second.accessToken, headers).transfer(), 'session_revoked');
    expectTransferred(await client(first.accessToken).transfer());
  });

  it('is not a transport for the access token', async () => {
    const headers = previously(first.accessToken);
    expectProblem(await new WalletClient(app, undefined, headers).me(), 'token_missing');
    expect((await client(second.accessToken, headers).me()).status).toBe(200);
  });

  it('carries nothing over if it is sent twice', async () => {
    const headers = { 'previous-access-token': `${first.accessToken}, ${first.accessToken}` };
    expectProblem(await client(second.accessToken, headers).transfer(), 'mfa_required');
    expectTransferred(await client(first.accessToken).transfer());
  });
});

describe('A request that another overtakes', () => {
  it('keeps the MFA session that the other carried over', async () => {
    const slow = slowStore();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let changes = 0;
    await setUp(slow);
    await verifyAndRefresh();
    await client(second.accessToken).verifyMfa({ method: 'sms' });
    kit.clock.advance(300);
    await client(first.accessToken).verifyMfa({ method: 'hwk' });
    // The second change has to wait.
    const store = wrapStore(async (work, verb) => {
      if (verb !== 'read' && (changes += 1) === 2) await released;
      return work();
    }, slow);
    sessions = kit.sessions({ store });
    const { mfa } = await sessionOf(second);
    const both = [mfa.carryOver(first.accessToken), mfa.carryOver(first.accessToken)];
    await Promise.race(both);
    release();
    expect((await Promise.all(both)).sort()).toEqual([false, true]);
    expect(await mfa.current()).toMatchObject({ method: 'hwk' });
  });
});

describe.each([
  ['a synchronous store', memoryStore],
  ['a slow store', slowStore],
])('Twenty concurrent requests on %s', (_what, createStore) => {
  const twenty = Array.from({ length: 20 }, (_, index) => index);

  beforeEach(async () => {
    await setUp(createStore());
    await verifyAndRefresh();
  });

  it('all pass, and one of them carries the MFA session over', async () => {
    const before = await (await sessionOf(first)).mfa.current();
    const next = client(second.accessToken, previously(first.accessToken));
    for (const answer of await Promise.all(twenty.map(() => next.transfer()))) {
      expectTransferred(answer);
    }
    expect(await (await sessionOf(second)).mfa.current()).toEqual(before);
    expect(await (await sessionOf(first)).mfa.current()).toBeUndefined();
  });

  it('all pass if the new token has an expired MFA session', async () => {
    await client(second.accessToken).verifyMfa({ method: 'sms' });
    kit.clock.advance(300);
    await client(first.accessToken).verifyMfa({ method: 'hwk' });
    const before = await (await sessionOf(first)).mfa.current();
    const next = client(second.accessToken, previously(first.accessToken));
    const answers = await Promise.all(twenty.map(() => next.transfer()));
    expect(answers.map(({ status }) => status)).toEqual(twenty.map(() => 201));
    expect(await (await sessionOf(second)).mfa.current()).toEqual(before);
    expect(await (await sessionOf(first)).mfa.current()).toBeUndefined();
  });

  it('with twenty new tokens carry the MFA session to one of them', async () => {
    const tokens = await Promise.all(
      twenty.map((index) => kit.issuer.sign({ sub: 'alice', jti: `token-${index}` })),
    );
    const answers = await Promise.all(
      tokens.map((token) => client(token, previously(first.accessToken)).transfer()),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 403)]);
  });

  it('of carryOver() resolve to true once', async () => {
    const { mfa } = await sessionOf(second);
    const told = await Promise.all(twenty.map(() => mfa.carryOver(first.accessToken)));
    expect(told.filter((carried) => carried)).toHaveLength(1);
  });
});

describe('Requests of one client to two processes', () => {
  const kit = useTestIssuer({ authentication: 'cdp' });

  it('both find the MFA session that one has carried over after the other had read', async () => {
    const inner = slowStore();
    let reads = 0;
    let carriedOver = (): void => undefined;
    const carryOver = new Promise<void>((resolve) => (carriedOver = resolve));
    const late = wrapStore(
      (work, verb) => (verb === 'read' && (reads += 1) === 2 ? carryOver.then(work) : work()),
      inner,
    );
    const [first, second] = [kit.api({ store: inner }), kit.api({ store: late })];
    const before = await kit.issuer.signIn('alice');
    await new WalletClient(first, before.accessToken).verifyMfa();
    const after = await kit.issuer.refresh(before.refreshToken);
    const previous = { 'previous-access-token': before.accessToken };

    const waiting = new WalletClient(second, after.accessToken, previous).transfer();
    const answer = waiting.then((response) => response);
    while (reads < 2) await setImmediate();
    expectTransferred(await new WalletClient(first, after.accessToken, previous).transfer());
    carriedOver();
    expectTransferred(await answer);
  });
});
