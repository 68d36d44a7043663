/**
 * Runs the benchmark: rounds that alternate between all servers, each figure held against bare
 * Express in the same round, because the speed of a machine drifts. About five minutes.
 *
 * `node run.js [--rounds 6] [--seconds 0.5] [--only ours,jose]` writes results.json, results.md and
 * results.svg, the latter two by `report.js`, unless `--only` leaves somebody out.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { forge, startIssuer } from './issuer.js';
import { median, spread } from './numbers.js';
import { measure, startLoad, startRedis, startServer } from './processes.js';
import { report, table } from './report.js';
import { BARE, JOSE, OURS, rivals, withMfa } from './rivals.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '0.5' },
    only: { type: 'string' },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const only = options.only?.split(',');

const CONNECTIONS = 32;
const WARM_TOKENS = 1_000;
/** More than anybody gets through in a second; for the slow signatures of RS256 fewer. */
const COLD_TOKENS = { ES256: Math.ceil(9_000 * seconds), RS256: Math.ceil(3_000 * seconds) };
const WARM_UP_SECONDS = 0.2;

const issuer = await startIssuer();
const load = startLoad();
const redis = await startRedis();
if (redis === undefined)
  console.error('No redis-server in PATH: requireMfa() on Redis is left out.');

const measured = rivals.filter(isChosen);
const guarded = withMfa.filter((one) => isChosen(one) && (!one.redis || redis !== undefined));
const servers = new Map();
for (const { server } of [{ server: BARE }, ...measured, ...guarded]) {
  const settings = { ...issuer.settings, redisUrl: redis?.url };
  servers.set(server, await startServer(server, settings));
}

const warm = tokensOf(WARM_TOKENS);
const forged = { ES256: forge(warm.ES256), RS256: forge(warm.RS256) };
/** By scenario and server, one figure for each round. */
const samples = {};

progress('until everything is compiled');
await startMfa();
for (const { server, alg = 'ES256' } of [{ server: BARE }, ...measured, ...guarded]) {
  const groups = [
    { tokens: warm[alg], connections: CONNECTIONS / 2 },
    { tokens: issuer.tokens(1_000, alg), connections: CONNECTIONS / 2 },
  ];
  await drive(server, { groups, seconds: 2 });
}

for (let round = 0; round < rounds; round += 1) {
  progress(`round ${round + 1} of ${rounds}`);
  const order = (list) => (round % 2 === 0 ? list : list.toReversed());

  await startMfa();
  await scenario('warm', order([...measured, ...guarded]), ({ alg = 'ES256' }) => ({
    groups: [{ tokens: warm[alg], connections: CONNECTIONS }],
  }));

  const cold = tokensOf(COLD_TOKENS);
  await scenario('cold', order(measured), ({ alg = 'ES256' }) => ({
    groups: [{ tokens: cold[alg], connections: CONNECTIONS }],
    once: true,
  }));

  await scenario('flood', order(measured), ({ alg = 'ES256' }) => ({
    groups: [
      { tokens: warm[alg], connections: CONNECTIONS / 2 },
      { tokens: forged[alg], connections: CONNECTIONS / 2 },
    ],
  }));
}

progress('unknown kids');
const unknownKids = {};
for (const { server, alg = 'ES256' } of measured) {
  const tokens = issuer.tokens(alg === 'ES256' ? 4_000 : 1_000, alg, { kid: (n) => `kid-${n}` });
  const before = issuer.fetches();
  const [good] = await drive(server, {
    groups: [
      { tokens: warm[alg], connections: CONNECTIONS / 2 },
      { tokens, connections: CONNECTIONS / 2 },
    ],
    seconds: 2,
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
    const job = { groups: [{ tokens: warm.ES256, connections: count }], seconds: 0.7 };
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

progress('memory, import, growth');
const results = {
  date: new Date().toISOString().slice(0, 10),
  machine: { cpu: cpus()[0].model.trim(), cores: cpus().length, node: process.version },
  rounds,
  seconds,
  samples,
  unknownKids,
  connections,
  memory: await measure('memory.js', [], ['--expose-gc']),
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

function tokensOf(count) {
  const countOf = (alg) => (typeof count === 'number' ? count : count[alg]);
  const needsRsa = measured.some(({ alg }) => alg === 'RS256');
  return {
    ES256: issuer.tokens(countOf('ES256')),
    RS256: needsRsa ? issuer.tokens(countOf('RS256'), 'RS256') : [],
  };
}

/** Measures each server once, beside bare Express in the same minute. */
async function scenario(name, list, jobOf) {
  const bareJob = { groups: [{ tokens: warm.ES256, connections: CONNECTIONS }] };
  const bare = [(await drive(BARE, bareJob))[0].perSecond];
  const figures = {};
  for (const one of list) {
    const job = jobOf(one);
    if (job.once !== true) await sendEachOnce(one.server, job.groups[0].tokens);
    figures[one.server] = await driveWithCpu(one.server, job);
  }
  bare.push((await drive(BARE, bareJob))[0].perSecond);
  const barePerSecond = (bare[0] + bare[1]) / 2;
  for (const [server, { good, cpuMicroseconds }] of Object.entries(figures)) {
    const { perSecond, p50, p99 } = good;
    const sample = { toBare: perSecond / barePerSecond, perSecond, p50, p99, cpuMicroseconds };
    ((samples[name] ??= {})[server] ??= []).push(sample);
  }
}

/** So that whoever remembers tokens knows them all, as after a minute of that traffic. */
async function sendEachOnce(server, tokens) {
  const groups = [{ tokens, connections: CONNECTIONS }];
  await drive(server, { groups, once: true, seconds: 30, warmUpSeconds: 0 });
}

async function driveWithCpu(server, job) {
  const { cpuMicroseconds } = servers.get(server);
  const before = await cpuMicroseconds();
  const groups = await drive(server, job);
  const answers = groups.reduce((sum, group) => sum + group.answers, 0);
  const [good, bad] = groups;
  if (Object.keys(good.statuses).join() !== '200' || bad?.statuses['200'] !== undefined) {
    throw new Error(`${server}: ${JSON.stringify(groups.map(({ statuses }) => statuses))}`);
  }
  return { good, cpuMicroseconds: ((await cpuMicroseconds()) - before) / answers };
}

function drive(server, job) {
  const { port } = servers.get(server);
  return load.ask({ port, seconds, warmUpSeconds: WARM_UP_SECONDS, ...job });
}

/** An MFA session lasts 300 s, and a run may last longer. */
async function startMfa() {
  for (const { server } of guarded) {
    await drive(server, {
      method: 'POST',
      path: '/mfa',
      groups: [{ tokens: warm.ES256, connections: CONNECTIONS }],
      once: true,
      seconds: 30,
      warmUpSeconds: 0,
    });
  }
}

function progress(text) {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`);
}
