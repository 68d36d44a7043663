/**
 * The user, and by scope the session, that a challenge belongs to.
 */
import type { MaybePromise } from '../maybe-promise.js';
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
}

export interface OwnedValues {
  /** In the order of the keys. */
  readonly values: readonly (string | undefined)[];
  readonly ends: RecordedEnds;
}
