/**
 * Challenges that a user approves or denies. An `approve()` claims its challenge by one atomic `move`
 * before its verifier runs, so each challenge is one attempt.
 */
import type { Clock } from '../clock.js';
import { SessionError } from '../errors.js';
import { isOver } from '../events/session-reports.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { MfaProof } from '../mfa/mfa-sessions.js';
import type { SessionStore } from '../store/session-store.js';
import { approvalOf, approve, challengeOf, isInForce, readProof } from './approval-policy.js';
import { challengeKeys, parseChallengeId } from './challenge-id.js';
import type { ChallengeId, ChallengeKeys } from './challenge-id.js';
import type { ChallengeOwner, ReportedChallenge } from './challenge-owner.js';
import { decodeChallenge, encodeChallenge, secondsToKeep } from './challenge-record.js';
import type { ChallengeRecord } from './challenge-record.js';
import type { MfaApproval, MfaChallenge } from './mfa-approval.js';

/** Verifies a factor: a proof, or `false` or `undefined` if it was not verified. */
export type FactorVerifier = (
  challenge: MfaChallenge,
) => MaybePromise<MfaProof | false | undefined>;

/** The value of a denied approval, and its life: longer than that of any approval in the making. */
const DENIED = 'denied';
const DENIED_SECONDS = 3_600;

interface OpenChallenge {
  readonly id: ChallengeId;
  readonly keys: ChallengeKeys;
  readonly text: string;
  readonly record: ChallengeRecord;
}

export class Challenges {
  readonly #store: SessionStore;
  readonly #clock: Clock;

  constructor(store: SessionStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The pending challenge of this id, if there is one. @throws SessionError if the session is over */
  async find(owner: ChallengeOwner, givenId: unknown): Promise<MfaChallenge | undefined> {
    const found = await this.#findOpen(owner, givenId);
    return found && challengeOf(found.record, found.id, owner);
  }

  /**
   * Claims a challenge, verifies the factor and stores the approval.
   *
   * @throws SessionError `mfa_flow_expired` or `mfa_invalid_code`, and if the session is over
   * @throws TypeError for a verifier that is none, or that returns anything else than a proof
   */
  async approve(
    owner: ChallengeOwner,
    givenId: unknown,
    verify: FactorVerifier,
  ): Promise<MfaApproval> {
    if (typeof verify !== 'function') {
      throw new TypeError(
        'mfa.approve(id, verify): `verify` must be a function that verifies the factor and returns { method, acr? }.',
      );
    }
    const found = await this.#findOpen(owner, givenId);
    if (found === undefined || !(await this.#claim(found))) {
      owner.report('approval.refused', found && reportedOf(found.record, found.id));
      throw new SessionError('mfa_flow_expired');
    }
    const { claimed, spent } = found.keys;
    let left = [claimed, spent];
    try {
      const { record, approval, nowMs } = await this.#verify(owner, found, verify);
      // A write that fails may be done late, and a denial has to hold it up.
      left = [claimed];
      await this.#store.write(claimed, encodeChallenge(record), secondsToKeep(record, nowMs));
      owner.report('approval.approved', approval);
      return approval;
    } catch (error) {
      // That the session is over is told alone.
      if (!(error instanceof SessionError && isOver(error))) {
        owner.report('approval.refused', reportedOf(found.record, found.id));
      }
      // The challenge is spent in any case, and the reason matters more than a record that expires.
      for (const key of left) await this.#removeQuietly(key);
      throw error;
    }
  }

  /** Withdraws a challenge or an approval, unless it is spent. @throws SessionError */
  async deny(owner: ChallengeOwner, givenId: unknown): Promise<void> {
    const found = await this.#findOpen(owner, givenId);
    if (found !== undefined) {
      const facts = reportedOf(found.record, found.id);
      if (await this.#withdraw(owner, found.keys.open, found.keys, facts)) return;
    }
    const id = parseChallengeId(givenId);
    if (id === undefined) return;
    const keys = challengeKeys(owner.room, id);
    const [text] = await this.#store.read([keys.claimed]);
    if (text === undefined) return;
    const record = decodeChallenge(text);
    const facts = reportedOf(record, id);
    if (record?.approved !== undefined) {
      await this.#withdraw(owner, keys.claimed, keys, facts);
      return;
    }
    // A spend moves to this key, also that of an approval which a verifier has yet to bring.
    await this.#store.write(keys.spent, DENIED, DENIED_SECONDS, { keep: true });
    owner.report('approval.denied', facts);
    await this.#store.remove(keys.claimed);
  }

  /** Takes a record away that nothing will be written over; false if it has just gone. */
  async #withdraw(
    { report }: ChallengeOwner,
    from: string,
    { denied }: ChallengeKeys,
    facts: ReportedChallenge,
  ): Promise<boolean> {
    if (!(await this.#store.move(from, denied))) return false;
    report('approval.denied', facts);
    await this.#store.remove(denied);
    return true;
  }

  async #findOpen(owner: ChallengeOwner, givenId: unknown): Promise<OpenChallenge | undefined> {
    const id = parseChallengeId(givenId);
    if (id === undefined) {
      await owner.read([]);
      return undefined;
    }
    const keys = challengeKeys(owner.room, id);
    const { values, ends } = await owner.read([keys.open]);
    const [text] = values;
    const record = decodeChallenge(text);
    if (text === undefined || record === undefined || record.approved !== undefined) {
      return undefined;
    }
    const present = { nowMs: this.#clock(), ends };
    return isInForce(record, id, present) ? { id, keys, text, record } : undefined;
  }

  /** False if another call was first, or the slot was given to another challenge meanwhile. */
  async #claim({ keys, text }: OpenChallenge): Promise<boolean> {
    if (!(await this.#store.move(keys.open, keys.claimed))) return false;
    const [moved] = await this.#store.read([keys.claimed]);
    if (moved === text) return true;
    await this.#store.remove(keys.claimed);
    return false;
  }

  /** Verifies the factor, and gives the approval that is to be stored. */
  async #verify(
    owner: ChallengeOwner,
    { id, keys, record: challenge }: OpenChallenge,
    verify: FactorVerifier,
  ): Promise<{ record: ChallengeRecord; approval: MfaApproval; nowMs: number }> {
    const proof: unknown = await verify(challengeOf(challenge, id, owner));
    const factor = readProof(proof, challenge);
    if (factor === undefined) {
      await this.#store.remove(keys.claimed);
      throw new SessionError('mfa_invalid_code');
    }
    // A verification takes time, in which the user may have denied the challenge or ended all MFA.
    const { values, ends } = await owner.read([keys.spent]);
    const nowMs = this.#clock();
    const record = approve(challenge, factor, nowMs);
    const approval = approvalOf(record, id);
    const isDenied = values[0] !== undefined;
    if (isDenied || approval === undefined || !isInForce(record, id, { nowMs, ends })) {
      throw new SessionError('mfa_flow_expired');
    }
    return { record, approval, nowMs };
  }

  async #removeQuietly(key: string): Promise<void> {
    try {
      await this.#store.remove(key);
    } catch {
      // It expires.
    }
  }
}

/** @param record undefined if it cannot be read, or is of another challenge */
function reportedOf(
  record: ChallengeRecord | undefined,
  { id, idHash }: ChallengeId,
): ReportedChallenge {
  if (record?.idHash !== idHash) return {};
  const { digest, description, approved } = record;
  return {
    challengeId: id,
    digest,
    description,
    ...(approved !== undefined && { method: approved.method, acr: approved.acr }),
  };
}
