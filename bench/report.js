/**
 * The results for people: the tables between the two marks of README.md, and results.svg. `run.js`
 * calls it at its end; `node report.js` does the same again from results.json.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { estimate, paired, usual } from './numbers.js';
import { plot } from './plot.js';
import { BARE, BY_HAND, FAST_JWT, JOSE, OURS, rivals } from './rivals.js';

const [BEGIN, END] = ['<!-- results -->\n', '\n<!-- end of results -->'];

export function report(results) {
  const readme = join(import.meta.dirname, 'README.md');
  const [before, rest] = readFileSync(readme, 'utf8').split(BEGIN);
  const [, after] = rest.split(END);
  writeFileSync(readme, `${before}${BEGIN}\n${tables(results)}\n${END}${after}`);
  writeFileSync(join(import.meta.dirname, 'results.svg'), plot(results));
}

/** All tables of a run, in Markdown. What was not measured is left out. */
export function tables(results) {
  return [
    '### Goals',
    goalsTable(results),
    '### Rivals',
    rivalsTable(results),
    '### What a request costs',
    costsTable(results),
    '### Where the processor time goes',
    sharesTable(results),
    ...(results.growth === undefined ? [] : ['### Growth', growthTable(results)]),
    machineOf(results),
  ].join('\n\n');
}

/** What was measured, beside what it has to be. */
function goalsTable({ samples, shares, waits, memory, machine }) {
  const addedOver = (other) => (blocks) =>
    difference(OURS, BARE)(blocks) / difference(other, BARE)(blocks);
  const rows = [
    [
      'warm: processor time added to bare Express, to a cache by hand which checks nothing',
      '≤ 1.2',
      estimated(samples.warm, addedOver(BY_HAND), plain),
    ],
    [
      'warm: the same, to fast-jwt with its cache',
      '≤ 1.0',
      estimated(samples.warm, addedOver(FAST_JWT), plain),
    ],
    [
      '`requireMfa()` on memory: processor time beyond an empty guard',
      '≤ 3 µs',
      estimated(samples.guards, difference('mfa', 'empty'), micros),
    ],
    [
      'cold: processor time of a request, to jose by hand',
      '≤ 1.0',
      estimated(samples.cold, quotient(OURS, JOSE), plain),
    ],
    [
      'flood: valid requests served, to jose by hand',
      '≥ 2',
      estimated(samples.flood, quotient(OURS, JOSE, 'perSecond'), plain),
    ],
    [
      '`requireMfa()` on Redis: latency p50, to `validateSession()` alone on Redis',
      '≤ 1.1',
      estimated(samples.redis, quotient('ours-mfa-redis', 'ours-redis', 'p50'), plain),
    ],
    [
      'waits for the store: `validateSession()`; and `requireMfa()`; `requireApproval()` refused, spent',
      '1; 1; 2; 2',
      waits &&
        [waits.validateSession, waits.requireMfa, ...Object.values(waits.requireApproval)].join(
          '; ',
        ),
    ],
    [
      'events without a subscriber: share of the processor time of a warm server',
      'nothing that can be measured',
      eventsShare(shares),
    ],
    [
      'events with one subscriber: processor time beyond none',
      '–',
      estimated(
        samples.events,
        (blocks) =>
          difference('subscribed', 'besideSubscribed')(blocks) -
          difference('silent', 'besideSilent')(blocks),
        micros,
      ),
    ],
    [
      `heap for each remembered token of ${memory?.tokenLength} characters`,
      '≤ 700 bytes',
      memory && `${memory.ours} bytes`,
    ],
    ['`npm run bench`, without the build', '≤ 5 min', `${(machine.seconds / 60).toFixed(1)} min`],
  ];
  return markdown(['figure', 'goal', 'measured'], withoutGaps(rows));
}

function eventsShare(shares) {
  if (shares.warm === undefined) return undefined;
  return `${((shares.warm['lib/events'] ?? 0) * 100).toFixed(1)} %`;
}

function rivalsTable({ samples, keySets, memory }) {
  const rows = rivals
    .filter(({ server }) => blocksOf(samples, 'warm', server) !== undefined)
    .map(({ server, label }) => {
      const [warm, cold, flood] = ['warm', 'cold', 'flood'].map((scenario) =>
        blocksOf(samples, scenario, server),
      );
      return [
        server === OURS ? `**${label}**` : label,
        estimated(warm, difference(server, BARE), whole),
        estimated(cold, difference(server, BARE), whole),
        ...[warm, cold, flood].map((blocks) =>
          quotient(server, BARE, 'perSecond')(blocks).toFixed(2),
        ),
        `${usual(warm, server, 'p99').toFixed(1)} ms`,
        memory?.[server] === undefined ? '–' : `${memory[server]} B`,
        String(keySets[server]),
      ];
    });
  return markdown(
    [
      '',
      'added, warm',
      'added, cold',
      'rate, warm',
      'rate, cold',
      'rate, flood',
      'p99, warm',
      'heap',
      'key sets',
    ],
    rows,
  );
}

/** Whole requests, by what the library does for them. */
function costsTable({ samples }) {
  const row = (label, scenario, server) => {
    const blocks = samples[scenario]?.filter((rounds) => server in rounds[0]);
    if (blocks === undefined) return undefined;
    return [
      label,
      estimated(blocks, (some) => usual(some, server), whole),
      `${usual(blocks, server, 'p50').toFixed(2)} ms`,
    ];
  };
  const rows = [
    row('bare Express', 'warm', BARE),
    row('`validateSession()` on memory, warm', 'warm', OURS),
    row('and `requireMfa()`', 'guards', 'mfa'),
    row('and an empty guard in its place', 'guards', 'empty'),
    row('`validateSession()` on memory, cold', 'cold', OURS),
    row('jose by hand, cold', 'cold', JOSE),
    row('`validateSession()` on Redis', 'redisBusy', 'ours-redis'),
    row('and `requireMfa()`', 'redisBusy', 'ours-mfa-redis'),
    row('`validateSession()` on Redis, one connection', 'redis', 'ours-redis'),
    row('and `requireMfa()`, one connection', 'redis', 'ours-mfa-redis'),
    row('`requireApproval()` on memory, refused', 'ours-approval', 'refused'),
    row('the same, approved and spent', 'ours-approval', 'spent'),
    row('`requireApproval()` on Redis, refused', 'ours-approval-redis', 'refused'),
    row('the same, approved and spent', 'ours-approval-redis', 'spent'),
    row('`validateSession()` with a DPoP proof', 'dpop', 'ours-dpop'),
    row('its proof verified with jose, and nothing else', 'dpop', 'dpop-by-hand'),
  ].filter((cells) => cells !== undefined);
  return markdown(['request', 'processor time', 'p50'], rows);
}

/** By owner, of the main thread; what is small is summed up. */
function sharesTable({ shares }) {
  const columns = Object.entries({
    'ours, warm': shares.warm,
    'ours, cold': shares.cold,
    'jose by hand, cold': shares.coldOfJose,
  }).filter(([, column]) => column !== undefined);
  const owners = new Set(columns.flatMap(([, column]) => Object.keys(column)));
  const largest = (owner) => Math.max(...columns.map(([, column]) => column[owner] ?? 0));
  const listed = [...owners].filter((owner) => largest(owner) >= 0.01);
  listed.sort((a, b) => largest(b) - largest(a));
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const rows = listed.map((owner) => [
    owner.startsWith('lib/') ? `\`${owner}\`` : owner,
    ...columns.map(([, column]) => percent(column[owner] ?? 0)),
  ]);
  rows.push([
    'all of `lib/`',
    ...columns.map(([, column]) =>
      percent(
        Object.entries(column)
          .filter(([owner]) => owner.startsWith('lib/'))
          .reduce((sum, [, share]) => sum + share, 0),
      ),
    ),
  ]);
  return markdown(['', ...columns.map(([name]) => name)], rows);
}

function growthTable({ growth }) {
  const microseconds = (nanoseconds) => `${(nanoseconds / 1000).toFixed(1)} µs`;
  return markdown(
    [
      'remembered tokens, of as many users',
      ...growth.map(({ count }) => count.toLocaleString('en')),
    ],
    [
      ['`validateSession()`', ...growth.map((point) => microseconds(point.nanoseconds))],
      ['and `requireMfa()`', ...growth.map((point) => microseconds(point.withMfaNanoseconds))],
    ],
  );
}

function machineOf({ date, machine, samples, import: imported }) {
  const [atStart, atEnd] = machine.load.map((load) => load.toFixed(1));
  const blocks = samples.warm?.length ?? 0;
  const rounds = samples.warm?.[0].length ?? 0;
  const started =
    imported === undefined
      ? ''
      : ` Import and mount in a cold process: ${imported.ours.toFixed(0)} ms, \`import 'jose'\` alone ${imported.jose.toFixed(0)} ms.`;
  return `Measured on ${date}: Node ${machine.node.slice(1)}, ${machine.cores} cores of ${machine.cpu}, load average ${atStart} at the start and ${atEnd} at the end, loopback, 32 connections, ES256 unless it says otherwise, ${blocks} blocks of ${rounds} rounds.${started}`;
}

/** The blocks that a rival was measured in: those of the goals, or its own. */
export function blocksOf(samples, scenario, server) {
  const main = samples[scenario]?.filter((rounds) => server in rounds[0]);
  return main?.length > 0 ? main : samples[`${scenario} others`];
}

/** By how much processor time one server needs more than another. */
export function difference(one, other) {
  return (blocks) => paired(blocks, one, other, 'micros', (a, b) => a - b);
}

function quotient(one, other, member = 'micros') {
  return (blocks) => paired(blocks, one, other, member, (a, b) => a / b);
}

/** A figure with its interval, as text; undefined if it was not measured. */
function estimated(blocks, figureOf, format) {
  if (blocks === undefined || blocks.length === 0) return undefined;
  const { value, low, high } = estimate(blocks, figureOf);
  return format(value, low, high);
}

function plain(value, low, high) {
  return `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

function micros(value, low, high) {
  return `${value.toFixed(1)} µs (${low.toFixed(1)} to ${high.toFixed(1)})`;
}

function whole(value, low, high) {
  return `${value.toFixed(0)} µs (${low.toFixed(0)} to ${high.toFixed(0)})`;
}

function withoutGaps(rows) {
  return rows.filter((cells) => !cells.includes(undefined));
}

/** Padded as Prettier does it. */
function markdown(head, rows) {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((cells) => cells[column].length)));
  const line = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

if (process.argv[1] === import.meta.filename) {
  report(JSON.parse(readFileSync(join(import.meta.dirname, 'results.json'), 'utf8')));
}
