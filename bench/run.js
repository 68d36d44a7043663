/**
 * Runs the benchmark. Each server takes short turns with bare Express and is held against the turns
 * right before and after, because the speed of a machine drifts; and all of it in blocks with new
 * processes, because one process may be faster than another of the same code. About seven minutes, a
 * quarter of them for the million tokens of the growth curve.
 *
 * `node run.js [--blocks 3] [--rounds 5] [--seconds 0.1] [--only ours,jose]` writes results.json,
 * results.md and results.svg, the latter two by `report.js`, unless `--only` leaves somebody out.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { forge, startIssuer } from './issuer.js';
import { median, spread } from './numbers.js';
import { measure, startLoad, startRedis, startServer } from './processes.js';
import { report, table } from './report.js';
import { BARE, OURS, OURS_WITH_MFA, rivals, withMfa } from './rivals.js';

const { values: options } = parseArgs({
  options: {
    blocks: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.1' },
    only: { type: 'string' },
  },
});
const blocks = Number(options.blocks);
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const only = options.only?.split(',');

const CONNECTIONS = 32;
const WARM_TOKENS = 1_000;
/** More than anybody gets through in a second; for the slow signatures of RS256 fewer. */
const COLD_TOKENS = { ES256: Math.ceil(9_000 * seconds), RS256: Math.ceil(3_000 * seconds) };
const WARM_UP_SECONDS = 0.05;
/** A job that ends with its list of tokens. */
const EACH_ONCE = { once: true, seconds: 30, warmUpSeconds: 0 };

const issuer = await startIssuer();
const load = startLoad();
const redis = await startRedis();
if (redis === undefined)
  console.error('No redis-server in PATH: requireMfa() on Redis is left out.');

const measured = rivals.filter(isChosen);
const guarded = withMfa.filter((one) => isChosen(one) && (!one.redis || redis !== undefined));
const all = [{ server: BARE, alg: 'ES256' }, ...measured, ...guarded];
const servers = new Map();

const warm = tokensOf(WARM_TOKENS);
const forged = { ES256: forge(warm.ES256), RS256: forge(warm.RS256) };
/** By scenario and server, one figure for each round. */
const samples = {};
/** By server, one figure for each block. */
const processorShares = {};

// It counts bytes, so that it may run beside what is compiled.
const memory = measure('memory.js', [], ['--expose-gc']);

for (let block = 0; block < blocks; block += 1) {
  progress(`block ${block + 1} of ${blocks}: new processes, until everything is compiled`);
  await restartAll();

  progress('  warm');
  await startMfa();
  await scenario('warm', [...measured, ...guarded], warmJob);

  progress('  processor time');
  for (const one of [...measured, ...guarded].filter(isProfiled)) {
    const work = () => drive(one.server, { ...warmJob(one), seconds: 1.5 });
    const share = await servers.get(one.server).processorShareOf(work);
    (processorShares[one.server] ??= []).push(share);
  }

  progress('  cold');
  await scenario('cold', measured, ({ alg }, cold) => ({
    groups: [{ tokens: cold[alg], connections: CONNECTIONS }],
    once: true,
  }));

  progress('  flood');
  await scenario('flood', measured, ({ alg }) => ({
    groups: [
      { tokens: warm[alg], connections: CONNECTIONS / 2 },
      { tokens: forged[alg], connections: CONNECTIONS / 2 },
    ],
  }));
}

progress('unknown kids');
const unknownKids = {};
for (const { server, alg } of measured) {
  const tokens = issuer.tokens(alg === 'ES256' ? 3_000 : 500, alg, { kid: (n) => `kid-${n}` });
  const before = issuer.fetches();
  const [good] = await drive(server, {
    groups: [
      { tokens: warm[alg], connections: CONNECTIONS / 2 },
      { tokens, connections: CONNECTIONS / 2 },
    ],
    seconds: 1,
    warmUpSeconds: 0,
  });
  const refused = good.requests - (good.statuses['200'] ?? 0);
  unknownKids[server] = {
    fetches: issuer.fetches() - before,
    goodRefused: refused / good.requests,
  };
}

progress('connections');
const connections = [];
for (const count of measured.some(({ server }) => server === OURS) ? [1, 8, 64, 512] : []) {
  const ratios = [];
  const p99 = [];
  for (let round = 0; round < 3; round += 1) {
    const job = { groups: [{ tokens: warm.ES256, connections: count }], seconds: 0.4 };
    const [bare] = await drive(BARE, job);
    const [ours] = await drive(OURS, job);
    ratios.push(ours.perSecond / bare.perSecond);
    p99.push(ours.p99);
  }
  connections.push({ connections: count, toBare: median(ratios), p99: median(p99) });
}

for (const server of servers.values()) server.stop();
load.stop();
issuer.close();
redis?.stop();

progress('import, growth');
const results = {
  date: new Date().toISOString().slice(0, 10),
  machine: { cpu: cpus()[0].model.trim(), cores: cpus().length, node: process.version },
  rounds: blocks * rounds,
  blocks,
  seconds,
  samples,
  processorShares,
  unknownKids,
  connections,
  memory: await memory,
  import: await measure('import.js'),
  growth: await measure('growth.js', [], ['--expose-gc', '--max-old-space-size=6144']),
};

if (only === undefined) {
  writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
  report(results);
}
console.log(table(results));

function isChosen({ server }) {
  return only === undefined || only.includes(server);
}

function isProfiled({ server }) {
  return [OURS, OURS_WITH_MFA].includes(server);
}

function tokensOf(count) {
  const countOf = (alg) => (typeof count === 'number' ? count : count[alg]);
  const needsRsa = measured.some(({ alg }) => alg === 'RS256');
  return {
    ES256: issuer.tokens(countOf('ES256')),
    RS256: needsRsa ? issuer.tokens(countOf('RS256'), 'RS256') : [],
  };
}

/** Ends the processes of the block before and starts new ones. */
async function restartAll() {
  for (const server of servers.values()) server.stop();
  const settings = { ...issuer.settings, redisUrl: redis?.url };
  for (const { server } of all) servers.set(server, await startServer(server, settings));
  for (const { server, alg } of all) {
    const groups = [
      { tokens: warm[alg], connections: CONNECTIONS / 2 },
      { tokens: issuer.tokens(1_000, alg), connections: CONNECTIONS / 2 },
    ];
    await drive(server, { groups, seconds: 1.2 });
  }
}

/** One server after the other takes turns with bare Express, so that neither has been idle for long. */
async function scenario(name, list, jobOf) {
  const cold = Array.from({ length: name === 'cold' ? rounds : 0 }, () => tokensOf(COLD_TOKENS));
  for (const one of list) {
    // As after a minute of that traffic.
    if (name !== 'cold' && one.remembers)
      await drive(one.server, { ...warmJob(one), ...EACH_ONCE });
    let before = await bareTurn();
    for (let round = 0; round < rounds; round += 1) {
      const { perSecond, p99 } = await turnOf(one.server, jobOf(one, cold[round]));
      const after = await bareTurn();
      const sample = { toBare: (2 * perSecond) / (before + after), perSecond, p99 };
      ((samples[name] ??= {})[one.server] ??= []).push(sample);
      before = after;
    }
  }
}

async function bareTurn() {
  return (await turnOf(BARE, warmJob({ alg: 'ES256' }))).perSecond;
}

function warmJob({ alg }) {
  return { groups: [{ tokens: warm[alg], connections: CONNECTIONS }] };
}

/** The figures of the valid requests. */
async function turnOf(server, job) {
  const groups = await drive(server, job);
  const [good, bad] = groups;
  if (Object.keys(good.statuses).join() !== '200' || bad?.statuses['200'] !== undefined) {
    throw new Error(`${server}: ${JSON.stringify(groups.map(({ statuses }) => statuses))}`);
  }
  return good;
}

function drive(server, job) {
  const { port } = servers.get(server);
  return load.ask({ port, seconds, warmUpSeconds: WARM_UP_SECONDS, ...job });
}

/** Anew for each block: an MFA session lasts 300 s. */
async function startMfa() {
  for (const one of guarded) {
    await drive(one.server, { ...warmJob(one), ...EACH_ONCE, method: 'POST', path: '/mfa' });
  }
}

function progress(text) {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`);
}
