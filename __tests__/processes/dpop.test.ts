/**
 * DPoP proofs over several processes on one Redis: a proof is good for one request to one of them.
 */
import { createDpopProof, type DpopKeyPair } from 'express-wallet-session/testing';
import { exportJWK, generateKeyPair } from 'jose';
import { describeWithRedis, startRedis, type RedisServer } from '../support/redis.js';
import { startApiProcesses, type ApiProcesses } from './api-processes.js';

const ORIGIN = 'https://api.example.com';

describeWithRedis('Three processes on one Redis, and tokens bound to a key,', () => {
  let redis: RedisServer;
  let api: ApiProcesses;
  let keyPair: DpopKeyPair;
  let accessToken: string;

  beforeAll(async () => {
    redis = await startRedis();
    api = await startApiProcesses(redis.url, 3, { origin: ORIGIN });
    keyPair = await generateKeyPair('ES256');
    const dpop = await exportJWK(keyPair.publicKey);
    ({ accessToken } = await api.issuer.signIn('user-1', { dpop }));
  }, 60_000);

  afterAll(async () => {
    await api.stop();
    await redis.stop();
  });

  function proofOf(claims: Record<string, unknown> = {}): Promise<string> {
    const about = { method: 'GET', url: `${ORIGIN}/me`, accessToken };
    return createDpopProof({ keyPair, ...about, ...claims });
  }

  async function ask(which: number, proof: string): Promise<string> {
    const headers = { authorization: `DPoP ${accessToken}`, dpop: proof };
    const response = await fetch(`${api.urls[which] ?? ''}/me`, { headers });
    const { errorType } = (await response.json()) as { errorType?: string };
    return `${response.status} ${errorType ?? ''}`.trim();
  }

  it('accept one of 30 equal proofs that are sent to all of them at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const proof = await proofOf();
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, index) => ask(index % api.count, proof)),
      );
      expect(answers.filter((answer) => answer === '200')).toHaveLength(1);
      expect(answers.filter((answer) => answer === '401 dpop_proof_invalid')).toHaveLength(29);
    }
  });

  it('accept 30 proofs that differ in their `jti` alone', async () => {
    const iat = Math.floor(Date.now() / 1000);
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, index) =>
        ask(index % api.count, await proofOf({ iat, jti: `id-${index}` })),
      ),
    );
    expect(answers).toEqual(Array(30).fill('200'));
  });

  it('refuse a proof in every process after one has accepted it', async () => {
    const proof = await proofOf();
    expect(await ask(1, proof)).toBe('200');
    for (const which of [0, 1, 2]) expect(await ask(which, proof)).toBe('401 dpop_proof_invalid');
  });
});
