/**
 * Metrics for OpenTelemetry, from the events and measurements of every `createSessions()` in the
 * process. The only file that knows `@opentelemetry/api`, which is an optional peer.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { metrics, type Attributes, type MeterProvider } from '@opentelemetry/api';
import { EVENTS } from './events/channel.js';
import { gaugeSources, MEASUREMENTS, type Measurement } from './events/measurements.js';
import type { SessionEvent } from './events/session-event.js';
import { ConfigurationError, OptionReader } from './option-reader.js';
import { isRecord } from './type-guards.js';

/** Options of `recordMetrics()`. */
export interface RecordMetricsOptions {
  /**
   * The provider of the meter.
   * @defaultValue the global one, as it is when `recordMetrics()` is called
   */
  readonly meterProvider?: MeterProvider | undefined;
}

/** In seconds: a verification takes a tenth of a millisecond, a store may take its limit of 1 s. */
const BUCKETS = [
  ...[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005],
  ...[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
];

/**
 * Records metrics named `wallet_session.*` of all sessions in the process. Their attributes are
 * `outcome`, `error.type` and `verb`, each of a few values, and never an id. Call it once, after the
 * SDK has registered its provider.
 *
 * @returns a function that stops it
 * @throws ConfigurationError
 * @see {@link https://opentelemetry.io/docs/specs/otel/metrics/api/ | OpenTelemetry Metrics API}
 *
 * @example
 * import { recordMetrics } from 'express-wallet-session/opentelemetry';
 * const stop = recordMetrics();
 * process.on('SIGTERM', () => stop());
 */
export function recordMetrics(options?: RecordMetricsOptions): () => void {
  const meter = parseProvider(options).getMeter('express-wallet-session');
  const count = (name: string, description: string) =>
    meter.createCounter(`wallet_session.${name}`, { description });
  const time = (name: string, description: string) =>
    meter.createHistogram(`wallet_session.${name}`, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: BUCKETS },
    });

  const requests = count('requests', 'Requests and checks, by outcome');
  const mfaChecks = count('mfa.checks', 'Checks of requireMfa(), by outcome');
  const approvals = count('approvals', 'Steps of approvals, by outcome');
  const verification = time('verification.duration', 'Verification of tokens not remembered');
  const store = time('store.duration', 'Calls of the store');
  const keyFetches = time('key_fetch.duration', 'Fetches of keys');
  const keysAge = meter.createObservableGauge('wallet_session.keys.age', {
    description: 'Age of the oldest keys in use',
    unit: 's',
  });
  const remembered = meter.createObservableUpDownCounter('wallet_session.tokens.remembered', {
    description: 'Verified tokens that are remembered',
  });

  const onEvent = (message: unknown): void => {
    const event = message as SessionEvent;
    switch (event.type) {
      case 'session.admitted':
        requests.add(1, { outcome: 'admitted' });
        break;
      case 'session.refused':
        requests.add(1, { outcome: 'refused', 'error.type': event.errorType });
        break;
      case 'mfa.passed':
        mfaChecks.add(1, { outcome: 'passed' });
        break;
      case 'mfa.refused':
        mfaChecks.add(1, { outcome: 'refused', 'error.type': event.errorType });
        break;
      case 'approval.requested':
      case 'approval.approved':
      case 'approval.refused':
      case 'approval.denied':
      case 'approval.spent':
        approvals.add(1, { outcome: event.type.slice('approval.'.length) });
        break;
      case 'keys.fetched':
      case 'keys.failed':
        keyFetches.record(event.durationMs / 1000, {
          outcome: event.type === 'keys.fetched' ? 'succeeded' : 'failed',
        });
        break;
    }
  };

  const onMeasurement = (message: unknown): void => {
    const measurement = message as Measurement;
    switch (measurement.name) {
      case 'anonymous':
        requests.add(1, { outcome: 'anonymous' });
        break;
      case 'verification':
        verification.record(measurement.durationMs / 1000, outcomeOf(measurement.errorType));
        break;
      case 'store': {
        const { verb, isGood, durationMs } = measurement;
        store.record(durationMs / 1000, { verb, outcome: isGood ? 'succeeded' : 'failed' });
        break;
      }
    }
  };

  const observeAge = (result: { observe(value: number): void }): void => {
    const ages = gaugeSources().map(({ keysAgeSeconds }) => keysAgeSeconds);
    const known = ages.filter((age) => age !== undefined);
    if (known.length > 0) result.observe(Math.max(...known));
  };
  const observeRemembered = (result: { observe(value: number): void }): void => {
    const counts = gaugeSources().map(({ tokensRemembered = 0 }) => tokensRemembered);
    result.observe(counts.reduce((sum, one) => sum + one, 0));
  };

  keysAge.addCallback(observeAge);
  remembered.addCallback(observeRemembered);
  subscribe(EVENTS, onEvent);
  subscribe(MEASUREMENTS, onMeasurement);
  return function stopRecording() {
    unsubscribe(EVENTS, onEvent);
    unsubscribe(MEASUREMENTS, onMeasurement);
    keysAge.removeCallback(observeAge);
    remembered.removeCallback(observeRemembered);
  };
}

function outcomeOf(errorType: string | undefined): Attributes {
  return errorType === undefined
    ? { outcome: 'succeeded' }
    : { outcome: 'failed', 'error.type': errorType };
}

function parseProvider(options: unknown): MeterProvider {
  const complaints: string[] = [];
  const read = new OptionReader<RecordMetricsOptions>('recordMetrics()', options, complaints);
  const given = read.value('meterProvider');
  if (given !== undefined && !(isRecord(given) && typeof given.getMeter === 'function')) {
    read.complain('`meterProvider` must be a MeterProvider of OpenTelemetry.');
  }
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return (given as MeterProvider | undefined) ?? metrics.getMeterProvider();
}
