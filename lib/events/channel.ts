/**
 * The channel of the events. Nothing is built unless somebody listens.
 */
import { channel } from 'node:diagnostics_channel';
import type { SessionIds } from '../refusal-note.js';
import type { EventFacts } from './session-event.js';

export const EVENTS = 'express-wallet-session';
const events = channel(EVENTS);

/** Whether anybody subscribes to the events. */
export function hasSubscribers(): boolean {
  return events.hasSubscribers;
}

/** Facts whose members may be undefined, which are left out. */
export type Loose<T> = T extends unknown
  ? { readonly [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] }
  : never;

/**
 * Publishes a frozen copy.
 *
 * @param ids of a token whose signature was verified, and of nothing else
 */
export function publish(
  at: number,
  facts: Loose<EventFacts>,
  ids?: SessionIds,
  correlationId?: string,
): void {
  if (!events.hasSubscribers) return;
  const event: Record<string, unknown> = { type: facts.type, at };
  if (ids !== undefined) {
    const { issuer, userId, sessionId, tokenId } = ids;
    if (issuer !== undefined) event.issuer = issuer;
    if (userId !== undefined) event.userId = userId;
    if (sessionId !== undefined) event.sessionId = sessionId;
    if (tokenId !== undefined) event.tokenId = tokenId;
  }
  if (correlationId !== undefined) event.correlationId = correlationId;
  for (const [name, value] of Object.entries(facts)) {
    if (value !== undefined) event[name] = frozenCopy(value);
  }
  events.publish(Object.freeze(event));
}

/** Of a value that JSON can hold. */
function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  const copies = Object.entries(value).map(([name, inside]) => [name, frozenCopy(inside)]);
  return Object.freeze(Object.fromEntries(copies));
}
