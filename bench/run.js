/**
 * Runs the benchmark. Each server takes short turns with bare Express and is held against the turns
 * right before and after, because the speed of a machine drifts. Who has a goal to meet takes more
 * turns, and in several blocks with new processes, because one process may be faster than another of
 * the same code. Six to seven minutes, more than one of them for the million tokens of the growth
 * curve; where the machine is restless, more blocks tell more.
 *
 * `node run.js [--blocks 2] [--rounds 3] [--seconds 0.2] [--only ours,jose]` writes results.json,
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
import { BARE, guarded, OURS, OURS_WITH_MFA, rivals } from './rivals.js';

const { values: options } = parseArgs({
  options: {
    blocks: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '0.2' },
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
/** About once through the tokens: what was idle has lost them from the processor's own caches. */
const ONCE_THROUGH_SECONDS = 0.2;
/** Ours and bare Express get faster for their first 8,000 to 10,000 requests, while V8 compiles. */
const COMPILE_SECONDS = { withGoal: 4, others: 2 };
/** A job that ends with its list of tokens. */
const EACH_ONCE = { once: true, seconds: 30, warmUpSeconds: 0 };

const issuer = await startIssuer();
const load = startLoad();
const redis = await startRedis();
if (redis === undefined)
  console.error('No redis-server in PATH: requireMfa() on Redis is left out.');

const all = [...rivals, ...guarded].filter((one) => isChosen(one) && (!one.redis || redis));
const measured = all.filter(isRival);
const servers = new Map();

const warm = {
  ES256: issuer.tokens(WARM_TOKENS),
  RS256: issuer.tokens(WARM_TOKENS, 'RS256'),
};
/** For who remembers tokens: until the way of a new one is compiled as well. */
const unknown = issuer.tokens(6_000);
const forged = { ES256: forge(warm.ES256), RS256: forge(warm.RS256) };
/** By scenario and server, one figure for each round. */
const samples = {};
/** By server, one figure for each block. */
const processorShares = {};
const unknownKids = {};
const connections = [];
let memory;

for (let block = 0; block < blocks; block += 1) {
  progress(`block ${block + 1} of ${blocks}: new processes, warm`);
  const ones = all.filter(({ hasGoal }) => block === 0 || hasGoal);
  // Who is always first, beside a bare Express of a few seconds, may look slower than who is last.
  if (block % 2 === 0) ones.reverse();
  await stopServers();
  await start({ server: BARE, alg: 'ES256', hasGoal: true });
  for (const one of ones) {
    await start(one);
    await compare('warm', block, one, () => ({
      ...warmJob(one),
      warmUpSeconds: ONCE_THROUGH_SECONDS,
    }));
    if (isProfiled(one)) (processorShares[one.server] ??= []).push(await processorShareOf(one));
  }

  progress('  cold');
  const cold = { ES256: [], RS256: [] };
  for (const one of ones.filter(isRival)) {
    const groups = [{ tokens: unknown, connections: CONNECTIONS }];
    if (one.remembers) await drive(one.server, { groups, ...EACH_ONCE });
    await compare('cold', block, one, (round) => {
      const tokens = (cold[one.alg][round] ??= issuer.tokens(COLD_TOKENS[one.alg], one.alg));
      return { groups: [{ tokens, connections: CONNECTIONS }], once: true };
    });
  }

  progress('  flood');
  for (const one of ones.filter(isRival)) {
    if (one.remembers) await drive(one.server, { ...warmJob(one), ...EACH_ONCE });
    await compare('flood', block, one, () => ({
      groups: [
        { tokens: warm[one.alg], connections: CONNECTIONS / 2 },
        { tokens: forged[one.alg], connections: CONNECTIONS / 2 },
      ],
      warmUpSeconds: ONCE_THROUGH_SECONDS,
    }));
  }

  if (block > 0) continue;
  progress('  connections, unknown kids');
  if (measured.some(({ server }) => server === OURS)) {
    for (const count of [1, 8, 64, 512]) connections.push(await withConnections(count));
  }
  // Both only count, so that they may run side by side.
  memory = measure('memory.js', [], ['--expose-gc']);
  for (const one of measured) unknownKids[one.server] = await sendUnknownKids(one);
}

await stopServers();
await load.stop();
issuer.close();
redis?.stop();

progress('import, growth');
const results = {
  date: new Date().toISOString().slice(0, 10),
  machine: { cpu: cpus()[0].model.trim(), cores: cpus().length, node: process.version },
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

/** Only they have something to say of new tokens and bad ones. */
function isRival(one) {
  return rivals.includes(one);
}

function isProfiled({ server }) {
  return [OURS, OURS_WITH_MFA].includes(server);
}

/** A new process, until what it does often is compiled. */
async function start(one) {
  const settings = { ...issuer.settings, redisUrl: redis?.url };
  servers.set(one.server, await startServer(one.server, settings));
  if (guarded.includes(one)) await startMfa(one);
  const compileSeconds = one.hasGoal ? COMPILE_SECONDS.withGoal : COMPILE_SECONDS.others;
  await drive(one.server, { ...warmJob(one), seconds: compileSeconds });
}

async function stopServers() {
  await Promise.all(Array.from(servers.values(), (server) => server.stop()));
  servers.clear();
}

/** An MFA session for each of the tokens. It lasts 300 s, longer than a block. */
function startMfa(one) {
  return turnOf(one.server, { ...warmJob(one), ...EACH_ONCE, method: 'POST', path: '/mfa' });
}

/** A server takes turns with bare Express. */
async function compare(name, block, one, jobOf) {
  const turns = one.hasGoal ? 2 * rounds : rounds;
  let before = await bareTurn();
  for (let round = 0; round < turns; round += 1) {
    const { perSecond, p99 } = await turnOf(one.server, jobOf(round));
    const after = await bareTurn();
    const toBare = (2 * perSecond) / (before + after);
    const sample = { at: `${block}.${round}`, toBare, perSecond, p99 };
    ((samples[name] ??= {})[one.server] ??= []).push(sample);
    before = after;
  }
}

function processorShareOf(one) {
  const work = () => drive(one.server, { ...warmJob(one), seconds: 1.5 });
  return servers.get(one.server).processorShareOf(work);
}

/** Half of the connections send keys that the issuer does not have. */
async function sendUnknownKids({ server, alg }) {
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
  return { fetches: issuer.fetches() - before, goodRefused: refused / good.requests };
}

async function withConnections(count) {
  const job = { groups: [{ tokens: warm.ES256, connections: count }] };
  const ratios = [];
  const p99 = [];
  for (let turn = 0; turn < 2 * rounds; turn += 1) {
    const bare = await turnOf(BARE, job);
    const ours = await turnOf(OURS, job);
    ratios.push(ours.perSecond / bare.perSecond);
    p99.push(ours.p99);
  }
  return { connections: count, toBare: median(ratios), p99: median(p99) };
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

function progress(text) {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`);
}
