/**
 * The plot of a run as SVG: on the left the shares of bare Express, on the right the growth curve.
 */
import { median } from './numbers.js';
import { OURS, rivals } from './rivals.js';

const WIDTH = 960;
const SCENARIOS = [
  { name: 'warm', color: '#1f5fbf' },
  { name: 'cold', color: '#7aa7e0' },
  { name: 'flood', color: '#e08a3c' },
];
const BARS = { left: 235, top: 64, width: 330, row: 44, bar: 10 };
const HEIGHT = BARS.top + rivals.length * BARS.row + 54;
const CURVE = { left: 650, top: 64, width: 270, height: 330 };

export function plot(results) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="Speed of session checks beside bare Express">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 15px; }
.small { font-size: 11px; fill: #57606a; }
.axis { stroke: #d0d7de; }
.ours { font-weight: 600; }
</style>
<rect width="100%" height="100%" rx="8" fill="#ffffff"/>
${bars(results)}
${curve(results)}
</svg>
`;
}

function bars({ samples }) {
  const { left, top, width, row, bar } = BARS;
  const measured = rivals.filter(({ server }) => server in samples.warm);
  const bottom = top + measured.length * row;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (
      share,
    ) => `<line class="axis" x1="${left + share * width}" x2="${left + share * width}" y1="${top - 6}" y2="${bottom}"/>
<text class="small" x="${left + share * width}" y="${bottom + 16}" text-anchor="middle">${share}</text>`,
  );
  const legend = SCENARIOS.map(
    ({ name, color }, index) =>
      `<rect x="${left + index * 80}" y="${bottom + 30}" width="10" height="10" fill="${color}"/>
<text x="${left + index * 80 + 16}" y="${bottom + 39}">${name}</text>`,
  );
  const rows = measured.map(({ server, label }, index) => {
    const y = top + index * row;
    const drawn = SCENARIOS.map(({ name, color }, at) => {
      const share = median(samples[name][server].map(({ toBare }) => toBare));
      const end = left + Math.min(share, 1.05) * width;
      return `<rect x="${left}" y="${y + at * (bar + 1)}" width="${(end - left).toFixed(1)}" height="${bar}" fill="${color}"/>
<text class="small" x="${(end + 5).toFixed(1)}" y="${y + at * (bar + 1) + 9}">${share.toFixed(2)}</text>`;
    });
    return `<text x="${left - 10}" y="${y + 21}" text-anchor="end"${server === OURS ? ' class="ours"' : ''}>${label}</text>
${drawn.join('\n')}`;
  });
  return `<text class="title" x="20" y="34">Requests a second, as a share of bare Express 5</text>
${[...ticks, ...rows, ...legend].join('\n')}`;
}

function curve({ growth }) {
  const { left, top, width, height } = CURVE;
  const lines = [
    { label: 'and requireMfa()', key: 'withMfaNanoseconds', color: '#e08a3c' },
    { label: 'validateSession()', key: 'nanoseconds', color: '#1f5fbf' },
  ];
  const most = Math.max(...growth.map(({ withMfaNanoseconds }) => withMfaNanoseconds)) / 1000;
  const highest = Math.ceil(most / 5) * 5;
  const last = Math.log10(growth.at(-1).count);
  const x = (count) => (left + (Math.log10(count) / last) * width).toFixed(1);
  const y = (nanoseconds) => (top + height * (1 - nanoseconds / 1000 / highest)).toFixed(1);
  const ticks = Array.from({ length: highest / 5 + 1 }, (_, step) => step * 5).map(
    (microseconds) =>
      `<line class="axis" x1="${left}" x2="${left + width}" y1="${y(microseconds * 1000)}" y2="${y(microseconds * 1000)}"/>
<text class="small" x="${left - 8}" y="${Number(y(microseconds * 1000)) + 4}" text-anchor="end">${microseconds} µs</text>`,
  );
  const counts = growth.map(
    ({ count }) =>
      `<text class="small" x="${x(count)}" y="${top + height + 18}" text-anchor="middle">${short(count)}</text>`,
  );
  const drawn = lines.map(({ label, key, color }, index) => {
    const points = growth.map((point) => `${x(point.count)},${y(point[key])}`);
    return `<polyline fill="none" stroke="${color}" stroke-width="2.5" points="${points.join(' ')}"/>
<text x="${left + 12}" y="${top + 20 + (1 - index) * 20}" style="fill:${color}">${label}</text>`;
  });
  return `<text class="title" x="${left - 40}" y="34">A request, by tokens remembered</text>
${[...ticks, ...counts, ...drawn].join('\n')}
<text class="small" x="${left + width / 2}" y="${top + height + 40}" text-anchor="middle">remembered tokens, of as many users</text>`;
}

function short(count) {
  return count >= 1e6 ? `${count / 1e6}M` : count >= 1e3 ? `${count / 1e3}k` : String(count);
}
