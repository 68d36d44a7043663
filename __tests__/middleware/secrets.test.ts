/**
 * Secrets of the issuer, the store and the log never appear in a refusal.
 */
import {
  cdpAuthentication,
  memoryStore,
  type MfaEvidence,
  type SessionOptions,
  type SessionStore,
} from 'express-wallet-session';
import type { Response } from 'supertest';
import { wrapStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { previously, WalletClient } from '../support/wallet-client.js';

const SECRETS = {
  sub: 'user-5f1e',
  jti: 'jti-77aa',
  email: 'alice@example.com',
  auth_type: 'auth-type-0b',
  acr: 'urn:acr:9c',
  amr: ['amr-3d'],
  inner: 'ECONNREFUSED redis://:hunter2@10.0.0.5',
};

function failing(): never {
  throw new Error(SECRETS.inner);
}

function rejecting(): Promise<never> {
  return Promise.reject(new Error(SECRETS.inner));
}

const down = wrapStore(failing);
const gone = wrapStore((_work, verb) => (verb === 'write' ? failing() : rejecting()));
const strange = { ...memoryStore(), read: () => [SECRETS.inner] } as unknown as SessionStore;

describe('No refusal shows', () => {
  const kit = useTestIssuer({ projectId: 'project-e2' });
  let token: string;
  let tokens: string[];

  beforeEach(async () => {
    token = await kit.issuer.sign(SECRETS);
    tokens = [token];
  });

  function client(options: Partial<SessionOptions>, accessToken?: string): WalletClient {
    const app = kit.api(options, { transfers: { acr: ['urn:wanted'] } });
    if (accessToken !== undefined) tokens.push(accessToken);
    return new WalletClient(app, accessToken);
  }

  async function refusedBy(answer: PromiseLike<Response>): Promise<void> {
    const response = await answer;
    const { status, text } = response;
    const headers = response.headers as Readonly<Record<string, string>>;
    expect(status).toBeGreaterThanOrEqual(400);
    expect(headers['content-type']).toBe('application/problem+json');
    const told = JSON.stringify([headers, text]);
    const parts = tokens.flatMap((one) => [one, ...one.split('.')]).filter((part) => part !== '');
    const words = [...Object.values(SECRETS).flat(), ...SECRETS.inner.split(' ')];
    for (const secret of [...parts, ...words, kit.issuer.projectId, kit.issuer.issuer, 'kid']) {
      expect(told).not.toContain(secret);
    }
    const needed = ['cache-control', 'connection', 'content-length', 'content-type', 'date'];
    needed.push('access-control-expose-headers');
    const saying = status === 503 ? 'retry-after' : 'www-authenticate';
    expect(Object.keys(headers).sort()).toEqual([...needed, saying, 'x-powered-by'].sort());
  }

  it('the content of a bad token', async () => {
    for (const wrong of [
      `${token}x`,
      token.slice(0, -10),
      token.replace('.', '..'),
      'alice@example.com',
      await kit.issuer.sign({ ...SECRETS, aud: 'another-aud' }),
      await kit.issuer.sign({ ...SECRETS, iss: 'another-iss' }),
      await kit.issuer.sign({ ...SECRETS, project_id: 'another-project' }),
      await kit.issuer.sign({ ...SECRETS, sub: 5 }),
      await kit.issuer.sign({ ...SECRETS, exp: 'user-5f1e' }),
      await kit.issuer.sign(SECRETS, { alg: 'HS256' }),
      await kit.issuer.sign(SECRETS, { alg: 'none' }),
      await kit.issuer.sign(SECRETS, { kid: 'kid-user-5f1e' }),
      await kit.issuer.sign({ ...SECRETS, exp: kit.clock() / 1000 - 60 }),
      await kit.issuer.sign({ ...SECRETS, auth_time: kit.clock() / 1000 - 700_000 }),
    ]) {
      await refusedBy(client({}, wrong).me());
    }
  });

  it('the content of a token sent twice or in a malformed header', async () => {
    const app = client({ token: [(req) => req.headers['x-a']?.toString(), () => token] });
    await refusedBy(app.me().set('x-a', token));
    await refusedBy(client({}).me().set('Authorization', `Bearer ${token} ${token}`));
    await refusedBy(client({}).me().set('Authorization', `Basic ${token}`));
  });

  it('the user who was signed out', async () => {
    const alice = client({}, token);
    await alice.signOutEverywhere();
    await refusedBy(alice.me());
  });

  it('the error of a store', async () => {
    for (const store of [down, gone, strange]) {
      await refusedBy(client({ store }, token).me());
      await refusedBy(client({ store, revocation: 'when-available' }, token).transfer());
    }
  });

  it('the error of a store that fails within a request', async () => {
    const store = { ...memoryStore(), write: failing, raise: failing, remove: failing };
    const alice = client({ store }, token);
    for (const answer of [
      alice.verifyMfa(),
      alice.endMfa(),
      alice.endMfaEverywhere(),
      alice.signOut(),
      alice.signOutEverywhere(),
    ]) {
      await refusedBy(answer);
    }
  });

  it('the cause of an MFA refusal', async () => {
    await refusedBy(client({}, token).transfer());
    const malformed = (): MfaEvidence => SECRETS as unknown as MfaEvidence;
    for (const evidence of [failing, rejecting, malformed]) {
      await refusedBy(client({ mfa: { evidence } }, token).transfer());
    }
    for (const isEnrolled of [failing, rejecting, () => false]) {
      await refusedBy(client({ mfa: { isEnrolled } }, token).transfer());
    }
    const alice = client({}, token);
    await alice.verifyMfa({ method: SECRETS.inner, acr: SECRETS.acr });
    await refusedBy(alice.transfer());
  });

  it('the cause of a failed verification', async () => {
    const failure = { statusCode: 401, message: SECRETS.inner };
    for (const validateAccessToken of [
      rejecting,
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as SDKs may
      () => Promise.reject(failure),
      () => Promise.resolve({ userId: '', secret: SECRETS.inner }),
    ]) {
      const authentication = cdpAuthentication({ projectId: 'project-e2', validateAccessToken });
      await refusedBy(client({ authentication }, token).me());
    }
    kit.issuer.setOutage(true);
    await refusedBy(client({}, token).me());
  });

  it('the content of the previous token', async () => {
    const previous = await kit.issuer.sign({ ...SECRETS, jti: 'jti-of-previous' });
    tokens.push(previous);
    const app = kit.api();
    for (const one of [previous, `${previous}x`, SECRETS.inner]) {
      await refusedBy(new WalletClient(app, token, previously(one)).transfer());
    }
  });
});
