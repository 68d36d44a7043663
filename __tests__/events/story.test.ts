/**
 * One story, from sign-in over an approval to sign-out: all its events, in full.
 */
import { recordEvents } from '../support/events.js';
import { UUID } from '../support/expect-problem.js';
import { PaymentClient } from '../support/payment-client.js';
import { DESCRIPTION, payments } from '../support/payments.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { WalletClient } from '../support/wallet-client.js';

const kit = useTestIssuer({ authentication: 'custom', issuer: 'https://login.example/' });
const events = recordEvents();

describe('The story of a user', () => {
  it('is told once, with ids, from sign-in over MFA and an approval to sign-out', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const api = kit.api(undefined, payments());
    const alice = new WalletClient(api, accessToken, { 'x-request-id': 'req-1' });
    const payer = new PaymentClient(api, accessToken);
    const { sid, jti } = JSON.parse(
      Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString(),
    ) as { sid: string; jti: string };

    expect((await alice.transfer()).status).toBe(403);
    expect((await alice.verifyMfa({ method: 'totp', acr: 'urn:acr:high' })).status).toBe(200);
    kit.clock.advance(30);
    expect((await alice.transfer()).status).toBe(201);
    const id = await payer.ask();
    expect((await payer.approve(id)).status).toBe(200);
    expect((await payer.pay(id)).status).toBe(201);
    expect((await alice.signOut()).status).toBe(200);
    expect((await alice.me()).status).toBe(401);

    const [first] = events.all();
    const startedAt = first?.at ?? 0;
    const ids = { issuer: 'https://login.example/', userId: 'alice', sessionId: sid, tokenId: jti };
    const at = { at: startedAt, ...ids };
    const later = { at: startedAt + 30_000, ...ids };
    const byAlice = { correlationId: 'req-1' };
    const ofPayer = { correlationId: expect.stringMatching(UUID) as string };
    const challenge = {
      challengeId: id,
      digest: expect.stringMatching(/^[\w-]{43}$/) as string,
      description: DESCRIPTION,
    };
    const approved = { ...challenge, method: 'totp' };
    expect(events.all()).toEqual([
      {
        type: 'keys.fetched',
        at: startedAt,
        issuer: 'https://login.example/',
        address: expect.stringMatching(/^https:.*jwks/) as string,
        keys: 1,
        durationMs: expect.any(Number) as number,
      },
      { type: 'session.admitted', ...at, ...byAlice, remembered: false },
      {
        type: 'mfa.refused',
        ...at,
        ...byAlice,
        maxAgeSeconds: 300,
        errorType: 'mfa_required',
      },
      { type: 'session.admitted', ...at, ...byAlice, remembered: true },
      { type: 'mfa.started', ...at, scope: 'user', method: 'totp', acr: 'urn:acr:high' },
      { type: 'session.admitted', ...later, ...byAlice, remembered: true },
      { type: 'mfa.passed', ...later, ...byAlice, maxAgeSeconds: 300, ageSeconds: 30 },
      { type: 'session.admitted', ...later, ...ofPayer, remembered: true },
      { type: 'approval.requested', ...later, ...ofPayer, ...challenge },
      { type: 'session.admitted', ...later, ...ofPayer, remembered: true },
      { type: 'approval.approved', ...later, ...approved },
      { type: 'session.admitted', ...later, ...ofPayer, remembered: true },
      { type: 'approval.spent', ...later, ...ofPayer, ...approved },
      { type: 'session.admitted', ...later, ...byAlice, remembered: true },
      { type: 'session.signed_out', ...later, everywhere: false, by: 'session' },
      {
        type: 'session.refused',
        ...later,
        ...byAlice,
        errorType: 'session_revoked',
        action: 'sign_in',
      },
    ]);
    if (process.env.PRINT_EVENTS !== undefined) {
      process.stdout.write(
        events
          .all()
          .map((event) => `${JSON.stringify(event)}\n`)
          .join(''),
      );
    }
  });
});
