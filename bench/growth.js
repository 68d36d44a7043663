/**
 * The cost of a request against the number of tokens in the cache, and of users with an MFA session
 * (100,000 at most, for which the memory store has room):
 * nanoseconds in the middleware alone, without HTTP. `node --expose-gc growth.js [largest]`
 *
 * CDP's own check stands in for signatures (`validateAccessToken`), which makes a million tokens in
 * seconds; what a remembered token costs is the same.
 */
import { cdpAuthentication, getSession, memoryStore } from '../dist/index.js';
import { createSessions, requireMfa, validateSession } from '../dist/index.js';
import { median } from './numbers.js';

const largest = Number(process.argv[2] ?? 1_000_000);
const REQUESTS = 10_000;
const REPEATS = 5;
const now = Math.floor(Date.now() / 1000);

const response = {
  headersSent: false,
  setHeader() {
    throw new Error('no header is expected');
  },
  getHeader: () => undefined,
};

const points = [];
for (let count = 1; count <= largest; count *= 10) points.push(await measure(count));
console.log(JSON.stringify(points));

async function measure(count) {
  const users = Math.min(count, 100_000);
  const step = count / users;
  const sessions = createSessions({
    authentication: cdpAuthentication({
      projectId: 'bench',
      validateAccessToken: ({ accessToken }) => Promise.resolve({ userId: userIdOf(accessToken) }),
    }),
    store: memoryStore({ maxEntries: 2 * count }),
    tokenCache: { maxEntries: count },
  });
  const validate = validateSession(sessions);
  const guard = requireMfa();
  for (let index = 0; index < count; index += 1) {
    const session = await sessions.authenticateToken(tokenOf(index));
    if (index % step === 0) await session.mfa.start({ method: 'totp' });
  }
  // Spread over all of them, so that the processor's own caches help no more than they would.
  const sample = Array.from({ length: users }, () =>
    requestWith(tokenOf(step * Math.floor(Math.random() * users))),
  );
  const nothing = (error) => {
    if (error !== undefined) throw error;
  };
  const first = sample[0]();
  const { userId } = await sessions.authenticate(first);
  validate(first, response, nothing);
  if (getSession(first).userId !== userId) throw new Error('another session');
  const validated = await nanosecondsOf((req) => validate(req, response, nothing), sample);
  const both = await nanosecondsOf((req) => {
    validate(req, response, nothing);
    guard(req, response, nothing);
  }, sample);
  return { count, nanoseconds: validated, withMfaNanoseconds: both };
}

async function nanosecondsOf(handle, sample) {
  const repeats = [];
  let at = 0;
  globalThis.gc?.();
  for (let repeat = 0; repeat <= REPEATS; repeat += 1) {
    // A request is handled once: a new one each time, made beforehand.
    const requests = Array.from({ length: REQUESTS }, () => sample[at++ % sample.length]());
    const start = process.hrtime.bigint();
    for (const request of requests) handle(request);
    repeats.push(Number(process.hrtime.bigint() - start) / REQUESTS);
    await new Promise(setImmediate);
  }
  return Math.round(median(repeats.slice(1)));
}

function requestWith(token) {
  const authorization = `Bearer ${token}`;
  return () => ({
    headers: { host: 'localhost', authorization },
    rawHeaders: ['Host', 'localhost', 'Authorization', authorization],
  });
}

function userIdOf(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sub;
}

function tokenOf(index) {
  const header = encode({ alg: 'ES256', typ: 'JWT', kid: 'bench' });
  const claims = encode({
    iss: 'cdp-api',
    aud: 'cdp-api',
    project_id: 'bench',
    auth_type: 'email',
    sub: `user-${index}`,
    sid: `session-${index}`,
    jti: `token-${index}`,
    iat: now,
    exp: now + 3600,
  });
  return `${header}.${claims}.${'A'.repeat(86)}`;
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
