/**
 * The options of the testing kit, and their check.
 */
import { randomUUID, type JsonWebKey } from 'node:crypto';
import type { Clock } from '../clock.js';
import { ConfigurationError, describe, OptionReader } from '../option-reader.js';
import { isRecord } from '../type-guards.js';

/** Claims or header members; `undefined` removes one. */
export type Members = Readonly<Record<string, unknown>>;

/** Options of `createTestIssuer()`. */
export interface TestIssuerOptions {
  /**
   * `'cdp'` makes tokens like CDP's published sample; `'custom'` adds `sid` and `auth_time`.
   * @defaultValue 'cdp'
   */
  readonly authentication?: 'cdp' | 'custom' | undefined;
  /** Milliseconds since the epoch. @defaultValue `Date.now` */
  readonly clock?: Clock | undefined;
  /** The `iss` of the tokens. @defaultValue `'cdp-api'`; for `'custom'` `'https://issuer.test/'` */
  readonly issuer?: string | undefined;
  /** The `aud` of the access tokens. @defaultValue `'cdp-api'`; for `'custom'` `'https://api.test'` */
  readonly audience?: string | undefined;
  /** The `project_id` of the tokens, for `'cdp'` alone. @defaultValue a UUID */
  readonly projectId?: string | undefined;
  /** Further claims of every access token. @defaultValue `{}` */
  readonly claims?: Members | undefined;
}

/** Options of `issuer.signIn()`. */
export interface SignInOptions {
  /**
   * Further claims of this session's access tokens, such as `amr`; a refresh keeps them.
   * @defaultValue `{}`
   */
  readonly claims?: Members | undefined;
  /**
   * The public key, a JWK, that the session's access tokens are bound to (RFC 9449 section 6.1).
   * @defaultValue none: bearer tokens
   */
  readonly dpop?: JsonWebKey | undefined;
}

/** Options of `issuer.rotateKeys()`. */
export interface KeyRotation {
  /** Seconds for which the old key stays published. @defaultValue 0: it is withdrawn at once */
  readonly overlapSeconds?: number | undefined;
}

/** Options of `issuer.router()`. */
export interface TestIssuerRouterOptions {
  /**
   * `true`: the routes may be mounted although `NODE_ENV` is `production`. They sign anybody in as
   * anybody.
   * @defaultValue false
   */
  readonly allowInProduction?: boolean | undefined;
}

/** The checked options of an issuer. */
export interface IssuerSettings {
  readonly authentication: 'cdp' | 'custom';
  readonly clock: Clock;
  readonly issuer: string;
  readonly audience: string;
  readonly projectId: string;
  readonly claims: Members;
}

/** @throws ConfigurationError */
export function readIssuerOptions(options: TestIssuerOptions): IssuerSettings {
  return read('createTestIssuer()', options, (reader) => {
    const authentication = reader.choice('authentication', ['cdp', 'custom'], 'cdp');
    const isCustom = authentication === 'custom';
    return {
      authentication,
      clock: reader.function<Clock>('clock') ?? Date.now,
      issuer: reader.string('issuer', isCustom ? 'https://issuer.test/' : 'cdp-api'),
      audience: reader.string('audience', isCustom ? 'https://api.test' : 'cdp-api'),
      projectId: reader.string('projectId', randomUUID()),
      claims: claimsOf(reader),
    };
  });
}

/** @throws ConfigurationError */
export function readSignInOptions(options: SignInOptions): {
  readonly claims: Members;
  readonly dpop: JsonWebKey | undefined;
} {
  return read('issuer.signIn()', options, (reader) => {
    const dpop = reader.value('dpop');
    if (dpop !== undefined && !isRecord(dpop)) {
      reader.complain(`\`dpop\` must be a public key as a JWK, not ${describe(dpop)}.`);
    }
    return { claims: claimsOf(reader), dpop: dpop as JsonWebKey | undefined };
  });
}

/** @throws ConfigurationError */
export function readKeyRotation(options: KeyRotation): { readonly overlapSeconds: number } {
  return read('issuer.rotateKeys()', options, (reader) => ({
    overlapSeconds: reader.number('overlapSeconds', { min: 0 }, 0),
  }));
}

/** @throws ConfigurationError also if the routes would be open in production */
export function checkRouterOptions(
  options: TestIssuerRouterOptions,
  environment: string | undefined,
): void {
  read('issuer.router()', options, (reader) => {
    const isAllowed = reader.boolean('allowInProduction', false);
    if (environment === 'production' && !isAllowed) {
      reader.complain(
        'it signs anybody in as anybody, and NODE_ENV is production. For a demonstration, pass { allowInProduction: true }.',
      );
    }
  });
}

function read<T extends object, R>(
  owner: string,
  options: T,
  readMembers: (reader: OptionReader<T>) => R,
): R {
  const complaints: string[] = [];
  const reader = new OptionReader<T>(owner, options, complaints);
  const settings = readMembers(reader);
  reader.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return settings;
}

function claimsOf(reader: OptionReader<{ readonly claims?: Members | undefined }>): Members {
  const claims = reader.value('claims') ?? {};
  if (isRecord(claims)) return claims;
  reader.complain('`claims` must be an object.');
  return {};
}
