/**
 * Heap for each verified token that is remembered, of 600 characters. `node --expose-gc memory.js`
 */
import { createVerifier } from 'fast-jwt';
import buildGetJwks from 'get-jwks';
import { createSessions, customAuthentication } from '../dist/index.js';
import { startIssuer } from './issuer.js';

const TOKENS = 20_000;
const issuer = await startIssuer();
const { audience, jwksUri } = issuer.settings;

const authentication = customAuthentication({ ...pick(), audience, jwksUri });
const sessions = createSessions({ authentication, tokenCache: { maxEntries: TOKENS } });
const getJwks = buildGetJwks({ jwksPath: '/jwks.json' });
const [{ kid, alg }] = (await (await fetch(jwksUri)).json()).keys;
const pem = await getJwks.getPublicKey({ domain: issuer.settings.apiUrl, kid, alg });
const verify = createVerifier({
  key: () => Promise.resolve(pem),
  algorithms: ['ES256'],
  cache: TOKENS,
});

const result = {
  tokenLength: issuer.tokens(1)[0].length,
  ours: await heapPerToken((token) => sessions.authenticateToken(token)),
  'fast-jwt': await heapPerToken(verify),
};
console.log(JSON.stringify(result));
issuer.close();

async function heapPerToken(remember) {
  // Whatever is made once is made before.
  for (const token of issuer.tokens(2_000)) await remember(token);
  const before = heapUsed();
  const batch = 1_000;
  for (let done = 0; done < TOKENS - 2_000; done += batch) {
    for (const token of issuer.tokens(batch)) await remember(token);
  }
  return Math.round((heapUsed() - before) / (TOKENS - 2_000));
}

function heapUsed() {
  for (let turn = 0; turn < 3; turn += 1) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function pick() {
  return { issuer: issuer.settings.issuer };
}
