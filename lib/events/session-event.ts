/**
 * The events that an operator can subscribe to, as types.
 */
import type { ErrorAction, ErrorType, JsonValue } from '../protocol.js';
import type { EventCause } from '../refusal-note.js';

/** The members that any event may have. */
interface CommonMembers {
  /** The time of the event, in milliseconds by the `clock` of the options. */
  readonly at: number;
  /** The issuer of the access token, its `iss`; absent if no token was verified. */
  readonly issuer?: string;
  /** The id of the user at the issuer; absent if no token was verified. */
  readonly userId?: string;
  /** The id of the session, if the tokens carry one. */
  readonly sessionId?: string;
  /** The id of the access token, as in `session.tokenId`. */
  readonly tokenId?: string;
  /** The `correlationId` of the request's answer; absent outside of requests. */
  readonly correlationId?: string;
}

interface SessionAdmitted {
  /** The kind of event. */
  readonly type: 'session.admitted';
  /** Whether the token had been verified before. */
  readonly remembered: boolean;
}

interface SessionRefused {
  /** The kind of event. */
  readonly type: 'session.refused';
  /** The kind of error, as in the answer. */
  readonly errorType: ErrorType;
  /** The next step of the client, as in the answer. */
  readonly action: ErrorAction;
  /** The reason, without a value of the token. */
  readonly cause?: EventCause;
}

interface MfaFactor {
  /** The owner of the MFA session. */
  readonly scope: 'client' | 'user';
  /** The method of the verification. */
  readonly method?: string;
  /** The authentication context class, or those that the route demands. */
  readonly acr?: string;
}

interface MfaChanged extends MfaFactor {
  /** The kind of event. */
  readonly type: 'mfa.started' | 'mfa.carried_over';
}

interface MfaEnded extends MfaFactor {
  /** The kind of event. */
  readonly type: 'mfa.ended';
  /** Whether all MFA sessions of the user were ended. */
  readonly everywhere: boolean;
}

interface MfaDemanded {
  /** The demand of the route; absent in checks of `requireApproval()`. */
  readonly maxAgeSeconds?: number;
  /** The methods that the route demands. */
  readonly methods?: readonly string[];
  /** The authentication context class, or those that the route demands. */
  readonly acr?: readonly string[];
  /** The age of the verification that was looked at. */
  readonly ageSeconds?: number;
}

interface MfaPassed extends MfaDemanded {
  /** The kind of event. */
  readonly type: 'mfa.passed';
}

interface MfaRefused extends MfaDemanded {
  /** The kind of event. */
  readonly type: 'mfa.refused';
  /** The kind of error, as in the answer. */
  readonly errorType: ErrorType;
}

/** A step of an approval. */
export interface ApprovalFacts {
  /** The kind of event. */
  readonly type:
    | 'approval.requested'
    | 'approval.approved'
    | 'approval.refused'
    | 'approval.denied'
    | 'approval.spent';
  /** Absent in `approval.refused` if there is no such challenge. */
  readonly challengeId?: string;
  /** SHA-256 of the request or operation, base64url. */
  readonly digest?: string;
  /** The description that the user is shown. */
  readonly description?: JsonValue;
  /** The method of the verification. */
  readonly method?: string;
  /** The authentication context class, or those that the route demands. */
  readonly acr?: string;
}

interface SessionEnded {
  /** The kind of event. */
  readonly type: 'session.ended';
  /** The kind of error, as in the answer. */
  readonly errorType: ErrorType;
}

/** A sign-out. */
export interface SessionSignedOut {
  /** The kind of event. */
  readonly type: 'session.signed_out';
  /** Whether all sessions of the user were signed out. */
  readonly everywhere: boolean;
  /** Who signed out: the session itself, `sessions` for the app, or a logout token of the issuer. */
  readonly by: 'session' | 'sessions' | 'logout_token';
}

interface KeysFetched {
  /** The kind of event. */
  readonly type: 'keys.fetched';
  /** The address of the JWKS. */
  readonly address: string;
  /** The number of usable keys. */
  readonly keys: number;
  /** How long it took, in milliseconds of real time. */
  readonly durationMs: number;
}

/** A fetch of keys that failed. */
export interface KeysFailed {
  /** The kind of event. */
  readonly type: 'keys.failed';
  /** The address of the JWKS, or of the metadata until that is known. */
  readonly address: string;
  /** The number of keys that stay in use, if there are any. */
  readonly keys?: number;
  /** How long it took, in milliseconds of real time. */
  readonly durationMs: number;
  /** The reason, without a value of the token. */
  readonly cause: EventCause;
  /** The age of the keys that stay in use. */
  readonly ageSeconds?: number;
}

interface StoreFailed {
  /** The kind of event. */
  readonly type: 'store.failed';
  /** The verb that was called. */
  readonly verb: StoreVerb;
  /** How long it took, in milliseconds of real time. */
  readonly durationMs: number;
  /** The reason, without a value of the token. */
  readonly cause: EventCause;
}

interface StoreRecovered {
  /** The kind of event. */
  readonly type: 'store.recovered';
  /** The verb that was called. */
  readonly verb: StoreVerb;
  /** From the first failure to this answer. */
  readonly durationMs: number;
}

/** A verb of the store contract. */
export type StoreVerb = 'read' | 'write' | 'add' | 'raise' | 'remove' | 'move';

/** The particulars of an event, without the members that any event may have. */
export type EventFacts =
  | SessionAdmitted
  | SessionRefused
  | MfaChanged
  | MfaEnded
  | MfaPassed
  | MfaRefused
  | ApprovalFacts
  | SessionEnded
  | SessionSignedOut
  | KeysFetched
  | KeysFailed
  | StoreFailed
  | StoreRecovered;

/**
 * An event on the channel `express-wallet-session` of `node:diagnostics_channel`: a frozen plain
 * object, told apart by its `type`. It holds no token, key, code or claim but the ids. Members that
 * are not known are absent.
 *
 * Node rethrows an error of a subscriber as `uncaughtException`.
 *
 * @see {@link https://nodejs.org/api/diagnostics_channel.html | diagnostics_channel}
 *
 * @example
 * import { subscribe } from 'node:diagnostics_channel';
 * import type { SessionEvent } from 'express-wallet-session';
 * subscribe('express-wallet-session', (message) => {
 *   const event = message as SessionEvent;
 *   if (event.type === 'session.signed_out') void audit.write(event);
 * });
 */
export type SessionEvent = EventFacts & CommonMembers;
