/**
 * The real SDK of OpenTelemetry with its Prometheus exporter, scraped as Prometheus would.
 */
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { recordMetrics } from 'express-wallet-session/opentelemetry';
import { listen } from '../support/listen.js';

export interface Prometheus {
  /** The lines of the library, without comments. */
  scrape(): Promise<string[]>;
  /** Stops recording. */
  readonly stopRecording: () => void;
  stop(): Promise<void>;
}

export async function startPrometheus(): Promise<Prometheus> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ readers: [exporter] });
  const stopRecording = recordMetrics({ meterProvider });
  const server = await listen((req, res) => {
    exporter.getMetricsRequestHandler(req, res);
  });
  return {
    stopRecording,
    async scrape() {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return text.split('\n').filter((line) => line.startsWith('wallet_session_'));
    },
    async stop() {
      stopRecording();
      await server.close();
      await meterProvider.shutdown();
    },
  };
}
