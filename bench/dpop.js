/**
 * The cost of a request with a DPoP-bound token, beside the verification of its proof by jose alone
 * (signature, thumbprint, the hash of the access token): microseconds, without HTTP, with one request
 * at a time and with 64 at once. `npm run build && node bench/dpop.js [requests]`
 */
import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { createSessions, memoryStore } from '../dist/index.js';
import { createDpopProof, createTestIssuer } from '../dist/testing/index.js';
import { median } from './numbers.js';

const requests = Number(process.argv[2] ?? 4000);
const REPEATS = 5;
const url = 'https://api.example.com/me';

const keyPair = await generateKeyPair('ES256');
const dpop = await exportJWK(keyPair.publicKey);
const issuer = await createTestIssuer({ authentication: 'custom' });
const { accessToken } = await issuer.signIn('user-1', { dpop });
const { accessToken: unbound } = await issuer.signIn('user-1');
const sessions = createSessions({
  authentication: issuer.authentication,
  store: memoryStore({ maxEntries: 2 * requests * REPEATS * 2 }),
  origin: 'https://api.example.com',
});
const jkt = await calculateJwkThumbprint(dpop);

async function ours(proof) {
  const headers = { authorization: `DPoP ${accessToken}`, dpop: proof };
  await sessions.authenticate({ headers, method: 'GET', url: '/me' });
}

async function joseAlone(proof) {
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt' });
  const ath = createHash('sha256').update(accessToken).digest('base64url');
  const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk);
  if (payload.ath !== ath || payload.htu !== url || thumbprint !== jkt) throw new Error('refused');
}

async function bearer() {
  const headers = { authorization: `Bearer ${unbound}` };
  await sessions.authenticate({ headers, method: 'GET', url: '/me' });
}

const results = {};
for (const [name, work] of Object.entries({ bearer, joseAlone, ours })) {
  for (const atOnce of [1, 64]) {
    const times = [];
    for (let repeat = 0; repeat < REPEATS; repeat += 1) times.push(await measure(work, atOnce));
    results[`${name}, ${atOnce} at once`] = Number(median(times).toFixed(1));
  }
}
console.log(JSON.stringify(results, null, 2));

/** Microseconds for each request; a proof works once, so each has one of its own. */
async function measure(work, atOnce) {
  const proofs = await Promise.all(
    Array.from({ length: requests }, () =>
      createDpopProof({ keyPair, method: 'GET', url, accessToken }),
    ),
  );
  const before = process.hrtime.bigint();
  for (let from = 0; from < requests; from += atOnce) {
    await Promise.all(proofs.slice(from, from + atOnce).map(work));
  }
  return Number(process.hrtime.bigint() - before) / 1000 / requests;
}
