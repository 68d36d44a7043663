/**
 * Runs the benchmark: `node run.js [--blocks 3] [--rounds 20] [--only main] [--growth]`
 *
 * The main figure is the processor time of a request: what all threads of the server have used, over
 * the requests that it has answered. Servers take short turns in an order of chance, and are compared
 * within a round, that is, within half a second, because the speed of a machine drifts. Blocks have new
 * processes, because one process may be faster than another of the same code.
 *
 * It writes results.json, and by `report.js` results.svg and the tables of README.md, unless one of
 * `--only main`, `guards`, `redis`, `rivals`, `scripts` leaves the rest out.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dpopClient, forge, startIssuer } from './issuer.js';
import { shuffled } from './numbers.js';
import { measure, startLoad, startRedis, startServer } from './processes.js';
import { report, tables } from './report.js';
import { BARE, OURS, rivals } from './rivals.js';

const { values: options } = parseArgs({
  options: {
    blocks: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '20' },
    only: { type: 'string' },
    growth: { type: 'boolean', default: false },
  },
});
const blocks = Number(options.blocks);
const rounds = Number(options.rounds);

const CONNECTIONS = 32;
const TOKENS = 1_000;
/** The requests of a turn: so few that all turns of a round are over within half a second. */
const TURN = 250;
/** Requests until V8 has compiled the code that each of them runs, and until those that verify have. */
const WARM_UP = 8_000;
const COLD_WARM_UP = 2_000;

const issuer = await startIssuer();
const load = startLoad();
const redis = await startRedis();
if (redis === undefined) console.error('No redis-server in PATH: its figures are left out.');

const warmTokens = {
  ES256: issuer.tokens(TOKENS),
  RS256: issuer.tokens(TOKENS, 'RS256'),
};
const warm = { ES256: bearer(warmTokens.ES256), RS256: bearer(warmTokens.RS256) };
const forged = { ES256: bearer(forge(warmTokens.ES256)), RS256: bearer(forge(warmTokens.RS256)) };
/** By scenario: blocks of rounds, each with a sample of each server. */
const samples = {};
const shares = {};
const keySets = {};
let turns = 0;
/** The servers that run, by name. */
const servers = new Map();
const isChosen = (part) => options.only === undefined || options.only === part;

const loadAtStart = loadavg()[0];
for (let block = 0; block < blocks; block += 1) {
  const name = `block ${block + 1} of ${blocks}`;
  if (isChosen('main')) await measureMain(name, block);
  if (isChosen('guards')) await measureGuards(name);
  if (isChosen('redis') && redis !== undefined) await measureRedis(name);
}
if (isChosen('guards')) {
  await measureApprovals('ours-approval');
  if (redis !== undefined) await measureApprovals('ours-approval-redis');
  await measureDpop();
}
if (isChosen('rivals')) {
  for (const rival of rivals.filter(({ isMain }) => !isMain)) await measureRival(rival);
}
await load.stop();
issuer.close();
redis?.stop();

const scripts = isChosen('scripts') ? await runScripts() : {};
const results = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    node: process.version,
    load: [loadAtStart, loadavg()[0]],
    seconds: Math.round(performance.now() / 1000),
  },
  ...scripts,
  keySets,
  shares,
  samples,
};
if (options.only === undefined) {
  writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(results)}\n`);
  report(results);
}
console.log(tables(results));
progress('done');

/** The rivals that a goal is about: remembered tokens, new tokens, and a flood of bad signatures. */
async function measureMain(block, index) {
  progress(`${block}: warm`);
  const main = rivals.filter(({ isMain }) => isMain);
  const names = [BARE, ...main.map(({ server }) => server)];
  for (const name of names) await start(name);
  await alternate(
    'warm',
    rounds,
    turnsOf(names, (name) => turn(name, warmTurn())),
  );
  if (index === 0) shares.warm = await sharesOf(OURS, warmJob('ES256', 12 * TOKENS));

  progress(`${block}: cold`);
  await warmUpCold(main);
  const coldNames = index === 0 ? names : names.filter((name) => name !== 'fast-jwt');
  await alternate('cold', rounds, () => {
    const job = jobOf(bearer(issuer.tokens(TURN)));
    return turnsOf(coldNames, (name) => turn(name, job))();
  });
  if (index === 0) {
    shares.cold = await sharesOf(OURS, jobOf(bearer(issuer.tokens(6 * TOKENS))));
    shares.coldOfJose = await sharesOf('jose', jobOf(bearer(issuer.tokens(6 * TOKENS))));
  }

  progress(`${block}: flood`);
  await alternate('flood', Math.ceil(rounds / 2), turnsOf(coldNames, floodTurn));
  if (index === 0) for (const rival of main) keySets[rival.server] = await sendUnknownKids(rival);
  await stopServers();
}

/** A guard beside an empty one in the same process, and a server with a subscriber of its events. */
async function measureGuards(block) {
  progress(`${block}: guards, events`);
  for (const name of ['ours-mfa', OURS, 'ours-events']) await start(name);
  const guarded = (name) => async () => {
    await servers.get('ours-mfa').call('setGuard', name);
    return turn('ours-mfa', warmTurn());
  };
  // So that both have been compiled.
  await servers.get('ours-mfa').call('setGuard', 'empty');
  await drive('ours-mfa', warmJob('ES256', WARM_UP / 2));
  await alternate('guards', rounds, () => ({ mfa: guarded('mfa'), empty: guarded('empty') }));
  await alternate(
    'events',
    rounds,
    turnsOf([OURS, 'ours-events'], (name) => turn(name, warmTurn())),
  );
  await stopServers();
}

/** The latency of one request at a time: the network is what it waits for, and nothing else. */
async function measureRedis(block) {
  progress(`${block}: Redis`);
  const names = ['ours-redis', 'ours-mfa-redis'];
  for (const name of names) await start(name);
  const alone = { groups: [{ requests: warm.ES256.slice(0, TURN), connections: 1 }] };
  for (const name of names) await turn(name, alone);
  await alternate(
    'redis',
    rounds,
    turnsOf(names, (name) => turn(name, alone)),
  );
  await alternate(
    'redisBusy',
    Math.ceil(rounds / 2),
    turnsOf(names, (name) => turn(name, warmTurn())),
  );
  await stopServers();
}

/** Each token asks for an approval, gives it, and spends it. */
async function measureApprovals(server) {
  progress(server);
  const body = JSON.stringify({ amount: '0.25', to: '0x52908400098527886E0F7030069857D2E4169EE7' });
  await start(server);
  const oneRound = async () => {
    const requests = warm.ES256;
    const jobWith = (given) => ({ ...jobOf(given), method: 'POST', path: '/transfers', body });
    const asking = { ...jobWith(requests), collect: 'x-mfa-challenge-id' };
    const { collected, ...refused } = await turn(server, asking, '403');
    const named = requests.map((line, at) => `${line}\r\nX-Mfa-Challenge-Id: ${collected[at]}`);
    await drive(server, { ...jobWith(named), path: '/approve' });
    return { refused, spent: await turn(server, jobWith(named)) };
  };
  for (let time = 0; time < 4; time += 1) await oneRound();
  const measured = [];
  for (let at = 0; at < rounds / 2; at += 1) measured.push(await oneRound());
  (samples[server] ??= []).push(measured);
  await stopServers();
}

/** A request with a proof, beside one whose proof is verified with jose and nothing else. */
async function measureDpop() {
  progress('DPoP');
  const names = [BARE, 'ours-dpop', 'dpop-by-hand'];
  for (const name of names) await start(name);
  const clients = Array.from({ length: TURN }, dpopClient);
  const tokens = issuer.tokens(TURN, 'ES256', { thumbprint: (n) => clients[n].thumbprint });
  const dpopTurn = (name) => {
    const url = `http://localhost:${servers.get(name).port}/me`;
    const requests = tokens.map(
      (token, n) => `Authorization: DPoP ${token}\r\nDPoP: ${clients[n].proofOf(token, url)}`,
    );
    return turn(name, jobOf(requests));
  };
  for (let time = 0; time < COLD_WARM_UP / TURN; time += 1) {
    for (const name of names) await dpopTurn(name);
  }
  await alternate('dpop', rounds, turnsOf(names, dpopTurn));
  await stopServers();
}

/** Who is in the table alone: one process, beside bare Express. */
async function measureRival(rival) {
  const { server, alg } = rival;
  progress(server);
  const names = [BARE, server];
  for (const name of names) await start(name, alg);
  const half = rounds / 2;
  await alternate(
    `warm ${server}`,
    half,
    turnsOf(names, (name) => turn(name, warmTurn(alg))),
  );
  await alternate(`cold ${server}`, half, () => {
    const job = jobOf(bearer(issuer.tokens(TURN, alg)));
    return turnsOf(names, (name) => turn(name, job))();
  });
  await alternate(
    `flood ${server}`,
    Math.ceil(half / 2),
    turnsOf(names, (name) => floodTurn(name, alg)),
  );
  keySets[server] = await sendUnknownKids(rival);
  await stopServers();
}

async function runScripts() {
  progress('middleware alone, waits, heap, import');
  return {
    waits: await measure('waits.js'),
    alone: await measure('middleware.js'),
    memory: await measure('memory.js', [], ['--expose-gc']),
    import: await measure('import.js'),
    growth: options.growth
      ? await measure('growth.js', [], ['--expose-gc', '--max-old-space-size=6144'])
      : undefined,
  };
}

/** A new process, until what it does often is compiled. */
async function start(name, alg = 'ES256') {
  servers.set(name, await startServer(name, { ...issuer.settings, redisUrl: redis?.url }));
  if (name.includes('dpop')) return;
  if (name.includes('mfa')) await drive(name, { ...warmJob(), method: 'POST', path: '/mfa' });
  await drive(name, warmJob(alg, WARM_UP));
}

/** For who remembers tokens: until the way of a new one is compiled as well. */
async function warmUpCold(ones) {
  const job = jobOf(bearer(issuer.tokens(COLD_WARM_UP)));
  for (const { server } of ones.filter(({ remembers }) => remembers)) await drive(server, job);
}

async function stopServers() {
  await Promise.all(Array.from(servers.values(), (server) => server.stop()));
  servers.clear();
}

/** A block of rounds, in each of which everyone has one turn, in an order of chance. */
async function alternate(scenario, count, turnsOfRound) {
  const block = [];
  for (let round = 0; round < count; round += 1) {
    const turns = turnsOfRound();
    const sampled = {};
    for (const name of shuffled(Object.keys(turns))) sampled[name] = await turns[name]();
    block.push(sampled);
  }
  (samples[scenario] ??= []).push(block);
}

function turnsOf(names, turnOf) {
  return () => Object.fromEntries(names.map((name) => [name, () => turnOf(name)]));
}

/** What a server uses for the requests of a job, and how fast it answers those of its first group. */
async function turn(name, job, status = '200') {
  const { call } = servers.get(name);
  const before = await call('usage');
  const groups = await drive(name, job);
  const used = (await call('usage')) - before;
  const [{ requests, perSecond, p50, p99, statuses, collected }, bad] = groups;
  if (Object.keys(statuses).join() !== status || bad?.statuses['200'] !== undefined) {
    throw new Error(`${name}: ${JSON.stringify(groups.map((group) => group.statuses))}`);
  }
  const sample = { micros: round(used / requests), perSecond: Math.round(perSecond) };
  return { ...sample, p50: round(p50), p99: round(p99), ...(job.collect && { collected }) };
}

/** Half of the connections send bad signatures; bare Express, which knows none, has good ones alone. */
function floodTurn(name, alg = 'ES256') {
  if (name === BARE) return turn(name, warmTurn(alg));
  const connections = CONNECTIONS / 2;
  return turn(name, {
    groups: [
      { requests: warm[alg], connections, count: TURN },
      { requests: forged[alg], connections, count: Infinity },
    ],
  });
}

/** Half of the connections send keys that the issuer does not have: how often is the JWKS fetched? */
async function sendUnknownKids({ server, alg }) {
  const tokens = issuer.tokens(TOKENS / 2, alg, { kid: (n) => `kid-${n}` });
  const before = issuer.fetches();
  await drive(server, {
    groups: [
      { requests: warm[alg], connections: CONNECTIONS / 2, count: 2 * TOKENS },
      { requests: bearer(tokens), connections: CONNECTIONS / 2, count: Infinity },
    ],
  });
  return issuer.fetches() - before;
}

async function sharesOf(name, job) {
  const { call } = servers.get(name);
  await call('profile');
  await drive(name, job);
  return call('shares');
}

/** Requests with tokens that were verified before, each once or `count` altogether. */
function warmJob(alg = 'ES256', count = TOKENS) {
  return jobOf(warm[alg], count);
}

/** One part of them after the other. */
function warmTurn(alg = 'ES256') {
  turns += 1;
  const first = (turns * TURN) % TOKENS;
  return jobOf(warm[alg].slice(first, first + TURN));
}

function jobOf(requests, count = requests.length) {
  return { groups: [{ requests, count, connections: CONNECTIONS }] };
}

function bearer(tokens) {
  return tokens.map((token) => `Authorization: Bearer ${token}`);
}

function drive(name, job) {
  return load.ask({ port: servers.get(name).port, ...job });
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function progress(text) {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`);
}
