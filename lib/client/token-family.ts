/**
 * The state that requests share: per session, and per family of tokens within it. A request belongs
 * to the family of the token that it was sent with, so state of one user never reaches another.
 */
import type { SessionEnding } from './session-ending.js';
import { watchSessionEnding } from './session-ending.js';
import { identityOf, renewalTime } from './token-identity.js';
import type { TokenIdentity } from './token-identity.js';

/** One session of one user, from sign-in to sign-out. The time between sessions is one too. */
export class ClientSession {
  /** Undefined between sessions. */
  readonly identity: TokenIdentity | undefined;
  /** The token that was answered last, or else the first one: the MFA session may belong to it. */
  answeredToken: string | null;
  readonly ending: SessionEnding = watchSessionEnding();
  /** Settles when the approval that was asked for last needs the user no more. Never rejects. */
  lastApproval: Promise<unknown> = Promise.resolve();
  /** Aborted when another session has replaced this one. */
  readonly over: AbortController = new AbortController();

  constructor(token: string | null) {
    this.identity = token === null ? undefined : identityOf(token);
    this.answeredToken = token;
  }
}

/** A step that several requests wait for together. */
export interface SharedStep<T> {
  running: Promise<T> | undefined;
  /** Moment of its last end; 0 if it never ran. */
  endedAt: number;
}

/**
 * Tokens that are known to belong to one session. There is one family per session, except with
 * tokens that do not name their user: each such token that did not come from a refresh starts a
 * family, because it may be another user's.
 */
export class TokenFamily {
  token: string | null;
  /** From when on `getAccessToken` may renew the token, in milliseconds since the epoch. */
  renewalTime: number;
  /** The token before the last change. */
  #replaced: string | null = null;
  readonly session: ClientSession;
  readonly refresh: SharedStep<void> = { running: undefined, endedAt: 0 };
  readonly prompt: SharedStep<boolean> = { running: undefined, endedAt: 0 };
  /** Whether the last prompt ended with MFA verified. */
  isVerified = false;
  /** Moments at which the app was told last. */
  readonly toldAt: { sign_in: number; enroll_mfa: number } = { sign_in: 0, enroll_mfa: 0 };

  constructor(token: string | null, session: ClientSession = new ClientSession(token)) {
    this.token = token;
    this.renewalTime = renewalTime(token);
    this.session = session;
  }

  /** Whether the token belongs to this family; undefined if it does not say. */
  owns(token: string | null): boolean | undefined {
    if (token === this.token) return true;
    const { identity } = this.session;
    if (token === null || identity === undefined) return false;
    const { key, isConclusive } = identityOf(token);
    if (key !== identity.key) return false;
    return isConclusive || token === this.#replaced ? true : undefined;
  }

  renew(token: string | null): void {
    this.#replaced = this.token;
    this.token = token;
    this.renewalTime = renewalTime(token);
  }
}
