/**
 * What metrics need beside the events: durations of what went well, and the present state. Like the
 * events it is free while nobody listens.
 */
import { channel } from 'node:diagnostics_channel';
import type { ErrorType } from '../protocol.js';
import type { StoreVerb } from './session-event.js';

export const MEASUREMENTS = 'express-wallet-session:measurements';
const measurements = channel(MEASUREMENTS);

/** One thing that was measured. */
export type Measurement =
  | { readonly name: 'anonymous' }
  | {
      readonly name: 'verification';
      readonly durationMs: number;
      /** Undefined if the token was good; `_OTHER` is OpenTelemetry's word for the rest. */
      readonly errorType: ErrorType | '_OTHER' | undefined;
    }
  | {
      readonly name: 'store';
      readonly verb: StoreVerb;
      readonly durationMs: number;
      readonly isGood: boolean;
    };

export function isMeasured(): boolean {
  return measurements.hasSubscribers;
}

export function measure(measurement: Measurement): void {
  measurements.publish(measurement);
}

/** A part of the library that has a state to show. */
export interface GaugeSource {
  /** How many verified tokens are remembered. */
  readonly tokensRemembered?: number;
  /** The age of the keys in use; undefined if there are none. */
  readonly keysAgeSeconds?: number | undefined;
}

// Weak, so that sessions that are dropped are collected.
const sources = new Set<WeakRef<GaugeSource>>();
const forgotten = new FinalizationRegistry<WeakRef<GaugeSource>>((source) => {
  sources.delete(source);
});

export function addGaugeSource(source: GaugeSource): void {
  const reference = new WeakRef(source);
  sources.add(reference);
  forgotten.register(source, reference);
}

export function gaugeSources(): GaugeSource[] {
  return [...sources].map((source) => source.deref()).filter((source) => source !== undefined);
}
