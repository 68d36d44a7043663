/**
 * The check of the options. Every mistake is found when the middleware is created, and all of them
 * are reported at once.
 */
import { issuerNameOf, parseAuthentication } from './authentication/parse-authentication.js';
import type { TokenIssuer } from './authentication/token-issuer.js';
import type { Clock } from './clock.js';
import { readEnvironment, type Environment } from './environment.js';
import { acrEvidence, amrEvidence } from './mfa/evidence.js';
import { complaintsOf, ConfigurationError, describe, OptionReader } from './option-reader.js';
import type { Configuration, MfaOptions, SessionOptions, TokenCacheOptions } from './options.js';
import { parseUrl } from './parse-url.js';
import { isRequestMember } from './request-members.js';
import { memoryStore } from './store/memory.js';
import {
  isSessionStore,
  missingVerbs,
  storeVerbs,
  type SessionStore,
} from './store/session-store.js';
import { fromBearer, fromCookie, type TokenReader } from './token-reader.js';

/** About 3,000 years; a `Date` cannot hold a time much later than that. */
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
    origin: readOrigin(read),
    clock: readClock(read),
  };
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  warnOfMilliseconds(configuration);
  return configuration;
}

function readIssuers(given: unknown, complaints: string[]): readonly TokenIssuer[] {
  if (given === undefined) return []; // readEnvironment() has added a complaint.
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
    if (readers.includes(fromBearer)) read.complain('`token`: call it: fromBearer().');
    if (readers.includes(fromCookie)) read.complain("`token`: call it: fromCookie('name').");
    return [...(readers as TokenReader[])];
  }
  read.complain(
    `\`token\` must be a non-empty array of functions, for instance [fromBearer()], not ${describe(readers)}.`,
  );
  return [];
}

function readProperty(read: OptionReader<SessionOptions>): string | false {
  if (read.value('property') === false) return false;
  const property = read.string('property', 'session');
  if (isRequestMember(property)) {
    read.complain(
      `\`property\`: every request has a member of this name already. Choose another, for instance 'walletSession'.`,
    );
  }
  return property;
}

function readOrigin(read: OptionReader<SessionOptions>): string | undefined {
  const origin = read.string('origin');
  if (origin === undefined) return undefined;
  const url = parseUrl(origin);
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) {
    return url.origin;
  }
  read.complain(
    "`origin` must be an http or https origin without a path, for instance 'https://api.example.com'.",
  );
  return undefined;
}

/** With NaN every expiry comparison is false, so nothing would ever expire. */
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
    challengeSeconds: read.number('challengeSeconds', { min: 30, max: 600 }, 300),
    isEnrolled: read.function<NonNullable<MfaOptions['isEnrolled']>>('isEnrolled'),
    evidence: read.function<NonNullable<MfaOptions['evidence']>>('evidence'),
  };
  const evidence: unknown = mfa.evidence;
  if (evidence === amrEvidence) read.complain('`evidence`: call it: amrEvidence().');
  if (evidence === acrEvidence) read.complain('`evidence`: call it: acrEvidence({ acr }).');
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

/** A number of seconds above these is almost certainly one of milliseconds. */
function warnOfMilliseconds({ mfa, tokenCache, ...seconds }: Configuration): void {
  const [day, year] = [86_400, 31_536_000];
  const usual: readonly (readonly [name: string, given: number, most: number])[] = [
    ['mfa.windowSeconds', mfa.windowSeconds, day],
    ['maxSessionSeconds', seconds.maxSessionSeconds, year],
    ['warnBeforeSeconds', seconds.warnBeforeSeconds, year],
    ['tokenCache.maxAgeSeconds', tokenCache.maxAgeSeconds ?? 0, day],
  ];
  for (const [name, given, most] of usual.filter(([, given, most]) => given > most)) {
    process.emitWarning(
      `validateSession(): \`${name}\` is ${given}, more than a ${most === day ? 'day' : 'year'}. It is a number of seconds, not of milliseconds.`,
      { type: 'ConfigurationWarning' },
    );
  }
}
