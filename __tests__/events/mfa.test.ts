/**
 * The events of MFA sessions, of checks and of approvals: each once, whole.
 */
import type { SessionError } from 'express-wallet-session';
import { ConfigurationError, memoryStore, type SessionOptions } from 'express-wallet-session';
import { recordEvents } from '../support/events.js';
import { UUID } from '../support/expect-problem.js';
import { expectChallenge, PaymentClient } from '../support/payment-client.js';
import { DESCRIPTION, PAYMENT, payments } from '../support/payments.js';
import { testStore, throwing } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { previously, WalletClient } from '../support/wallet-client.js';

const kit = useTestIssuer();
const events = recordEvents();
const BY = { 'x-correlation-id': 'c-1' };

/** Of CDP's tokens, which carry no session id. */
function idsOf(token: string): object {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { iss, sub, jti } = JSON.parse(claims) as { iss: string; sub: string; jti: string };
  return { at: kit.clock(), issuer: iss, userId: sub, tokenId: jti };
}

/** Without those of the admissions. */
function taken(): unknown[] {
  return events.take().filter(({ type }) => type !== 'session.admitted');
}

async function signIn(
  options: SessionOptions = {},
  transfers = {},
): Promise<[WalletClient, string]> {
  const { accessToken } = await kit.issuer.signIn('alice');
  return [new WalletClient(kit.api(options, { transfers }), accessToken, BY), accessToken];
}

describe('MFA sessions', () => {
  it('are started and ended, here and everywhere', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const sessions = kit.sessions();
    const { mfa } = await sessions.authenticateToken(accessToken);
    await mfa.start({ method: 'totp', acr: 'a' });
    await mfa.end();
    await mfa.end();
    await mfa.endEverywhere();
    await sessions.endMfa({ userId: 'alice' });
    const ids = idsOf(accessToken);
    const factor = { scope: 'client', method: 'totp', acr: 'a' };
    expect(taken()).toEqual([
      { type: 'mfa.started', ...ids, ...factor },
      { type: 'mfa.ended', ...ids, ...factor, everywhere: false },
      { type: 'mfa.ended', ...ids, scope: 'client', everywhere: false },
      { type: 'mfa.ended', ...ids, scope: 'client', everywhere: true },
      {
        ...{ type: 'mfa.ended', at: kit.clock(), issuer: 'cdp-api', userId: 'alice' },
        ...{ scope: 'client', everywhere: true },
      },
    ]);
  });

  it('are carried over once, by a request and by a call', async () => {
    const client = await kit.issuer.signIn('alice');
    const sessions = kit.sessions();
    const api = kit.api(sessions);
    await new WalletClient(api, client.accessToken).verifyMfa();
    const second = await kit.issuer.refresh(client.refreshToken);
    const third = await kit.issuer.refresh(second.refreshToken);
    taken();
    const headers = { ...BY, ...previously(client.accessToken) };
    await new WalletClient(api, second.accessToken, headers).me().expect(200);
    await new WalletClient(api, second.accessToken, headers).me().expect(200);
    const session = await sessions.authenticateToken(third.accessToken);
    expect(await session.mfa.carryOver(second.accessToken)).toBe(true);
    expect(await session.mfa.carryOver(`${second.accessToken}x`)).toBe(false);
    const facts = { scope: 'client', method: 'totp' };
    expect(taken()).toEqual([
      { type: 'mfa.carried_over', ...idsOf(second.accessToken), ...facts, correlationId: 'c-1' },
      { type: 'mfa.carried_over', ...idsOf(third.accessToken), ...facts },
    ]);
  });
});

describe('A check of MFA', () => {
  it('is refused or passes with the demand of the route and the age of the verification', async () => {
    const demand = { maxAgeSeconds: 60, methods: ['totp', 'hwk'], acr: ['a', 'b'] };
    const [alice, token] = await signIn({}, demand);
    await alice.transfer().expect(403);
    await alice.verifyMfa({ method: 'totp', acr: 'b' });
    kit.clock.advance(59);
    await alice.transfer().expect(201);
    kit.clock.advance(1);
    await alice.transfer().expect(403);
    const [required, , passed, expired] = taken();
    const at = { ...idsOf(token), correlationId: 'c-1', ...demand };
    const before = { ...at, at: kit.clock() - 60_000 };
    expect([required, passed, expired]).toEqual([
      { type: 'mfa.refused', ...before, errorType: 'mfa_required' },
      { type: 'mfa.passed', ...at, at: kit.clock() - 1_000, ageSeconds: 59 },
      { type: 'mfa.refused', ...at, errorType: 'mfa_expired', ageSeconds: 60 },
    ]);
  });

  it('is one event by session.mfa.require() too, and none where `when` says no', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const { mfa } = await kit.sessions().authenticateToken(accessToken);
    await mfa.require({ maxAgeSeconds: 5 }).catch(() => undefined);
    const facts = { maxAgeSeconds: 5, errorType: 'mfa_required' };
    expect(taken()).toEqual([{ type: 'mfa.refused', ...idsOf(accessToken), ...facts }]);
    const [alice] = await signIn({}, { when: () => false });
    await alice.transfer().expect(201);
    expect(taken()).toEqual([]);
  });

  it('passes without an age where an unenrolled user is allowed, and is refused where not', async () => {
    const mfa = { isEnrolled: () => false };
    const [allowed, token] = await signIn({ mfa }, { whenNotEnrolled: 'allow' });
    await allowed.transfer().expect(201);
    const [denied, other] = await signIn({ mfa });
    await denied.transfer().expect(403);
    const facts = { correlationId: 'c-1', maxAgeSeconds: 300 };
    expect(taken()).toEqual([
      { type: 'mfa.passed', ...idsOf(token), ...facts },
      { type: 'mfa.refused', ...idsOf(other), ...facts, errorType: 'mfa_not_enrolled' },
    ]);
  });

  it('is refused with store_unavailable if the store fails, beside the failure of the store', async () => {
    const store = testStore();
    const [alice, token] = await signIn({ store, revocation: 'when-available' });
    store.fault = () => throwing(new Error('down'));
    await alice.transfer().expect(503);
    expect(taken()).toMatchObject([
      { type: 'store.failed' },
      { type: 'store.failed' },
      { type: 'mfa.refused', ...idsOf(token), errorType: 'store_unavailable' },
    ]);
  });
});

describe('An approval', () => {
  const demand = { methods: ['totp', 'hwk'] };

  async function payer(options: SessionOptions = {}): Promise<[PaymentClient, object]> {
    const { accessToken } = await kit.issuer.signIn('alice');
    const api = kit.api(options, payments({ guard: demand }));
    return [new PaymentClient(api, accessToken), idsOf(accessToken)];
  }

  async function ask(alice: PaymentClient): Promise<string> {
    return expectChallenge(await alice.pay(), demand).challengeId;
  }

  const digest = expect.stringMatching(/^[\w-]{43}$/) as string;
  const correlationId = expect.stringMatching(UUID) as string;

  it('is requested once, however often a client polls, and denied once', async () => {
    const [alice, ids] = await payer();
    const id = await ask(alice);
    await alice.pay(id).expect(403);
    await alice.deny(id).expect(200);
    await alice.deny(id).expect(200);
    const facts = { challengeId: id, digest, description: DESCRIPTION };
    expect(taken()).toEqual([
      { type: 'approval.requested', ...ids, correlationId, ...facts },
      { type: 'approval.denied', ...ids, ...facts },
    ]);
  });

  it('is refused by a wrong code, and then as a challenge that is none', async () => {
    const [alice, ids] = await payer();
    const id = await ask(alice);
    taken();
    await alice.approve(id, '000000').expect(422);
    await alice.approve(id).expect(410);
    await alice.approve('no id').expect(410);
    expect(taken()).toEqual([
      {
        ...{ type: 'approval.refused', ...ids },
        ...{ challengeId: id, digest, description: DESCRIPTION },
      },
      { type: 'approval.refused', ...ids },
      { type: 'approval.refused', ...ids },
    ]);
  });

  it('that was approved can be denied, and is then not spent', async () => {
    const [alice, ids] = await payer();
    const id = await ask(alice);
    await alice.approve(id, '222222').catch(() => undefined);
    taken();
    await alice.deny(id).expect(200);
    await alice.pay(id).expect(403);
    const factor = { method: 'hwk', acr: 'urn:acr:high' };
    expect(taken()).toMatchObject([
      { type: 'approval.denied', ...ids, challengeId: id, ...factor },
      { type: 'approval.requested', ...ids },
    ]);
  });

  it('of an operation has the same events, without a correlation id', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const { mfa } = await kit.sessions().authenticateToken(accessToken);
    taken();
    const operation = { operation: PAYMENT, description: DESCRIPTION };
    const error: unknown = await mfa.requireApproval(operation).catch((reason: unknown) => reason);
    const { challengeId = '' } = (error as SessionError).toProblem();
    await mfa.approve(challengeId, () => ({ method: 'hwk' }));
    await mfa.requireApproval({ ...operation, challengeId });
    const facts = { challengeId, digest, description: DESCRIPTION };
    const ids = idsOf(accessToken);
    expect(taken()).toEqual([
      { type: 'approval.requested', ...ids, ...facts },
      { type: 'approval.approved', ...ids, ...facts, method: 'hwk' },
      { type: 'approval.spent', ...ids, ...facts, method: 'hwk' },
    ]);
  });

  it('is told of once if the session is signed out while its factor is verified', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const session = await kit.sessions().authenticateToken(accessToken);
    const error: unknown = await session.mfa
      .requireApproval({ operation: 1, description: 1 })
      .catch((reason: unknown) => reason);
    taken();
    const { challengeId = '' } = (error as SessionError).toProblem();
    const approving = session.mfa.approve(challengeId, async () => {
      await session.signOut();
      return { method: 'totp' };
    });
    await expect(approving).rejects.toHaveProperty('errorType', 'session_revoked');
    expect(taken()).toMatchObject([{ type: 'session.signed_out' }, { type: 'session.refused' }]);
  });

  it('with options that are none is still a ConfigurationError', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const { mfa } = await kit.sessions().authenticateToken(accessToken);
    for (const options of [undefined, null, { operation: 1 }]) {
      const asking = mfa.requireApproval(options as never);
      await expect(asking).rejects.toBeInstanceOf(ConfigurationError);
    }
    expect(taken()).toEqual([]);
  });

  it('of an unenrolled user is a check of MFA', async () => {
    const mfa = { isEnrolled: () => false };
    const [alice, ids] = await payer({ mfa });
    await alice.pay().expect(403);
    const refused = { type: 'mfa.refused', ...ids, correlationId, ...demand };
    expect(taken()).toEqual([{ ...refused, errorType: 'mfa_not_enrolled' }]);
    const { accessToken } = await kit.issuer.signIn('alice');
    const session = await kit
      .sessions({ mfa, store: memoryStore() })
      .authenticateToken(accessToken);
    const whenNotEnrolled = 'allow' as const;
    await session.mfa.requireApproval({ operation: 1, description: 1, whenNotEnrolled });
    expect(taken()).toEqual([{ type: 'mfa.passed', ...idsOf(accessToken) }]);
  });

  it('for a body that nobody read is a refusal of the request', async () => {
    const [alice, ids] = await payer();
    await alice.send('post', '/payments').type('text/plain').send('x').expect(400);
    expect(taken()).toMatchObject([
      { type: 'session.refused', ...ids, errorType: 'invalid_request', action: 'fix_request' },
    ]);
  });
});
