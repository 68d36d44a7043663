/**
 * The encoding of records: JSON with a version. A record names its own expiry, which counts; the
 * expiry of the store is housekeeping.
 */
import { isRecord } from '../type-guards.js';

/** The fields of a record, and its expiry in milliseconds since the epoch. */
export type StoredRecord = Readonly<Record<string, unknown>> & { readonly expiresAt: number };

const VERSION = 1;

export function encodeRecord(record: StoredRecord): string {
  return JSON.stringify({ v: VERSION, ...record });
}

/** A record of this version; undefined for anything else. */
export function decodeRecord(text: string): StoredRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isRecord(value) && value.v === VERSION && isTime(value.expiresAt)
    ? (value as StoredRecord)
    : undefined;
}

/** Milliseconds that a `Date` can hold. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15;
}
