/**
 * The example dashboard shows what the Prometheus exporter exports, all of it, and nothing else.
 */
import { readFileSync } from 'node:fs';
import { PaymentClient } from '../support/payment-client.js';
import { payments } from '../support/payments.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { WalletClient } from '../support/wallet-client.js';
import { startPrometheus } from './prometheus.js';

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const dashboard = JSON.parse(readFileSync('docs/grafana-dashboard.json', 'utf8')) as Dashboard;
const targets = dashboard.panels.flatMap((panel) => panel.targets);
const kit = useTestIssuer();

/** The names and labels of what a scrape shows after each metric was recorded. */
async function exported(): Promise<{ names: Set<string>; labels: Set<string> }> {
  const prometheus = await startPrometheus();
  try {
    const { accessToken } = await kit.issuer.signIn('alice');
    const api = kit.api(undefined, payments());
    await new WalletClient(api, accessToken).transfer();
    await new WalletClient(api).me();
    await new PaymentClient(api, accessToken).pay();
    const lines = await prometheus.scrape();
    return {
      names: new Set(lines.map((line) => line.split(/[{ ]/)[0] ?? '')),
      labels: new Set(lines.flatMap((line) => line.match(/\w+(?==")/g) ?? [])),
    };
  } finally {
    await prometheus.stop();
  }
}

/** A histogram has three names. */
function metricOf(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}

describe('The example dashboard', () => {
  it('asks for metrics and labels that the exporter shows', async () => {
    const { names, labels } = await exported();
    const expressions = targets.map(({ expr }) => expr);
    const asked = expressions.flatMap((expr) => expr.match(/wallet_session_\w+/g) ?? []);
    expect(asked.length).toBeGreaterThanOrEqual(targets.length);
    expect(asked.filter((name) => !names.has(name))).toEqual([]);
    const grouped = expressions.flatMap((expr) =>
      [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
    );
    const compared = expressions.flatMap((expr) => expr.match(/\w+(?==~?")/g) ?? []);
    const shown = targets.flatMap(({ legendFormat }) => legendFormat.match(/(?<={{)\w+/g) ?? []);
    const used = new Set([...grouped, ...compared, ...shown]);
    // Prometheus adds the job.
    expect([...used].filter((label) => label !== 'job' && !labels.has(label))).toEqual([]);
  });

  it('shows each metric', async () => {
    const { names } = await exported();
    const text = targets.map(({ expr }) => expr).join('\n');
    const metrics = new Set([...names].map(metricOf));
    expect(metrics.size).toBe(8);
    expect([...metrics].filter((metric) => !text.includes(metric))).toEqual([]);
  });

  it('has panels with an id, a title and a place each', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const places = dashboard.panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
    expect(new Set(places).size).toBe(places.length);
    expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    expect(dashboard.panels.every(({ title }) => title !== '')).toBe(true);
  });
});
