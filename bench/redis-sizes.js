/**
 * What Redis holds and does: bytes of each kind of record by MEMORY USAGE, and commands of each kind
 * of request by `INFO commandstats`. `npm run build`, then `node bench/redis-sizes.js` with a
 * `redis-server` on the path.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createClient } from 'redis';
import { createSessions, SessionError } from '../dist/index.js';
import { redisStore } from '../dist/store/redis.js';
import { createTestIssuer } from '../dist/testing/index.js';

const probe = createServer().listen(0, '127.0.0.1');
await once(probe, 'listening');
const { port } = probe.address();
probe.close();
const args = ['--port', String(port), '--save', '', '--appendonly', 'no'];
const server = spawn('redis-server', args, { stdio: 'ignore' });
const client = createClient({ url: `redis://127.0.0.1:${port}` });
client.on('error', () => {});
await client.connect();

const issuer = await createTestIssuer({ authentication: 'custom' });
const sessions = createSessions({
  authentication: issuer.authentication,
  store: redisStore(client),
});

/** The commands of a piece of work, without those that ask for them. */
async function commandsOf(name, work) {
  await client.configResetStat();
  await work();
  const stats = await client.info('commandstats');
  const counts = [...stats.matchAll(/cmdstat_([\w|]+):calls=(\d+)/g)]
    .filter(([, command]) => !/^(config|info|client|hello)/.test(command))
    .map(([, command, calls]) => `${calls} ${command.toUpperCase()}`);
  console.log(`${name.padEnd(44)} ${counts.join(', ') || 'none'}`);
}

const { accessToken } = await issuer.signIn('alice');
const headers = { authorization: `Bearer ${accessToken}` };
const session = await sessions.authenticate({ headers });
await commandsOf('a request', () => sessions.authenticate({ headers }));
await commandsOf('session.mfa.require(), refused', () => session.mfa.require().catch(() => {}));
await commandsOf('session.mfa.start()', () => session.mfa.start({ method: 'totp' }));
await commandsOf('session.mfa.require()', () => session.mfa.require());
const operation = { amount: '50.00', to: '0x5f1e0000000000000000000000000000000000aa' };
let challengeId;
await commandsOf('requireApproval(), refused with a challenge', () =>
  session.mfa.requireApproval({ operation, description: operation }).catch((error) => {
    if (!(error instanceof SessionError)) throw error;
    challengeId = error.toProblem().challengeId;
  }),
);
await commandsOf('session.mfa.approve()', () =>
  session.mfa.approve(challengeId, () => ({ method: 'totp' })),
);
await commandsOf('requireApproval(), spent', () =>
  session.mfa.requireApproval({ operation, description: operation, challengeId }),
);
await commandsOf('session.mfa.end()', () => session.mfa.end());
await commandsOf('session.signOut()', () => session.signOut());
const other = await sessions.authenticateToken((await issuer.signIn('bob')).accessToken);
await commandsOf('session.signOutEverywhere()', () => other.signOutEverywhere());

console.log('\nbytes by MEMORY USAGE');
for (const key of (await client.keys('*')).sort()) {
  const [bytes, ttl, value] = [
    await client.memoryUsage(key),
    await client.ttl(key),
    await client.get(key),
  ];
  const kind = key.replace(/[\w-]{24}/g, '…');
  console.log(
    `${String(bytes).padStart(5)}  ${String(ttl).padStart(7)} s  ${kind}  ${value.length}`,
  );
}

const USERS = 20_000;
const before = Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1]);
for (let i = 0; i < USERS; i += 1) {
  await sessions.signOutSession({ sessionId: `session-${i}` });
}
const after = Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1]);
console.log(`\n${Math.round((after - before) / USERS)} bytes of used_memory for each sign-out`);

client.destroy();
server.kill();
