/**
 * What docs/operations.md says is so: its snippets run, its time-outs are those of the code, and it
 * has each event, each metric and each 503.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync, readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { SessionEvent } from 'express-wallet-session';
import { recordMetrics } from 'express-wallet-session/opentelemetry';
import { recipe } from '../support/documentation.js';
import { eventually } from '../support/eventually.js';
import { useTestIssuer } from '../support/use-test-issuer.js';

const page = readFileSync('docs/operations.md', 'utf8');
const kit = useTestIssuer();

/** Runs a recipe without its imports, whose names come by `scope`. */
async function run(title: string, scope: Readonly<Record<string, unknown>>): Promise<void> {
  const code = recipe(title).replace(/^import .*;$/gm, '');
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is the documentation's own
  const go = new Function(...Object.keys(scope), `return (async () => {${code}})();`) as (
    ...values: unknown[]
  ) => Promise<void>;
  await go(...Object.values(scope));
}

describe('The recipe for an audit trail', () => {
  it('writes a line for each event that is kept, and survives a trail that fails', async () => {
    const subscribers: ((message: unknown) => void)[] = [];
    const keep = (channel: string, subscriber: (message: unknown) => void): void => {
      subscribers.push(subscriber);
      subscribe(channel, subscriber);
    };
    const lines: string[] = [];
    const warnings: object[] = [];
    let isFull = false;
    const audit = {
      write(line: string) {
        if (isFull) throw new Error('disk full');
        lines.push(line);
      },
    };
    const log = { warn: (line: object) => warnings.push(line) };
    await run('An audit trail', { subscribe: keep, audit, log });
    const alice = await kit.signIn('alice');
    await alice.transfer().expect(403);
    await alice.verifyMfa().expect(200);
    isFull = true;
    await alice.signOut().expect(200);
    for (const subscriber of subscribers) unsubscribe('express-wallet-session', subscriber);
    const events = lines.map((line) => JSON.parse(line) as SessionEvent);
    expect(lines.every((line) => line.endsWith('}\n'))).toBe(true);
    expect(events.map(({ type, userId }) => [type, userId])).toEqual([
      ['mfa.refused', 'alice'],
      ['mfa.started', 'alice'],
    ]);
    expect(warnings).toHaveLength(1);
  });
});

describe('The recipe for an emergency rotation', () => {
  it('refreshes the keys when the message comes, and tells of a failure', async () => {
    const sessions = kit.sessions();
    await sessions.ready();
    const warnings: unknown[] = [];
    let onMessage: () => Promise<void> = () => Promise.resolve();
    const scope = {
      sessions,
      log: { warn: (line: unknown) => warnings.push(line) },
      subscriber: {
        subscribe(_channel: string, listener: () => Promise<void>) {
          onMessage = listener;
        },
      },
      publisher: { publish: () => undefined },
    };
    await run('Refresh the keys of every process', scope);
    const before = await kit.issuer.signIn('alice');
    await sessions.authenticateToken(before.accessToken);
    await kit.issuer.rotateKeys();
    await onMessage();
    await expect(sessions.authenticateToken(before.accessToken)).rejects.toHaveProperty(
      'action',
      'refresh_token',
    );
    kit.issuer.setOutage(true);
    await onMessage();
    expect(warnings).toHaveLength(1);
  });
});

describe('The recipe for metrics', () => {
  it('is scraped at its port', async () => {
    const stops: (() => void)[] = [];
    let exporter: PrometheusExporter | undefined;
    class FreePort extends PrometheusExporter {
      constructor() {
        super({ port: 0, host: '127.0.0.1' });
        // eslint-disable-next-line @typescript-eslint/no-this-alias -- to stop it
        exporter = this;
      }
    }
    await run('Metrics for Prometheus', {
      metrics,
      PrometheusExporter: FreePort,
      MeterProvider,
      recordMetrics: () => {
        const stop = recordMetrics();
        stops.push(stop);
        return stop;
      },
    });
    const alice = await kit.signIn('alice');
    await alice.me().expect(200);
    const { _server: server } = exporter as unknown as { _server: Server };
    const text = await eventually(async () => {
      const address = server.address();
      if (typeof address !== 'object' || address === null) throw new Error('not listening yet');
      return (await fetch(`http://127.0.0.1:${address.port}/metrics`)).text();
    });
    expect(text).toContain('wallet_session_requests_total{outcome="admitted"');
    for (const stop of stops) stop();
    await exporter?.shutdown();
    metrics.disable();
  });
});

describe('The table of time-outs', () => {
  const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, min: 6e4, h: 36e5 };
  const rows = [
    ...page.matchAll(/^\|.*\| ([\d.]+) (ms|s|min|h) +\| `([\w/-]+\.ts)` `(\w+)` +\|$/gm),
  ].map(([, value, unit = '', file = '', name = '']) => ({
    file,
    name,
    ms: Number(value) * (UNITS[unit] ?? NaN),
  }));

  /** The constants of lib that are durations, by `file NAME`, in milliseconds. */
  const constants = new Map(
    readdirSync('lib', { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => file.endsWith('.ts') && !/^(testing|client)\//.test(file))
      .flatMap((file) =>
        [
          ...readFileSync(join('lib', file), 'utf8').matchAll(
            /^(?:export )?const (\w+_(MS|SECONDS)) = ([\d_]+);$/gm,
          ),
        ].map(
          ([, name = '', unit, number = '']) =>
            [
              `${file} ${name}`,
              Number(number.replaceAll('_', '')) * (unit === 'MS' ? 1 : 1000),
            ] as [string, number],
        ),
      ),
  );
  /** Bounds of numbers, and not of waiting. */
  const NO_TIMEOUTS = ['clock.ts MAX_DATE_SECONDS', 'parse-options.ts MAX_SECONDS'];

  it.each(rows.map((row) => [`${row.file} ${row.name}`, row.ms] as const))(
    'has the value of %s',
    (name, ms) => {
      expect(constants.get(name)).toBe(ms);
    },
  );

  it('has each of them', () => {
    const named = new Set(rows.map(({ file, name }) => `${file} ${name}`));
    const missing = [...constants.keys()].filter(
      (name) => !named.has(name) && !NO_TIMEOUTS.includes(name) && !name.endsWith(' MAX_MS'),
    );
    expect([rows.length > 30, missing]).toEqual([true, []]);
  });
});

describe('The page', () => {
  it('has each event and each metric', () => {
    const source = readFileSync('lib/events/session-event.ts', 'utf8');
    const types = [...source.matchAll(/'(\w+\.\w+)'/g)].map(([, type = '']) => type);
    expect(new Set(types).size).toBe(18);
    expect(types.filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
    const recording = readFileSync('lib/opentelemetry.ts', 'utf8');
    const names = [
      ...recording.matchAll(/(?:count|time)\('([\w.]+)'|'wallet_session\.([\w.]+)'/g),
    ].map(([, counted, gauge]) => counted ?? gauge ?? '');
    expect(names).toHaveLength(8);
    expect(names.filter((name) => !page.includes(`\`wallet_session.${name}\``))).toEqual([]);
  });

  it('prints events that are JSON, in the order of the story', () => {
    const block = /```json\n(.*?)```/s.exec(page)?.[1] ?? '';
    const events = block
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as SessionEvent);
    expect(events.map(({ type }) => type)).toEqual([
      'mfa.refused',
      'mfa.started',
      'mfa.passed',
      'approval.requested',
      'approval.approved',
      'approval.spent',
      'session.signed_out',
    ]);
  });

  it('links to headings that exist', () => {
    const slug = (heading: string): string =>
      heading
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .trim()
        .replaceAll(/\s/g, '-');
    const links = [...page.matchAll(/\]\(([\w./-]*)#([\w-]+)\)/g)];
    expect(links.length).toBeGreaterThan(5);
    for (const [, file = '', anchor] of links) {
      const text = file === '' ? page : readFileSync(join('docs', file), 'utf8');
      const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => slug(heading));
      expect(headings).toContain(anchor);
    }
  });
});
