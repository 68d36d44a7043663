/**
 * The id of a challenge and the store keys that follow from it: pure functions.
 *
 * An id is the number of a slot and a secret of 32 bytes. The store has the hash of the id only, so
 * a listing of keys and values holds no id that could be sent.
 */
import { hash, randomBytes } from 'node:crypto';

/** The slots for open challenges of one user or session. A new challenge may take over a slot. */
export const SLOTS = 256;

export interface ChallengeId {
  readonly id: string;
  readonly slot: number;
  /** SHA-256 of the id, base64url. */
  readonly idHash: string;
}

export function createChallengeId(slot: number): ChallengeId {
  return named(`${slot}.${randomBytes(32).toString('base64url')}`, slot);
}

/** The id, if it is well-formed. */
export function parseChallengeId(given: unknown): ChallengeId | undefined {
  const match = typeof given === 'string' ? ID.exec(given) : null;
  const slot = Number(match?.[1]);
  return match !== null && slot < SLOTS ? named(match[0], slot) : undefined;
}

const ID = /^(0|[1-9][0-9]{0,2})\.[A-Za-z0-9_-]{43}$/;

function named(id: string, slot: number): ChallengeId {
  return { id, slot, idHash: hash('sha256', JSON.stringify(['challenge', id]), 'base64url') };
}

/** The places of a challenge in the order of its life. Each state has a key of its own. */
export interface ChallengeKeys {
  /** Open: waits for `approve()` or `deny()`. */
  readonly open: string;
  /** Claimed by an `approve()`: first still to be verified, then approved. */
  readonly claimed: string;
  /** Spent on a request, or denied while its verifier is at work. */
  readonly spent: string;
  /** Denied otherwise, until it is removed. */
  readonly denied: string;
}

/** @param room the key prefix of a user or session, see `approvalRoomKey()` */
export function challengeKeys(room: string, { slot, idHash }: ChallengeId): ChallengeKeys {
  return {
    open: slotKey(room, slot),
    claimed: `${room}:claimed:${idHash}`,
    spent: `${room}:spent:${idHash}`,
    denied: `${room}:denied:${idHash}`,
  };
}

export function slotKey(room: string, slot: number): string {
  return `${room}:open:${slot}`;
}
