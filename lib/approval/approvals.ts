/**
 * Refuses an operation with a challenge, and spends its approval. Each change of state is one atomic
 * `move`, so a stale read may refuse a request but never admit one.
 */
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.js';
import { SessionError } from '../errors.js';
import type { MaybePromise } from '../maybe-promise.js';
import { matches, type FactorPolicy } from '../mfa/mfa-policy.js';
import type { JsonValue } from '../protocol.js';
import type { SessionStore } from '../store/session-store.js';
import {
  approvalOf,
  approvalRequired,
  isFree,
  isInForce,
  type Present,
} from './approval-policy.js';
import {
  challengeKeys,
  createChallengeId,
  parseChallengeId,
  slotKey,
  SLOTS,
  type ChallengeId,
} from './challenge-id.js';
import type { ChallengeOwner } from './challenge-owner.js';
import { decodeChallenge, encodeChallenge, secondsToKeep } from './challenge-record.js';
import type { ChallengeRecord } from './challenge-record.js';
import type { RequestTarget } from './digest.js';
import type { MfaApproval } from './mfa-approval.js';

/** An operation that needs an approval. */
export interface ProtectedOperation {
  readonly digest: string;
  readonly request: RequestTarget | undefined;
  readonly policy: FactorPolicy;
  /** Anything but `false` counts as enrolled. */
  readonly isEnrolled: () => unknown;
  /** Called only if a challenge is made. */
  readonly describe: () => MaybePromise<JsonValue>;
}

/** The keys that decide about a request. They may be read before the operation is known. */
export interface ApprovalLookup {
  /** The challenge that the request names, if its id is well-formed. */
  readonly challenge: ChallengeId | undefined;
  /** The slots that a new challenge may take. */
  readonly slots: readonly number[];
  /** The keys of the slots, then those of the challenge. */
  readonly keys: readonly string[];
}

const SLOTS_LOOKED_AT = 8;
/** The distance between the slots that a refusal looks at. */
const SLOT_STRIDE = 37;

export class Approvals {
  readonly #store: SessionStore;
  readonly #clock: Clock;
  readonly #challengeSeconds: number;
  /** Refusals in a row begin at different slots, those of two processes in another order. */
  readonly #step = 2 * randomInt(SLOTS / 2) + 1;
  #nextSlot = randomInt(SLOTS);

  constructor(store: SessionStore, clock: Clock, rules: { readonly challengeSeconds: number }) {
    this.#store = store;
    this.#clock = clock;
    this.#challengeSeconds = rules.challengeSeconds;
  }

  /** @param givenId of the request; any value that is no id counts as unknown */
  lookUp(room: string, givenId: unknown): ApprovalLookup {
    const first = this.#nextSlot;
    this.#nextSlot = (first + this.#step) % SLOTS;
    const slots = Array.from(
      { length: SLOTS_LOOKED_AT },
      (_, index) => (first + index * SLOT_STRIDE) % SLOTS,
    );
    const keys = slots.map((slot) => slotKey(room, slot));
    const challenge = parseChallengeId(givenId);
    if (challenge !== undefined) {
      // In the order of its life: a store that reads one after the other misses no state.
      const { open, claimed } = challengeKeys(room, challenge);
      keys.push(open, claimed);
    }
    return { challenge, slots, keys };
  }

  /**
   * Spends the approval of an operation. Undefined if the user is not enrolled and the route allows
   * that.
   *
   * @throws SessionError `mfa_required` with a challenge, if there is no approval
   */
  async require(
    owner: ChallengeOwner,
    { challenge: id, slots, keys }: ApprovalLookup,
    operation: ProtectedOperation,
  ): Promise<MfaApproval | undefined> {
    const { values, ends } = await owner.read(keys);
    const present: Present = { nowMs: this.#clock(), ends };
    const records = values.map(decodeChallenge);
    if (id !== undefined) {
      const [open, claimed] = records.slice(slots.length);
      const found = [claimed, open].find(
        (one) => one?.digest === operation.digest && isInForce(one, id, present),
      );
      if (found !== undefined && found.approved === undefined) {
        throw approvalRequired(found, id, present.nowMs);
      }
      const approval = found && (await this.#spend(owner, id, found, operation.policy));
      if (approval !== undefined) {
        owner.report('approval.spent', approval);
        return approval;
      }
    }
    const { enrolled, cause } = await enrolmentOf(operation);
    if (enrolled === false) {
      const { methods, acr, whenNotEnrolled } = operation.policy;
      if (whenNotEnrolled === 'allow') return undefined;
      throw new SessionError('mfa_not_enrolled', { mfa: { methods, acr } });
    }
    const slot = chooseSlot(slots, records, present);
    throw await this.#refuse(owner, slot, operation, present, cause);
  }

  async #spend(
    { room }: ChallengeOwner,
    id: ChallengeId,
    found: ChallengeRecord,
    policy: FactorPolicy,
  ): Promise<MfaApproval | undefined> {
    if (found.approved === undefined || !matches(found.approved, policy)) return undefined;
    const { claimed, spent } = challengeKeys(room, id);
    return (await this.#store.move(claimed, spent)) ? approvalOf(found, id) : undefined;
  }

  /** Makes a challenge, and the error that tells the client of it. */
  async #refuse(
    { room, report }: ChallengeOwner,
    slot: number,
    { digest, request, policy, describe }: ProtectedOperation,
    { nowMs, ends }: Present,
    cause: unknown,
  ): Promise<SessionError> {
    const description = await describe();
    const id = createChallengeId(slot);
    const madeAtMs = this.#clock();
    const record: ChallengeRecord = {
      idHash: id.idHash,
      digest,
      request,
      description,
      methods: policy.methods,
      acr: policy.acr,
      // The time of the read: an end that came while `describe` was at work voids the challenge.
      createdAtMs: nowMs,
      expiresAtMs: madeAtMs + this.#challengeSeconds * 1000,
      ends,
      approved: undefined,
    };
    const ttlSeconds = secondsToKeep(record, madeAtMs);
    await this.#store.write(slotKey(room, slot), encodeChallenge(record), ttlSeconds);
    report('approval.requested', { challengeId: id.id, digest, description });
    return approvalRequired(record, id, madeAtMs, cause);
  }
}

/** @returns the error as `cause`, if enrolment could not be asked for */
async function enrolmentOf(
  operation: ProtectedOperation,
): Promise<{ enrolled: unknown; cause: unknown }> {
  try {
    return { enrolled: await operation.isEnrolled(), cause: undefined };
  } catch (cause) {
    return { enrolled: undefined, cause };
  }
}

/** A free slot, else the slot of the oldest challenge. */
function chooseSlot(
  slots: readonly number[],
  records: readonly (ChallengeRecord | undefined)[],
  present: Present,
): number {
  const free = slots.find((_, index) => isFree(records[index], present));
  if (free !== undefined) return free;
  const times = slots.map((_, index) => records[index]?.createdAtMs ?? 0);
  return slots[times.indexOf(Math.min(...times))] ?? 0;
}
