/**
 * The metrics by the real SDK of OpenTelemetry: in memory, and as Prometheus scrapes them.
 */
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { ConfigurationError } from 'express-wallet-session';
import { recordMetrics } from 'express-wallet-session/opentelemetry';
import { PaymentClient } from '../support/payment-client.js';
import { payments } from '../support/payments.js';
import { testStore, throwing } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { WalletClient } from '../support/wallet-client.js';
import { startPrometheus, type Prometheus } from './prometheus.js';

const kit = useTestIssuer({ authentication: 'custom' });

/** Each metric once at least, over two `createSessions()`. */
async function use(): Promise<void> {
  kit.issuer.setOutage(false);
  const store = testStore();
  const { accessToken } = await kit.issuer.signIn('alice');
  const api = kit.api({ store }, payments());
  const anonymous = kit.api({ required: false });
  const alice = new WalletClient(api, accessToken);
  await alice.me().expect(200);
  await alice.transfer().expect(403);
  await alice.verifyMfa().expect(200);
  await alice.transfer().expect(201);
  const payer = new PaymentClient(api, accessToken);
  await payer.pay(await payer.askAndApprove()).expect(201);
  await payer.approve(await payer.ask(), '000000').expect(422);
  await payer.deny(await payer.ask()).expect(200);
  await new WalletClient(anonymous).send('get', '/nothing').expect(404);
  await new WalletClient(anonymous, accessToken).me().expect(200);
  await new WalletClient(api, await kit.issuer.sign({ aud: 'x' })).me().expect(401);
  kit.issuer.setOutage(true);
  await kit
    .sessions()
    .refreshKeys()
    .catch(() => undefined);
  store.fault = () => throwing(new Error('down'));
  await alice.me().expect(503);
  store.fault = () => undefined;
  kit.clock.advance(30);
}

describe('recordMetrics()', () => {
  let exporter: InMemoryMetricExporter;
  let reader: PeriodicExportingMetricReader;
  let meterProvider: MeterProvider;

  beforeEach(() => {
    exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    meterProvider = new MeterProvider({ readers: [reader] });
  });

  afterEach(async () => {
    metrics.disable();
    await meterProvider.shutdown();
  });

  async function collect(): Promise<MetricData[]> {
    exporter.reset();
    await reader.forceFlush();
    return exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap((scope) => scope.metrics);
  }

  async function valuesOf(name: string): Promise<unknown[]> {
    const metric = (await collect()).find(({ descriptor }) => descriptor.name === name);
    return (metric?.dataPoints ?? []).map(({ attributes, value }) => [
      attributes,
      typeof value === 'object' ? (value as { count: number }).count : value,
    ]);
  }

  it('counts requests, checks and steps of approvals of every createSessions()', async () => {
    const stop = recordMetrics({ meterProvider });
    await use();
    const refused = { outcome: 'refused' };
    expect(await valuesOf('wallet_session.requests')).toEqual([
      [{ outcome: 'admitted' }, 12],
      [{ outcome: 'anonymous' }, 1],
      [{ ...refused, 'error.type': 'token_invalid' }, 1],
      [{ ...refused, 'error.type': 'store_unavailable' }, 1],
    ]);
    expect(await valuesOf('wallet_session.mfa.checks')).toEqual([
      [{ ...refused, 'error.type': 'mfa_required' }, 1],
      [{ outcome: 'passed' }, 1],
    ]);
    expect(await valuesOf('wallet_session.approvals')).toEqual([
      [{ outcome: 'requested' }, 3],
      [{ outcome: 'approved' }, 1],
      [{ outcome: 'spent' }, 1],
      [refused, 1],
      [{ outcome: 'denied' }, 1],
    ]);
    stop();
  });

  it('times verifications, calls of the store and fetches of keys in seconds', async () => {
    const stop = recordMetrics({ meterProvider });
    await use();
    const data = await collect();
    const timed = data.filter(({ descriptor }) => descriptor.name.endsWith('.duration'));
    expect(timed.map(({ descriptor }) => [descriptor.name, descriptor.unit]).sort()).toEqual([
      ['wallet_session.key_fetch.duration', 's'],
      ['wallet_session.store.duration', 's'],
      ['wallet_session.verification.duration', 's'],
    ]);
    expect(await valuesOf('wallet_session.verification.duration')).toEqual([
      [{ outcome: 'succeeded' }, 2],
      [{ outcome: 'failed', 'error.type': 'token_invalid' }, 1],
    ]);
    expect(await valuesOf('wallet_session.key_fetch.duration')).toEqual([
      [{ outcome: 'succeeded' }, 2],
      [{ outcome: 'failed' }, 1],
    ]);
    const [failed] = (await valuesOf('wallet_session.store.duration')).filter(
      (one) => (one as [{ outcome: string }])[0].outcome === 'failed',
    );
    expect(failed).toEqual([{ verb: 'read', outcome: 'failed' }, 1]);
    stop();
  });

  it('has attributes of few values, and no id among them', async () => {
    const stop = recordMetrics({ meterProvider });
    await use();
    const points = (await collect()).flatMap(({ dataPoints }) => dataPoints as unknown[]) as {
      attributes: object;
    }[];
    const names = new Set(points.flatMap(({ attributes }) => Object.keys(attributes)));
    expect([...names].sort()).toEqual(['error.type', 'outcome', 'verb']);
    expect(JSON.stringify(points)).not.toContain('alice');
    stop();
  });

  it('shows the age of the keys and the remembered tokens at the time of the scrape', async () => {
    const before = kit.sessions();
    await before.ready();
    const stop = recordMetrics({ meterProvider });
    kit.clock.advance(100);
    const { accessToken } = await kit.issuer.signIn('alice');
    const [[, remembered]] = (await valuesOf('wallet_session.tokens.remembered')) as [
      [object, number],
    ];
    await before.authenticateToken(accessToken);
    expect(await valuesOf('wallet_session.tokens.remembered')).toEqual([[{}, remembered + 1]]);
    const [[, age]] = (await valuesOf('wallet_session.keys.age')) as [[object, number]];
    expect(age).toBeGreaterThanOrEqual(100);
    stop();
  });

  it('uses the global provider, and records nothing after it was stopped', async () => {
    metrics.setGlobalMeterProvider(meterProvider);
    const stop = recordMetrics();
    await use();
    const names = ['requests', 'mfa.checks', 'approvals', 'keys.age', 'store.duration'];
    const all = () => Promise.all(names.map((name) => valuesOf(`wallet_session.${name}`)));
    const before = await all();
    stop();
    await use();
    expect(await all()).toEqual(before);
  });

  it('refuses what is no provider, and options that there are not', () => {
    expect(() => recordMetrics({ meterProvider: {} as never })).toThrow(ConfigurationError);
    expect(() => recordMetrics({ provider: meterProvider } as never)).toThrow(ConfigurationError);
  });
});

describe('Prometheus', () => {
  let prometheus: Prometheus;

  beforeEach(async () => {
    prometheus = await startPrometheus();
  });

  afterEach(() => prometheus.stop());

  it('scrapes counters, histograms in seconds and gauges', async () => {
    await use();
    const lines = (await prometheus.scrape()).map((line) =>
      line.replace(/otel_scope_[^,}]*,?/g, ''),
    );
    const value = (start: string): string | undefined =>
      lines.find((line) => line.startsWith(start))?.split(' ')[1];
    expect(value('wallet_session_requests_total{outcome="admitted"')).toBe('12');
    expect(
      value('wallet_session_requests_total{outcome="refused",error_type="token_invalid"'),
    ).toBe('1');
    expect(value('wallet_session_mfa_checks_total{outcome="passed"')).toBe('1');
    expect(value('wallet_session_approvals_total{outcome="spent"')).toBe('1');
    expect(value('wallet_session_verification_duration_count{outcome="succeeded"')).toBe('2');
    expect(
      value('wallet_session_store_duration_bucket{verb="read",outcome="succeeded"'),
    ).toBeDefined();
    expect(value('wallet_session_key_fetch_duration_count{outcome="failed"')).toBe('1');
    expect(Number(value('wallet_session_keys_age'))).toBeGreaterThanOrEqual(30);
    expect(Number(value('wallet_session_tokens_remembered'))).toBeGreaterThan(0);
  });
});
