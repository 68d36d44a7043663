/**
 * The store's half of `ready()`: a round trip of all verbs, over keys as requests use them. It
 * finds more than a read would: a cluster behind a client for one server, a read-only replica, commands
 * that an ACL denies, a full server, and a client that alters values.
 */
import { randomUUID } from 'node:crypto';
import { SessionError } from '../errors.js';
import type { SessionStore } from './session-store.js';

/**
 * Round trips at once, of which one has to succeed, each in slots of its own: with one node of a
 * cluster gone, the process can still serve the users of the others.
 */
const ROUND_TRIPS = 12;

/** If the process ends in between, the entries are gone soon. */
const TTL_SECONDS = 60;

/** Digits and JSON, which some clients turn into numbers and objects. */
const VALUE = '{"v":1}';
const LOWER = '0000000000001';
const GREATER = '0000000000002';

/**
 * @param store behind a time limit
 * @throws SessionError `store_unavailable` with the failure as its cause
 */
export async function checkStore(store: SessionStore): Promise<void> {
  const roundTrips = Array.from({ length: ROUND_TRIPS }, () => roundTrip(store));
  try {
    await Promise.any(roundTrips);
  } catch (error) {
    throw (error as AggregateError).errors[0];
  }
}

/** Two hash tags, as the records of a user and of a session have. */
async function roundTrip(store: SessionStore): Promise<void> {
  const [user, session] = [`{ready-${randomUUID()}}`, `{ready-${randomUUID()}}`];
  const [written, moved, added] = [`${user}:written`, `${user}:moved`, `${user}:added`];
  const raised = `${session}:raised`;

  await store.write(written, VALUE, TTL_SECONDS, { keep: true });
  await store.raise(raised, GREATER, TTL_SECONDS);
  await store.raise(raised, LOWER, TTL_SECONDS);
  const isFirst = await store.add(added, TTL_SECONDS);
  const isSecond = await store.add(added, TTL_SECONDS);
  const before = await store.read([written, raised, moved]);
  const isMoved = await store.move(written, moved);
  const isMovedAgain = await store.move(written, moved);
  const after = await store.read([written, moved]);
  for (const key of [raised, moved, added]) await store.remove(key);
  const atLast = await store.read([raised, moved]);

  expect('write', before[0] === VALUE && before[2] === undefined);
  expect('raise', before[1] === GREATER);
  expect('add', isFirst && !isSecond);
  expect('move', isMoved && !isMovedAgain && after[0] === undefined && after[1] === VALUE);
  expect('remove', atLast[0] === undefined && atLast[1] === undefined);
}

function expect(verb: string, isTrue: boolean): void {
  if (isTrue) return;
  const cause = new Error(
    `the store's \`${verb}\` did not have the effect it must have; describeStore() of express-wallet-session/testing tests a store in full`,
  );
  throw new SessionError('store_unavailable', { cause });
}
