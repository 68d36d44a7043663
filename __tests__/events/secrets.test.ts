/**
 * No event holds a token, a part of one, a key, a code or a claim value, whatever is sent.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { SessionError } from 'express-wallet-session';
import { cdpAuthentication, memoryStore } from 'express-wallet-session';
import { createDpopProof, createTestIssuer } from 'express-wallet-session/testing';
import { recordEvents } from '../support/events.js';
import { logOut, logoutAudience } from '../support/logout.js';
import { PaymentClient } from '../support/payment-client.js';
import { payments } from '../support/payments.js';
import { wrapStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { previously, WalletClient } from '../support/wallet-client.js';

const kit = useTestIssuer({ projectId: 'project-e2' });
const events = recordEvents();

/** `sub` and `jti` are ids, which only a verified token may bring into an event. */
const CLAIMS = {
  email: 'alice@example.com',
  auth_type: 'auth-type-0b',
  acr: 'urn:acr:9c',
  amr: ['amr-3d'],
  scope: 'scope-6f',
};
const FORGED = { sub: 'victim-1', jti: 'jti-of-victim', sid: 'sid-of-victim' };

function expectNoSecrets(tokens: readonly string[], words: readonly string[] = []): void {
  const told = events.all().map((event) => JSON.stringify(event));
  expect(told.length).toBeGreaterThan(0);
  const parts = tokens.flatMap((token) => [token, ...token.split('.')]);
  // Of each part some characters in the middle, too: an error may quote a piece.
  const pieces = parts.map((part) => part.slice(part.length / 4, part.length / 4 + 16));
  const secrets = [...parts, ...pieces, ...Object.values(CLAIMS).flat(), ...words];
  for (const line of told) {
    for (const secret of secrets) if (secret.length > 3) expect(line).not.toContain(secret);
  }
}

describe('No event holds', () => {
  it('the content of a token that was refused before its signature was verified', async () => {
    const claims = { ...CLAIMS, ...FORGED };
    const good = await kit.issuer.sign(claims);
    const tokens = [
      good.slice(0, -40) + 'A'.repeat(40),
      good.replace('.', '..'),
      'alice@example.com',
      `${good} ${good}`,
      await kit.issuer.sign({ ...claims, iss: 'issuer-of-attacker' }),
      await kit.issuer.sign({ ...claims, aud: 'aud-of-attacker' }),
      await kit.issuer.sign({ ...claims, project_id: 'project-of-attacker' }),
      await kit.issuer.sign({ ...claims, sub: 5 }),
      await kit.issuer.sign({ ...claims, exp: 'victim-1' }),
      await kit.issuer.sign({ ...claims, iat: kit.clock() / 1000 + 700 }),
      await kit.issuer.sign({ ...claims, events: {} }),
      await kit.issuer.sign(claims, { alg: 'HS256' }),
      await kit.issuer.sign(claims, { alg: 'none' }),
      await kit.issuer.sign(claims, { kid: 'kid-of-victim-1' }),
      await kit.issuer.sign(claims, { typ: 'typ-of-attacker' }),
      await kit.issuer.sign(claims, { crit: ['crit-of-attacker'] }),
    ];
    const api = kit.api({}, { logoutAudience });
    for (const token of tokens) {
      await new WalletClient(api, token, previously(good)).transfer();
      await logOut(api, token);
    }
    const refusals = events.of('session.refused');
    expect(refusals.length).toBeGreaterThanOrEqual(tokens.length);
    for (const { userId, issuer, tokenId } of refusals) {
      expect([userId, issuer, tokenId]).toEqual([undefined, undefined, undefined]);
    }
    expectNoSecrets(
      [...tokens, good],
      ['attacker', 'victim', ...Object.values(FORGED), 'kid-of', 'crit-of'],
    );
  });

  it('more than ids of a token that was verified, whatever its user does', async () => {
    const token = await kit.issuer.sign(CLAIMS);
    const previous = await kit.issuer.sign(CLAIMS);
    const api = kit.api(
      { mfa: { isEnrolled: () => Promise.reject(new Error(CLAIMS.email)) } },
      {
        ...payments(),
        logoutAudience,
      },
    );
    const alice = new WalletClient(api, token, previously(previous));
    await alice.transfer();
    await alice.verifyMfa();
    await alice.transfer();
    await alice.endMfa();
    const payer = new PaymentClient(api, token);
    const id = await payer.ask();
    await payer.approve(id, '000000');
    const approved = await payer.askAndApprove('222222');
    await payer.pay(approved);
    await alice.signOutEverywhere();
    await alice.me();
    expectNoSecrets([token, previous], ['000000', '222222']);
  });

  it('what an SDK, a callback or a store quotes in its errors', async () => {
    const token = await kit.issuer.sign({ ...CLAIMS, ...FORGED });
    const quoting = (text: string): never => {
      throw Object.assign(new Error(`cannot do ${text}`), { statusCode: 500, config: { text } });
    };
    const authentication = cdpAuthentication({
      projectId: 'project-e2',
      validateAccessToken: ({ accessToken }) =>
        Promise.resolve().then(() => quoting(`${accessToken} of ${FORGED.sub}`)),
    });
    await new WalletClient(kit.api({ authentication }), token).me();
    const [refused] = events.of('session.refused');
    expect(refused?.cause).toEqual({ name: 'Error', message: 'validateAccessToken answered 500' });
    const checkClaims = (claims: { sub?: unknown }): never => quoting(String(claims.sub));
    const options = { ...kit.issuer.authentication.options, checkClaims };
    const strict = { ...kit.issuer.authentication, options } as never;
    await new WalletClient(kit.api({ authentication: strict }), token).me();
    const store = wrapStore((_work, _verb, given) => quoting(JSON.stringify(given)));
    const alice = new WalletClient(kit.api({ store, revocation: 'when-available' }), token);
    await alice.transfer();
    await alice.verifyMfa();
    await alice.signOut();
    expectNoSecrets([token], ['cannot do of', 'verifiedAt', '"v"']);
  });

  it('a DPoP proof, or its key', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const issuer = await createTestIssuer({ authentication: 'custom', clock: kit.clock });
    const jwk = publicKey.export({ format: 'jwk' });
    const { accessToken } = await issuer.signIn('alice', { dpop: jwk });
    const proof = await createDpopProof({
      keyPair: { publicKey, privateKey: other.privateKey },
      method: 'GET',
      url: 'http://api.example/me',
      accessToken,
      clock: kit.clock,
    });
    const sessions = kit.sessions({ authentication: issuer.authentication, store: memoryStore() });
    const error: unknown = await sessions
      .authenticate({
        headers: { authorization: `DPoP ${accessToken}`, dpop: proof, host: 'api.example' },
        method: 'GET',
        url: '/me',
      })
      .catch((reason: unknown) => reason);
    expect((error as SessionError).errorType).toBe('dpop_proof_invalid');
    // The access token was verified, so its ids are known.
    expect(events.of('session.refused')).toMatchObject([{ userId: 'alice' }]);
    expectNoSecrets([accessToken, proof], [String(jwk.x), String(jwk.y)]);
  });
});
