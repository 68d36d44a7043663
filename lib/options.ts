/**
 * The options of `createSessions()` and `validateSession()`, and `Configuration`, the same after
 * their check in `parse-options.ts`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authentication } from './authentication/authentication.js';
import type { TokenIssuer } from './authentication/token-issuer.js';
import type { Clock } from './clock.js';
import type { SessionError } from './errors.js';
import type { MaybePromise } from './maybe-promise.js';
import type { MfaEvidence } from './mfa/mfa-session.js';
import type { Session } from './session.js';
import type { SessionStore } from './store/session-store.js';
import type { TokenReader } from './token-reader.js';

/** Options of `createSessions()` and `validateSession()`. */
export interface SessionOptions {
  /**
   * The issuer of the access tokens, or several side by side.
   * @defaultValue from the environment: `WALLET_SESSION_AUTHENTICATION` and its companions
   */
  readonly authentication?: Authentication | readonly Authentication[] | undefined;
  /** The store of sign-outs and MFA sessions. @defaultValue `memoryStore()` */
  readonly store?: SessionStore | undefined;
  /** The places of a request that may hold the access token. @defaultValue `[fromBearer()]` */
  readonly token?: readonly TokenReader[] | undefined;
  /**
   * `false`: a request without a token passes as anonymous. An invalid token is refused in any case.
   * @defaultValue true
   */
  readonly required?: boolean | undefined;
  /**
   * The property of the request that holds the session; `false`: only `getSession(req)` has it.
   * @defaultValue 'session'
   */
  readonly property?: string | false | undefined;
  /** The rules of MFA sessions. */
  readonly mfa?: MfaOptions | undefined;
  /**
   * Maximum life of a session in seconds, counted from the token's `auth_time`.
   * @defaultValue 604800 (7 days)
   */
  readonly maxSessionSeconds?: number | undefined;
  /**
   * Remaining life of a session in seconds from which on responses carry `Session-Ends-In`.
   * @defaultValue 86400 (1 day)
   */
  readonly warnBeforeSeconds?: number | undefined;
  /** Seconds of clock skew allowed on `exp`, `nbf` and `iat`; at most 60. @defaultValue 5 */
  readonly clockToleranceSeconds?: number | undefined;
  /** The cache of verified tokens. */
  readonly tokenCache?: TokenCacheOptions | undefined;
  /**
   * If the store cannot tell whether a session is signed out: `required` answers 503,
   * `when-available` lets the request pass. `requireMfa()` needs the store in either case.
   * @defaultValue 'required'
   */
  readonly revocation?: 'required' | 'when-available' | undefined;
  /**
   * Answers every `SessionError`, before any header is set. `next()` passes the refusal on as an
   * error and never lets the request through.
   * @defaultValue `sendProblem(error, req, res)`
   */
  readonly onError?:
    | {
        answer(
          error: SessionError,
          req: IncomingMessage,
          res: ServerResponse,
          next: (error?: unknown) => void,
        ): void | Promise<void>;
      }['answer']
    | undefined;
  /**
   * The public origin of the app, such as `https://api.example.com`, for DPoP behind a proxy.
   * @defaultValue from the `Host` of each request
   */
  readonly origin?: string | undefined;
  /** Milliseconds since the epoch; for tests. @defaultValue `Date.now` */
  readonly clock?: Clock | undefined;
}

/** The rules of MFA sessions. */
export interface MfaOptions {
  /** Life of an MFA session in seconds. @defaultValue 300 */
  readonly windowSeconds?: number | undefined;
  /** Life of a challenge of `requireApproval()` in seconds, 30 to 600. @defaultValue 300 */
  readonly challengeSeconds?: number | undefined;
  /**
   * Whether the user is enrolled in MFA.
   * @defaultValue unknown: users without MFA get `mfa_required`
   */
  readonly isEnrolled?: ((session: Session) => boolean | Promise<boolean>) | undefined;
  /** Evidence of MFA outside the store, such as `amrEvidence()`. @defaultValue none */
  readonly evidence?: ((session: Session) => MaybePromise<MfaEvidence | undefined>) | undefined;
}

/** The cache of verified tokens. */
export interface TokenCacheOptions {
  /** Maximum number of tokens; 0 turns the cache off. @defaultValue 10000 */
  readonly maxEntries?: number | undefined;
  /**
   * Seconds for which a token is not verified again. A withdrawn key stays trusted for as long.
   * @defaultValue 60; with `validateAccessToken` 300
   */
  readonly maxAgeSeconds?: number | undefined;
}

/** The checked options, with every default filled in. */
export interface Configuration {
  readonly issuers: readonly TokenIssuer[];
  readonly store: SessionStore;
  readonly token: readonly TokenReader[];
  readonly required: boolean;
  readonly property: string | false;
  readonly mfa: {
    readonly windowSeconds: number;
    readonly challengeSeconds: number;
    readonly isEnrolled: MfaOptions['isEnrolled'];
    readonly evidence: MfaOptions['evidence'];
  };
  readonly maxSessionSeconds: number;
  readonly warnBeforeSeconds: number;
  readonly clockToleranceSeconds: number;
  readonly tokenCache: {
    readonly maxEntries: number;
    /** Undefined: the default depends on the kind of verification. */
    readonly maxAgeSeconds: number | undefined;
  };
  readonly revocation: 'required' | 'when-available';
  readonly onError: NonNullable<SessionOptions['onError']> | undefined;
  readonly origin: string | undefined;
  readonly clock: Clock;
}
