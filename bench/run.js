/**
 * Runs the benchmark: `node run.js [--blocks 3] [--rounds 40] [--only main] [--growth]`
 *
 * The main figure is the processor time of a request: what all threads of the process have used, over
 * the requests that were answered. The servers of a comparison live in one process and take short
 * turns in an order of chance, because the speed of a machine drifts. Blocks have new processes.
 *
 * It writes results.json, and by `report.js` results.svg and the tables of README.md, unless one of
 * `--only main`, `guards`, `events`, `redis`, `rivals`, `scripts` leaves the rest out.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dpopClient, forge, startIssuer } from './issuer.js';
import { shuffled } from './numbers.js';
import { measure, startLoad, startRedis, startServers } from './processes.js';
import { report, tables } from './report.js';
import { BARE, BOUNDED_BY_HAND, FAST_JWT, JOSE, OURS, rivals } from './rivals.js';

const { values: options } = parseArgs({
  options: {
    blocks: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '40' },
    only: { type: 'string' },
    growth: { type: 'boolean', default: false },
  },
});
const blocks = Number(options.blocks);
const rounds = Number(options.rounds);

const CONNECTIONS = 32;
const TOKENS = 1_000;
/** The requests of a turn: so few that all turns of a round are over within a tenth of a second. */
const TURN = 100;
/** More of them in a flood, so that its beginning does not count. */
const FLOOD_TURN = 400;
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
/** The process of the servers that are compared. */
let host;
const isChosen = (part) => options.only === undefined || options.only === part;

const loadAtStart = loadavg()[0];
for (let block = 0; block < blocks; block += 1) {
  const name = `block ${block + 1} of ${blocks}`;
  if (isChosen('main')) await measureMain(name, block);
  if (isChosen('guards')) await measureGuards(name);
  if (isChosen('events')) await measureEvents(name);
  if (isChosen('redis') && redis !== undefined) await measureRedis(name);
}
if (isChosen('guards')) {
  await measureApprovals('ours-approval');
  if (redis !== undefined) await measureApprovals('ours-approval-redis');
  await measureDpop();
}
if (isChosen('rivals')) await measureRivals();
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
  await start(names);
  await alternate(
    'warm',
    2 * rounds,
    turnsOf(names, (name) => turn(name, warmTurn())),
  );
  if (index === 0) shares.warm = await sharesOf(OURS, warmJob('ES256', 12 * TOKENS));

  progress(`${block}: cold`);
  await warmUpCold(main);
  const coldNames = names.filter(
    (name) => index === 0 || ![FAST_JWT, BOUNDED_BY_HAND].includes(name),
  );
  await alternate('cold', rounds, () => {
    const job = jobOf(bearer(issuer.tokens(TURN)));
    return turnsOf(coldNames, (name) => turn(name, job))();
  });
  if (index === 0) {
    shares.cold = await sharesOf(OURS, jobOf(bearer(issuer.tokens(6 * TOKENS))));
    shares.coldOfJose = await sharesOf(JOSE, jobOf(bearer(issuer.tokens(6 * TOKENS))));
  }

  progress(`${block}: flood`);
  await alternate('flood', Math.ceil(rounds / 3), turnsOf(coldNames, floodTurn));
  if (index === 0) for (const rival of main) keySets[rival.server] = await sendUnknownKids(rival);
  await host.stop();
}

/** One server with `requireMfa()`, and with an empty guard in its place. */
async function measureGuards(block) {
  progress(`${block}: guards`);
  const server = 'ours-mfa';
  await start([server]);
  const turnOf = async (guard) => {
    await host.ask({ call: 'setGuard', server, argument: guard });
    return turn(server, warmTurn());
  };
  // So that the empty one has been compiled too.
  for (let time = 0; time < WARM_UP / TURN / 2; time += 1) await turnOf('empty');
  await alternate('guards', 2 * rounds, turnsOf(['mfa', 'empty'], turnOf));
  await host.stop();
}

/**
 * The events with a subscriber, and without. Whoever subscribes makes V8 compile again, so the two are
 * measured one after the other, each beside bare Express.
 */
async function measureEvents(block) {
  progress(`${block}: events`);
  const server = 'ours-events';
  await start([BARE, server]);
  const phases = { silent: [], subscribed: [] };
  for (const phase of ['silent', 'subscribed', 'silent', 'subscribed']) {
    await host.ask({ call: 'setSubscribed', server, argument: phase === 'subscribed' });
    await drive(server, warmJob('ES256', WARM_UP / 2));
    for (let round = 0; round < rounds / 2; round += 1) {
      phases[phase].push(
        await roundOf(turnsOf([BARE, server], (name) => turn(name, warmTurn()))()),
      );
    }
  }
  (samples.events ??= []).push(
    phases.silent.map((silent, at) => ({
      silent: silent[server],
      besideSilent: silent[BARE],
      subscribed: phases.subscribed[at][server],
      besideSubscribed: phases.subscribed[at][BARE],
    })),
  );
  await host.stop();
}

/** The latency of one request at a time: the network is what it waits for, and nothing else. */
async function measureRedis(block) {
  progress(`${block}: Redis`);
  const names = ['ours-redis', 'ours-mfa-redis'];
  await start(names);
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
  await host.stop();
}

/** Each token asks for an approval, gives it, and spends it. */
async function measureApprovals(server) {
  progress(server);
  const body = JSON.stringify({ amount: '0.25', to: '0x52908400098527886E0F7030069857D2E4169EE7' });
  await start([server]);
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
  for (let at = 0; at < 10; at += 1) measured.push(await oneRound());
  (samples[server] ??= []).push(measured);
  await host.stop();
}

/** A request with a proof, beside one whose proof is verified with jose and nothing else. */
async function measureDpop() {
  progress('DPoP');
  const names = [BARE, 'ours-dpop', 'dpop-by-hand'];
  await start(names);
  const clients = Array.from({ length: TURN }, dpopClient);
  const tokens = issuer.tokens(TURN, 'ES256', { thumbprint: (n) => clients[n].thumbprint });
  const dpopTurn = (name) => {
    const url = `http://localhost:${host.ports[name]}/me`;
    const requests = tokens.map(
      (token, n) => `Authorization: DPoP ${token}\r\nDPoP: ${clients[n].proofOf(token, url)}`,
    );
    return turn(name, jobOf(requests));
  };
  for (let time = 0; time < COLD_WARM_UP / TURN; time += 1) {
    for (const name of names) await dpopTurn(name);
  }
  await alternate('dpop', rounds, turnsOf(names, dpopTurn));
  await host.stop();
}

/** Who is in the table alone: one process, with bare Express. */
async function measureRivals() {
  progress('the other rivals');
  const others = rivals.filter(({ isMain }) => !isMain);
  const names = [BARE, ...others.map(({ server }) => server)];
  await start(names);
  const algOf = (name) => others.find(({ server }) => server === name)?.alg ?? 'ES256';
  await alternate(
    'warm others',
    rounds / 4,
    turnsOf(names, (name) => turn(name, warmTurn(algOf(name)))),
  );
  await alternate(
    'cold others',
    rounds / 4,
    turnsOf(names, (name) => turn(name, jobOf(bearer(issuer.tokens(TURN, algOf(name)))))),
  );
  await alternate(
    'flood others',
    rounds / 8,
    turnsOf(names, (name) => floodTurn(name, algOf(name))),
  );
  for (const rival of others) keySets[rival.server] = await sendUnknownKids(rival);
  await host.stop();
}

async function runScripts() {
  progress('waits, heap, import');
  return {
    waits: await measure('waits.js'),
    memory: await measure('memory.js', [], ['--expose-gc']),
    import: await measure('import.js'),
    growth: options.growth
      ? await measure('growth.js', [], ['--expose-gc', '--max-old-space-size=6144'])
      : undefined,
  };
}

/** A new process, until what its servers do often is compiled. */
async function start(names) {
  host = await startServers(names, { ...issuer.settings, redisUrl: redis?.url });
  for (const name of names.filter((one) => !one.includes('dpop'))) {
    const alg = rivals.find(({ server }) => server === name)?.alg ?? 'ES256';
    if (name.includes('mfa')) await drive(name, { ...warmJob(), method: 'POST', path: '/mfa' });
    await drive(name, warmJob(alg, WARM_UP));
  }
}

/** For who remembers tokens: until the way of a new one is compiled as well. */
async function warmUpCold(ones) {
  const job = jobOf(bearer(issuer.tokens(COLD_WARM_UP)));
  for (const { server } of ones.filter(({ remembers }) => remembers)) await drive(server, job);
}

/** A block of rounds, in each of which everyone has one turn, in an order of chance. */
async function alternate(scenario, count, turnsOfRound) {
  const block = [];
  for (let round = 0; round < count; round += 1) {
    block.push(await roundOf(turnsOfRound()));
  }
  (samples[scenario] ??= []).push(block);
}

async function roundOf(turns) {
  const sampled = {};
  for (const name of shuffled(Object.keys(turns))) sampled[name] = await turns[name]();
  return sampled;
}

function turnsOf(names, turnOf) {
  return () => Object.fromEntries(names.map((name) => [name, () => turnOf(name)]));
}

/** What a server uses for the requests of a job, and how fast it answers those of its first group. */
async function turn(name, job, status = '200') {
  const before = await host.ask({ call: 'usage' });
  const groups = await drive(name, job);
  const used = (await host.ask({ call: 'usage' })) - before;
  const [{ requests, perSecond, p50, p99, statuses, collected }, bad] = groups;
  if (Object.keys(statuses).join() !== status || bad?.statuses['200'] !== undefined) {
    throw new Error(`${name}: ${JSON.stringify(groups.map((group) => group.statuses))}`);
  }
  const sample = { micros: round(used / requests), perSecond: Math.round(perSecond) };
  return { ...sample, p50: round(p50), p99: round(p99), ...(job.collect && { collected }) };
}

/** Half of the connections send bad signatures; bare Express, which knows none, has good ones alone. */
function floodTurn(name, alg = 'ES256') {
  if (name === BARE) return turn(name, jobOf(warm[alg].slice(0, FLOOD_TURN)));
  const connections = CONNECTIONS / 2;
  return turn(name, {
    groups: [
      { requests: warm[alg], connections, count: FLOOD_TURN },
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
      { requests: warm[alg], connections: CONNECTIONS / 2, count: TOKENS },
      { requests: bearer(tokens), connections: CONNECTIONS / 2, count: Infinity },
    ],
  });
  return issuer.fetches() - before;
}

async function sharesOf(name, job) {
  await host.ask({ call: 'profile' });
  await drive(name, job);
  return host.ask({ call: 'shares' });
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
  return load.ask({ port: host.ports[name], ...job });
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function progress(text) {
  console.error(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${text}`);
}
