/**
 * What a run found, for people: results.md with the tables, the first of which the README shows, and
 * results.svg with the plot. `run.js` calls it at its end; `node report.js` does the same again from
 * results.json.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, spread } from './numbers.js';
import { plot } from './plot.js';
import {
  CEILING,
  JOSE,
  OURS,
  OURS_WITH_EMPTY_GUARD,
  OURS_WITH_MFA,
  OURS_WITH_MFA_ON_CACHED_REDIS,
  OURS_WITH_MFA_ON_REDIS,
  rivals,
} from './rivals.js';

export function report(results) {
  write('results.md', table(results));
  write('results.svg', plot(results));
}

/** The tables of a run, in Markdown. */
export function table(results) {
  const { date, machine, seconds } = results;
  const { usual, worst } = noise(results);
  return `${rivalsTable(results)}

_warm_: 1,000 tokens repeated. _cold_: each token once. _flood_: the valid requests alone, while half of the connections send bad signatures. All three: requests a second, as a share of what bare Express 5 did right before and after. _p99_: of warm requests. _heap_: for each remembered token of ${results.memory.tokenLength} characters. _key sets_: how often the JWKS was fetched in a second while half of the connections sent unknown \`kid\`s, and how many valid requests were refused over it.

${goalsTable(results)}

${growthTable(results)}

Measured on ${date}: Node ${machine.node.slice(1)}, ${machine.cores} cores of ${machine.cpu}, loopback, 32 connections, ES256. Medians of rounds of ${seconds} s: ${turns(results, OURS)} where there is a goal to meet, else ${turns(results, rivals.at(-1).server)}. Half of the rounds lie within ±${usual.toFixed(2)} of them, where it was worst within ±${worst.toFixed(2)}. Machines differ, and drift: compare within one run alone.
`;
}

function rivalsTable(results) {
  const rows = rivals
    .filter(({ server }) => server in (results.samples.warm ?? {}))
    .map(({ server, label }) => [
      server === OURS ? `**${label}**` : label,
      ...['warm', 'cold', 'flood'].map((name) => ratio(toBare(results, name, server))),
      `${median(results.samples.warm[server].map(({ p99 }) => p99)).toFixed(1)} ms`,
      heap(results, server),
      keySets(results.unknownKids[server]),
    ]);
  const head = ['', 'warm', 'cold', 'flood', 'p99', 'heap', 'key sets'];
  return markdown(head, rows);
}

/** What was measured, beside what it has to be. */
function goalsTable(results) {
  const warm = (one) => toBare(results, 'warm', one);
  const against = (name, one, other) => paired(results.samples[name], one, other);
  const rows = [
    ['warm requests, to bare Express', 0.9, warm(OURS)],
    ['the same of a cache by hand, which checks nothing else', undefined, warm(CEILING)],
    ['the same with `requireMfa()`, memoryStore()', 0.88, warm(OURS_WITH_MFA)],
    ['the same with an empty guard in its place', undefined, warm(OURS_WITH_EMPTY_GUARD)],
    ['cold requests, to jose by hand', 1, against('cold', OURS, JOSE)],
    ['valid requests in a flood, to jose by hand', 2, against('flood', OURS, JOSE)],
    [
      '`requireMfa()` on Redis, to memory',
      undefined,
      against('warm', OURS_WITH_MFA_ON_REDIS, OURS_WITH_MFA),
    ],
    [
      'the same with client-side caching',
      0.85,
      against('warm', OURS_WITH_MFA_ON_CACHED_REDIS, OURS_WITH_MFA),
    ],
  ]
    .filter(([, , ratios]) => ratios.length > 0)
    .map(([what, goal, ratios]) => [
      what,
      goal === undefined ? '–' : `≥ ${goal}`,
      `${ratio(ratios)} ± ${spread(ratios).toFixed(2)}`,
    ]);
  const shareOf = (server) => {
    const shares = results.processorShares[server];
    return shares === undefined ? '–' : `${(median(shares) * 100).toFixed(1)} %`;
  };
  rows.push(
    // What 0.9 and 0.88 leave, without the noise of a machine that others use as well.
    ["share of a warm server's processor time in this package", '≤ 10 %', shareOf(OURS)],
    ['the same with `requireMfa()`, memoryStore()', '≤ 12 %', shareOf(OURS_WITH_MFA)],
    ['heap for each remembered token', '≤ 700 bytes', `${results.memory.ours} bytes`],
    [
      "cold process: import and mount, to `import 'jose'`",
      '≤ 2',
      `${results.import.toJose.toFixed(2)} (${results.import.ours.toFixed(0)} ms)`,
    ],
  );
  return markdown(['figure', 'goal', 'measured'], rows);
}

function growthTable({ growth, connections }) {
  const microseconds = (nanoseconds) => `${(nanoseconds / 1000).toFixed(1)} µs`;
  const tokens = markdown(
    [
      'remembered tokens, of as many users',
      ...growth.map(({ count }) => count.toLocaleString('en')),
    ],
    [
      ['`validateSession()`', ...growth.map((point) => microseconds(point.nanoseconds))],
      ['and `requireMfa()`', ...growth.map((point) => microseconds(point.withMfaNanoseconds))],
    ],
  );
  const clients = markdown(
    ['connections', ...connections.map((point) => String(point.connections))],
    [
      ['warm, to bare Express', ...connections.map((point) => point.toBare.toFixed(2))],
      ['p99', ...connections.map((point) => `${point.p99.toFixed(1)} ms`)],
    ],
  );
  return `${tokens}

What grows is the time of the processor's own caches: a request touches some twenty of their lines, and the more tokens are remembered, the fewer of these are there. The work stays the same.

${clients}`;
}

export function toBare({ samples }, name, server) {
  return (samples[name]?.[server] ?? []).map((sample) => sample.toBare);
}

/** One server held against another, in the rounds that both were in. */
function paired(samples, one, other) {
  const others = new Map(samples?.[other]?.map(({ at, toBare }) => [at, toBare]));
  return (samples?.[one] ?? [])
    .filter(({ at }) => others.has(at))
    .map(({ at, toBare }) => toBare / others.get(at));
}

/** How many rounds a server was in, and of how many processes. */
function turns({ samples }, server) {
  const rounds = (samples.warm?.[server] ?? []).map(({ at }) => at.split('.')[0]);
  const processes = new Set(rounds).size;
  return `${rounds.length} in ${processes === 1 ? 'one process' : `${processes} processes`}`;
}

function noise(results) {
  const spreads = Object.values(results.samples).flatMap((servers) =>
    Object.values(servers).map((samples) => spread(samples.map((sample) => sample.toBare))),
  );
  return { usual: median(spreads), worst: Math.max(...spreads) };
}

function ratio(ratios) {
  return ratios.length === 0 ? '–' : median(ratios).toFixed(2);
}

function heap({ memory }, server) {
  return memory[server] === undefined ? '–' : `${memory[server]} B`;
}

function keySets({ fetches, goodRefused }) {
  return goodRefused < 0.0005 ? String(fetches) : `${fetches} (${percent(goodRefused)} refused)`;
}

function percent(share) {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function markdown(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function write(name, text) {
  writeFileSync(join(import.meta.dirname, name), text);
}

if (process.argv[1] === import.meta.filename) {
  report(JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')));
}
