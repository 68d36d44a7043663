/**
 * The plot of a run as SVG: the processor time that each session check adds to a request.
 */
import { estimate } from './numbers.js';
import { blocksOf, difference } from './report.js';
import { BARE, OURS, rivals } from './rivals.js';

const [WIDTH, LEFT, TOP, ROW, BAR] = [860, 215, 84, 38, 13];
const [RIGHT, BOTTOM] = [150, 44];
const SCENARIOS = [
  { name: 'warm', label: 'warm: 1,000 tokens repeated', color: '#1f5fbf' },
  { name: 'cold', label: 'cold: each token once', color: '#e08a3c' },
];

export function plot({ samples }) {
  const rows = rivals
    .filter(({ server }) => blocksOf(samples, 'warm', server) !== undefined)
    .map(({ server, label }) => ({
      label,
      isOurs: server === OURS,
      bars: SCENARIOS.map(({ name, color }) => ({
        color,
        ...estimate(blocksOf(samples, name, server), difference(server, BARE)),
      })),
    }));
  const height = TOP + rows.length * ROW + BOTTOM;
  const most = Math.max(...rows.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const step = most > 400 ? 100 : 50;
  const end = Math.ceil(most / step) * step;
  const x = (micros) => LEFT + (Math.max(0, Math.min(micros, end)) / end) * (WIDTH - LEFT - RIGHT);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Processor time that session checks add to a request of bare Express">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 15px; }
.small { font-size: 11px; fill: #57606a; }
.axis { stroke: #d0d7de; }
.interval { stroke: #24292f; stroke-width: 1.5; }
.ours { font-weight: 600; }
</style>
<rect width="100%" height="100%" rx="8" fill="#ffffff"/>
<text class="title" x="20" y="32">Processor time added to a request of bare Express 5, in µs: less is better</text>
${legend()}
${axis(x, step, end, height)}
${rows.map((row, index) => rowOf(row, TOP + index * ROW, x)).join('\n')}
</svg>
`;
}

function legend() {
  return SCENARIOS.map(
    ({ label, color }, index) =>
      `<rect x="${LEFT + index * 215}" y="47" width="11" height="11" fill="${color}"/>
<text x="${LEFT + index * 215 + 18}" y="57">${label}</text>`,
  ).join('\n');
}

function axis(x, step, end, height) {
  return Array.from({ length: end / step + 1 }, (_, index) => {
    const at = x(index * step).toFixed(1);
    return `<line class="axis" x1="${at}" x2="${at}" y1="${TOP - 8}" y2="${height - BOTTOM}"/>
<text class="small" x="${at}" y="${height - BOTTOM + 17}" text-anchor="middle">${index * step}</text>`;
  }).join('\n');
}

/** The bars of one rival, each with its figure and its 95 % interval. */
function rowOf({ label, isOurs, bars }, top, x) {
  const drawn = bars.map(({ value, low, high, color }, index) => {
    const y = top + index * (BAR + 2);
    const middle = y + BAR / 2;
    return `<rect x="${LEFT}" y="${y}" width="${(x(value) - LEFT).toFixed(1)}" height="${BAR}" fill="${color}"/>
<line class="interval" x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${middle}" y2="${middle}"/>
<text class="small" x="${(x(Math.max(value, high)) + 6).toFixed(1)}" y="${y + 10}">${value.toFixed(0)} (${low.toFixed(0)} to ${high.toFixed(0)})</text>`;
  });
  return `<text x="${LEFT - 12}" y="${top + 18}" text-anchor="end"${isOurs ? ' class="ours"' : ''}>${label}</text>
${drawn.join('\n')}`;
}
