/**
 * The user, and by scope the session, that a challenge belongs to.
 */
import type { MaybePromise } from '../maybe-promise.js';
import type { ApprovalFacts } from '../events/session-event.js';
import type { RecordedEnds } from './challenge-record.js';

export interface ChallengeOwner {
  readonly issuer: string;
  readonly userId: string;
  /** The prefix of the keys, from `challengeRoomKey()`. */
  readonly room: string;
  /**
   * Reads keys, and with them the ends that concern the user.
   *
   * @throws SessionError if the session is over
   */
  read(keys: readonly string[]): MaybePromise<OwnedValues>;
  /** Tells operators of a step of an approval. */
  readonly report: (type: ApprovalFacts['type'], facts?: ReportedChallenge) => void;
}

/** The members of a challenge, of a record or of an approval that an event shows. */
export type ReportedChallenge = Partial<
  Pick<ApprovalFacts, 'challengeId' | 'digest' | 'description' | 'method'>
> & { readonly acr?: string | undefined };

export interface OwnedValues {
  /** In the order of the keys. */
  readonly values: readonly (string | undefined)[];
  readonly ends: RecordedEnds;
}
