/**
 * Every kind of refusal, each with a request that causes it.
 */
import { amrEvidence } from 'express-wallet-session';
import { expectProblem, UNKNOWN_KEY } from '../support/expect-problem.js';
import { throwing, wrapStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions } from '../support/wallet-api.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

const storeThatIsDown = wrapStore(throwing(new Error('the store is down')));

describe('The answer to', () => {
  const kit = useTestIssuer({ authentication: 'custom' });

  it('no token is token_missing', async () => {
    expectProblem(await new WalletClient(kit.api()).me(), 'token_missing');
  });

  it.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer  a', 'bearer a\tb', 'BEARER'])(
    '%j is invalid_request',
    async (authorization) => {
      expectProblem(
        await new WalletClient(kit.api(), undefined, { authorization }).me(),
        'invalid_request',
      );
    },
  );

  it('a bad token is token_invalid', async () => {
    for (const token of ['nonsense', await kit.issuer.sign({ aud: 'another api' })]) {
      expectProblem(await new WalletClient(kit.api(), token).me(), 'token_invalid');
    }
  });

  it('a token signed with an unknown key is token_invalid with the action refresh_token', async () => {
    const client = await kit.signIn('alice');
    expect((await client.me()).status).toBe(200);
    const token = await kit.issuer.sign({}, { kid: 'unknown' });
    expectProblem(await new WalletClient(kit.api(), token).me(), 'token_invalid', UNKNOWN_KEY);
  });

  it('an expired token is token_expired', async () => {
    const client = await kit.signIn('alice');
    kit.clock.advance(900 + 4);
    expect((await client.me()).status).toBe(200);
    kit.clock.advance(1);
    expectProblem(await client.me(), 'token_expired');
  });

  it('a session past its end is session_expired, however fresh the token', async () => {
    const start = kit.clock() / 1000;
    kit.clock.advance(604_800);
    const token = await kit.issuer.sign({ auth_time: start });
    expectProblem(await new WalletClient(kit.api(), token).me(), 'session_expired');
  });

  it('a session that was signed out is session_revoked', async () => {
    const client = await kit.signIn('alice');
    expect((await client.signOut()).status).toBe(200);
    expectProblem(await client.me(), 'session_revoked');
  });

  it('a protected operation without MFA is mfa_required', async () => {
    expectProblem(await (await kit.signIn('alice')).transfer(), 'mfa_required');
    expectProblem(
      await (await kit.signIn('alice', { mfa: { windowSeconds: 600 } })).transfer(),
      'mfa_required',
      {
        maxAgeSeconds: 600,
      },
    );
    const demanding = { maxAgeSeconds: 60, methods: ['totp', 'hwk'], acr: ['urn:a', 'urn:b'] };
    expectProblem(
      await (await kit.signIn('alice', {}, { transfers: demanding })).transfer(),
      'mfa_required',
      {
        maxAgeSeconds: 60,
        methods: ['totp', 'hwk'],
        acrValues: ['urn:a', 'urn:b'],
      },
    );
  });

  it('a protected operation with MFA too long ago is mfa_expired', async () => {
    const client = await kit.signIn('alice');
    expect((await client.verifyMfa()).status).toBe(200);
    kit.clock.advance(299);
    expectTransferred(await client.transfer());
    kit.clock.advance(113);
    expectProblem(await client.transfer(), 'mfa_expired', {
      detail: 'MFA was verified 412 s ago; this operation allows 300 s.',
    });
  });

  it('a verification older than a fractional `maxAgeSeconds` has a whole `max_age`', async () => {
    const client = await kit.signIn(
      'alice',
      {},
      { transfers: { maxAgeSeconds: 60.5, acr: ['urn:a'] } },
    );
    await client.verifyMfa({ method: 'totp', acr: 'urn:a' });
    kit.clock.advance(61);
    const response = await client.transfer();
    expect(response.body).toMatchObject({ maxAgeSeconds: 60.5, acrValues: ['urn:a'] });
    // OpenID Connect Core section 3.1.2.1: `max_age` is a whole number.
    expect(response.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", max_age="60", acr_values="urn:a"',
    );
  });

  it('a protected operation of a user who is not enrolled is mfa_not_enrolled', async () => {
    const mfa = { isEnrolled: () => false, evidence: amrEvidence() };
    expectProblem(await (await kit.signIn('alice', { mfa })).transfer(), 'mfa_not_enrolled');
  });

  it('any token while no key is available is verification_unavailable', async () => {
    kit.issuer.setOutage(true);
    const response = await (await kit.signIn('alice')).me();
    expectProblem(response, 'verification_unavailable');
    // The token is not at fault in an outage.
    expect(response.headers).not.toHaveProperty('www-authenticate');
  });

  it('any token while the store is down is store_unavailable', async () => {
    expectProblem(
      await (await kit.signIn('alice', { store: storeThatIsDown })).me(),
      'store_unavailable',
    );
  });
});

describe.each(expressVersions)('A refusal on %s', (_version, express) => {
  const kit = useTestIssuer({ authentication: 'custom', express });

  it('is a whole problem without a token and with a store that is down', async () => {
    expectProblem(await new WalletClient(kit.api()).me(), 'token_missing');
    const alice = await kit.signIn('alice', { store: storeThatIsDown });
    expectProblem(await alice.me(), 'store_unavailable');
  });

  it('of HEAD has the headers and no body', async () => {
    const app = kit.api();
    const [get, head] = [
      await new WalletClient(app).me(),
      await new WalletClient(app).send('head', '/me'),
    ];
    expect(head.status).toBe(401);
    expect(head.text).toBeFalsy();
    for (const name of ['content-type', 'www-authenticate', 'cache-control']) {
      expect(head.headers[name]).toBe(get.headers[name]);
    }
  });
});
