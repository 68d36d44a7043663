/**
 * What people may write, made into what the code relies on. Every mistake is found here, when the
 * middleware is created, and all of them are said at once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authentication } from './authentication/authentication.js';
import { issuerNameOf, parseAuthentication } from './authentication/parse-authentication.js';
import type { TokenIssuer } from './authentication/token-issuer.js';
import type { Clock } from './clock.js';
import { readEnvironment, type Environment } from './environment.js';
import type { SessionError } from './errors.js';
import type { MaybePromise } from './maybe-promise.js';
import type { MfaEvidence } from './mfa/mfa-session.js';
import { complaintsOf, ConfigurationError, describe, OptionReader } from './option-reader.js';
import type { Session } from './session.js';
import { memoryStore } from './store/memory.js';
import {
  isSessionStore,
  missingVerbs,
  storeVerbs,
  type SessionStore,
} from './store/session-store.js';
import { fromBearer, type TokenReader } from './token-reader.js';

/** Options of `createSessions()` and `validateSession()`. */
export interface SessionOptions {
  /**
   * Who signs the access tokens; several issuers side by side.
   * @defaultValue from the environment: `WALLET_SESSION_AUTHENTICATION` and its companions
   */
  readonly authentication?: Authentication | readonly Authentication[] | undefined;
  /** @defaultValue `memoryStore()` */
  readonly store?: SessionStore | undefined;
  /** Where the access token is. @defaultValue `[fromBearer()]` */
  readonly token?: readonly TokenReader[] | undefined;
  /**
   * `false`: a request without a token passes as anonymous. A bad token is refused all the same.
   * @defaultValue true
   */
  readonly required?: boolean | undefined;
  /**
   * Under which name the session is attached to the request; `false`: only `getSession(req)`.
   * @defaultValue 'session'
   */
  readonly property?: string | false | undefined;
  readonly mfa?: MfaOptions | undefined;
  /** Counted from the token's `auth_time`. @defaultValue 604800 (7 days) */
  readonly maxSessionSeconds?: number | undefined;
  /** From then on responses carry `Session-Ends-In`. @defaultValue 86400 */
  readonly warnBeforeSeconds?: number | undefined;
  /** Allowed on `exp`, `nbf` and `iat`; at most 60. @defaultValue 5 */
  readonly clockToleranceSeconds?: number | undefined;
  readonly tokenCache?: TokenCacheOptions | undefined;
  /**
   * `required`: where the store cannot say who signed out, the answer is 503. `when-available`: such
   * requests go on; `requireMfa()` is not loosened by it.
   * @defaultValue 'required'
   */
  readonly revocation?: 'required' | 'when-available' | undefined;
  /** Answers every `SessionError`. @defaultValue `sendProblem(error, req, res)` */
  onError?(
    error: SessionError,
    req: IncomingMessage,
    res: ServerResponse,
    next: (error?: unknown) => void,
  ): void | Promise<void>;
  /** Milliseconds since the epoch; for tests. @defaultValue `Date.now` */
  readonly clock?: Clock | undefined;
}

export interface MfaOptions {
  /** How long an MFA session lasts. @defaultValue 300 */
  readonly windowSeconds?: number | undefined;
  /** Whether the user is enrolled in MFA. Without it nobody knows, and the answer is `mfa_required`. */
  readonly isEnrolled?: ((session: Session) => boolean | Promise<boolean>) | undefined;
  /** What else proves MFA, such as `amrEvidence()`. */
  readonly evidence?: ((session: Session) => MaybePromise<MfaEvidence | undefined>) | undefined;
}

export interface TokenCacheOptions {
  /** How many verified tokens are remembered; 0 turns the cache off. @defaultValue 10000 */
  readonly maxEntries?: number | undefined;
  /**
   * How long a withdrawn key may stay trusted by way of a remembered token.
   * @defaultValue 60; with `validateAccessToken` 300
   */
  readonly maxAgeSeconds?: number | undefined;
}

/** Options with nothing left to decide. */
export interface Configuration {
  readonly issuers: readonly TokenIssuer[];
  readonly store: SessionStore;
  readonly token: readonly TokenReader[];
  readonly required: boolean;
  readonly property: string | false;
  readonly mfa: {
    readonly windowSeconds: number;
    readonly isEnrolled: MfaOptions['isEnrolled'];
    readonly evidence: MfaOptions['evidence'];
  };
  readonly maxSessionSeconds: number;
  readonly warnBeforeSeconds: number;
  readonly clockToleranceSeconds: number;
  readonly tokenCache: {
    readonly maxEntries: number;
    /** Undefined: each kind of verification has a default of its own. */
    readonly maxAgeSeconds: number | undefined;
  };
  readonly revocation: 'required' | 'when-available';
  readonly onError: NonNullable<SessionOptions['onError']> | undefined;
  readonly clock: Clock;
}

/** About 3,000 years: what is later than that, no `Date` could hold any more. */
const MAX_SECONDS = 100_000_000_000;
const AGE = { min: 1, max: MAX_SECONDS };

/** @throws ConfigurationError */
export function parseOptions(
  given: SessionOptions | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Configuration {
  const complaints: string[] = [];
  const read = new OptionReader<SessionOptions>('validateSession()', given, complaints);
  const authentication = read.value('authentication');
  const environment = readEnvironment(env, complaints, {
    needsAuthentication: authentication === undefined,
  });
  const configuration: Configuration = {
    issuers: readIssuers(
      authentication === undefined ? environment.authentication : authentication,
      complaints,
    ),
    store: readStore(read, complaints),
    token: readTokenReaders(read),
    required: read.boolean('required', true),
    property: readProperty(read),
    mfa: readMfa(read.value('mfa'), environment, complaints),
    maxSessionSeconds: read.number('maxSessionSeconds', AGE, 604_800),
    warnBeforeSeconds: read.number('warnBeforeSeconds', { min: 0, max: MAX_SECONDS }, 86_400),
    clockToleranceSeconds: read.number('clockToleranceSeconds', { min: 0, max: 60 }, 5),
    tokenCache: readTokenCache(read.value('tokenCache'), complaints),
    revocation: read.choice('revocation', ['required', 'when-available'], 'required'),
    onError: read.function('onError'),
    clock: readClock(read),
  };
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return configuration;
}

function readIssuers(given: unknown, complaints: string[]): readonly TokenIssuer[] {
  if (given === undefined) return []; // The environment has been complained of.
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) complaints.push('`authentication`: an empty array lets nobody in.');
  const issuers = list
    .map((one) => parseAuthentication(one, complaints))
    .filter((issuer) => issuer !== undefined);
  const names = list.map(issuerNameOf).filter((name) => name !== undefined);
  if (new Set(names).size < names.length) {
    complaints.push(
      '`authentication`: two of them have the same `issuer`, so nobody could say whose keys and rules hold for its tokens. Give each its own.',
    );
  }
  return issuers;
}

function readStore(read: OptionReader<SessionOptions>, complaints: string[]): SessionStore {
  const store = read.value('store');
  if (store === undefined) return memoryStore();
  if (typeof store === 'object' && store !== null) complaints.push(...complaintsOf(store));
  if (isSessionStore(store)) return store;
  const missing = missingVerbs(store);
  const lacks = missing.length < storeVerbs.length ? `, and lacks ${missing.join(', ')}` : '';
  read.complain(
    `\`store\` must have the methods ${storeVerbs.join(', ')}${lacks}: memoryStore(), redisStore(client), or one of your own.`,
  );
  return memoryStore();
}

function readTokenReaders(read: OptionReader<SessionOptions>): readonly TokenReader[] {
  const readers = read.value('token');
  if (readers === undefined) return [fromBearer()];
  if (
    Array.isArray(readers) &&
    readers.length > 0 &&
    readers.every((reader) => typeof reader === 'function')
  ) {
    return [...(readers as TokenReader[])];
  }
  read.complain(
    `\`token\` must be a non-empty array of functions, for instance [fromBearer()], not ${describe(readers)}.`,
  );
  return [];
}

function readProperty(read: OptionReader<SessionOptions>): string | false {
  return read.value('property') === false ? false : read.string('property', 'session');
}

/** Compared with what is no number, no time would ever be over. */
function readClock(read: OptionReader<SessionOptions>): Clock {
  const clock = read.function<Clock>('clock');
  if (clock === undefined) return Date.now;
  if (!Number.isFinite(clock())) {
    read.complain(
      '`clock` must return a number of milliseconds since the epoch, as Date.now does.',
    );
  }
  return () => {
    const now = clock();
    if (Number.isFinite(now)) return now;
    throw new ConfigurationError(['`clock` must return a number of milliseconds, each time.']);
  };
}

function readMfa(
  given: unknown,
  environment: Environment,
  complaints: string[],
): Configuration['mfa'] {
  const read = new OptionReader<MfaOptions>('validateSession({ mfa })', given, complaints);
  const mfa = {
    windowSeconds: read.number('windowSeconds', AGE, environment.mfaWindowSeconds ?? 300),
    isEnrolled: read.function<NonNullable<MfaOptions['isEnrolled']>>('isEnrolled'),
    evidence: read.function<NonNullable<MfaOptions['evidence']>>('evidence'),
  };
  read.end();
  return mfa;
}

function readTokenCache(given: unknown, complaints: string[]): Configuration['tokenCache'] {
  const read = new OptionReader<TokenCacheOptions>(
    'validateSession({ tokenCache })',
    given,
    complaints,
  );
  const tokenCache = {
    maxEntries: read.number('maxEntries', { min: 0, max: 2 ** 24, integer: true }, 10_000),
    maxAgeSeconds: read.number('maxAgeSeconds', AGE),
  };
  read.end();
  return tokenCache;
}
