/**
 * A stand-in for the token side: signs in, refreshes, signs out, and publishes its keys, in one
 * process and without a network.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JSONWebKeySet } from 'jose';
import type { Authentication } from '../authentication/authentication.js';
import { cdpAuthentication } from '../authentication/cdp.js';
import { customAuthentication } from '../authentication/custom.js';
import type { Clock } from '../clock.js';
import { ConfigurationError, isRecord, OptionReader } from '../configuration.js';
import { KeyRing } from './key-ring.js';
import { OneTimeCodes } from './one-time-codes.js';
import { RefreshTokens, type IssuerSession, type TokenPair } from './refresh-tokens.js';
import { routerOf, type TestIssuerRouter } from './router.js';

/** Claims or header members; `undefined` removes one. */
export type Members = Readonly<Record<string, unknown>>;

export interface TestIssuerOptions {
  /** `'cdp'` makes tokens like CDP's published sample; `'custom'` adds `sid` and `auth_time`. @defaultValue 'cdp' */
  readonly authentication?: 'cdp' | 'custom' | undefined;
  /** @defaultValue `Date.now` */
  readonly clock?: Clock | undefined;
  /** @defaultValue `'cdp-api'`; of `'custom'` `'https://issuer.test/'` */
  readonly issuer?: string | undefined;
  /** @defaultValue `'cdp-api'`; of `'custom'` `'https://api.test'` */
  readonly audience?: string | undefined;
  /** @defaultValue a UUID */
  readonly projectId?: string | undefined;
  /** Further claims of every access token. */
  readonly claims?: Members | undefined;
}

const ACCESS_TOKEN_SECONDS = 900;
const JWKS_URI = 'https://issuer.test/.well-known/jwks.json';

export class TestIssuer {
  /** For `validateSession({ authentication })`: keys are read through the code that reads a real JWKS. */
  readonly authentication: Authentication;
  /** The `aud` of its logout tokens. */
  readonly clientId: string = 'test-client';
  readonly projectId: string;
  readonly issuer: string;
  readonly audience: string;
  readonly #isCustom: boolean;
  readonly #clock: Clock;
  readonly #claims: Members;
  readonly #keys: KeyRing;
  readonly #refreshTokens: RefreshTokens;
  readonly #oneTimeCodes: OneTimeCodes;
  readonly #userIds = new Map<string, string>();
  #fetches = 0;
  #isDown = false;
  #delayMs = 0;

  constructor(options: TestIssuerOptions) {
    const complaints: string[] = [];
    const read = new OptionReader<TestIssuerOptions>('createTestIssuer()', options, complaints);
    this.#isCustom = read.choice('authentication', ['cdp', 'custom'], 'cdp') === 'custom';
    this.#clock = read.function<Clock>('clock') ?? Date.now;
    this.issuer = read.string('issuer', this.#isCustom ? 'https://issuer.test/' : 'cdp-api');
    this.audience = read.string('audience', this.#isCustom ? 'https://api.test' : 'cdp-api');
    this.projectId = read.string('projectId', randomUUID());
    const claims = read.value('claims') ?? {};
    if (!isRecord(claims)) read.complain('`claims` must be an object.');
    read.end();
    if (complaints.length > 0) throw new ConfigurationError(complaints);
    this.#claims = claims as Members;
    this.#keys = new KeyRing(this.#clock);
    this.#refreshTokens = new RefreshTokens(this.#clock);
    this.#oneTimeCodes = new OneTimeCodes(this.#clock);
    const keySource = { jwksUri: JWKS_URI, fetch: this.#fetch.bind(this) };
    const { issuer, audience, projectId } = this;
    this.authentication = this.#isCustom
      ? customAuthentication({ issuer, audience, ...keySource })
      : cdpAuthentication({ projectId, issuer, audience, ...keySource });
  }

  /** How often the JWKS was asked for. */
  get jwksFetches(): number {
    return this.#fetches;
  }

  /** One-time code sign-in, first half: the code that would be sent by email. */
  async requestCode(email: string): Promise<string> {
    await Promise.resolve();
    return this.#oneTimeCodes.issue(email);
  }

  /** One-time code sign-in, second half. @throws OneTimeCodeError */
  async signInWithCode(
    email: string,
    code: string,
    options: { readonly claims?: Members } = {},
  ): Promise<TokenPair> {
    this.#oneTimeCodes.spend(email, code);
    const userId = this.#userIds.get(email) ?? randomUUID();
    this.#userIds.set(email, userId);
    return this.signIn(userId, options);
  }

  /** @param options claims that every access token of this session carries */
  signIn(userId: string, options: { readonly claims?: Members } = {}): Promise<TokenPair> {
    const session: IssuerSession = {
      userId,
      sessionId: randomUUID(),
      startedAtSeconds: this.#nowSeconds(),
      claims: options.claims ?? {},
    };
    return Promise.resolve(this.#pairFor(session));
  }

  /**
   * A new pair; the old refresh token is spent, and using it again ends the session.
   *
   * @throws RefreshError with a `code`
   */
  async refresh(refreshToken: string): Promise<TokenPair> {
    await Promise.resolve();
    return this.#pairFor(this.#refreshTokens.spend(refreshToken));
  }

  /** Ends the refresh token's session. */
  async signOut(refreshToken: string): Promise<void> {
    await Promise.resolve();
    this.#refreshTokens.end(refreshToken);
  }

  /** An access token with other claims or another header, right or wrong. */
  async sign(claims: Members = {}, header: Members = {}): Promise<string> {
    await Promise.resolve();
    const session: IssuerSession = {
      userId: 'user-1',
      sessionId: randomUUID(),
      startedAtSeconds: this.#nowSeconds(),
      claims: {},
    };
    return this.#keys.sign(
      present({ ...this.#header(), ...header }),
      present({ ...this.#accessTokenClaims(session), ...claims }),
    );
  }

  /** A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4), right or wrong. */
  async logoutToken(claims: Members = {}, header: Members = {}): Promise<string> {
    await Promise.resolve();
    const now = this.#nowSeconds();
    const defaults = {
      iss: this.issuer,
      aud: this.clientId,
      iat: now,
      exp: now + 120,
      jti: randomUUID(),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    };
    return this.#keys.sign(
      present({ ...this.#header(), typ: 'logout+jwt', ...header }),
      present({ ...defaults, ...claims }),
    );
  }

  /** @param options `overlapSeconds`: how long the old key stays published. @defaultValue 0 */
  async rotateKeys(options: { readonly overlapSeconds?: number } = {}): Promise<void> {
    await Promise.resolve();
    this.#keys.rotate(options.overlapSeconds ?? 0);
  }

  /** While it is down, the JWKS answers 503. */
  setOutage(isDown: boolean): void {
    this.#isDown = isDown;
  }

  /** How long the JWKS takes to answer. */
  setDelay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** The keys that are published now, for the `jwks` option. */
  jwks(): JSONWebKeySet {
    return this.#keys.jwks();
  }

  /** What its JWKS endpoint answers; it counts as a fetch. */
  async fetchJwks(signal?: AbortSignal): Promise<Response> {
    this.#fetches += 1;
    if (this.#delayMs > 0) await sleep(this.#delayMs, undefined, { signal });
    return this.#isDown
      ? new Response('the identity provider is down', { status: 503 })
      : Response.json(this.#keys.jwks());
  }

  /** Sign-in by one-time code, refresh by cookie, sign-out and the JWKS, over HTTP. */
  router(): TestIssuerRouter {
    return routerOf(this);
  }

  #pairFor(session: IssuerSession): TokenPair {
    return {
      accessToken: this.#keys.sign(this.#header(), this.#accessTokenClaims(session)),
      refreshToken: this.#refreshTokens.issue(session),
    };
  }

  #header(): Members {
    return { alg: 'ES256', kid: this.#keys.kid, typ: 'JWT' };
  }

  #accessTokenClaims({ userId, sessionId, startedAtSeconds, claims }: IssuerSession): Members {
    const now = this.#nowSeconds();
    return {
      iss: this.issuer,
      aud: this.audience,
      sub: userId,
      jti: randomUUID(),
      iat: now,
      exp: now + ACCESS_TOKEN_SECONDS,
      ...(this.#isCustom
        ? { sid: sessionId, auth_time: startedAtSeconds }
        : { project_id: this.projectId, auth_type: 'email' }),
      ...this.#claims,
      ...claims,
    };
  }

  async #fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const url = input instanceof Request ? input.url : String(input);
    if (url !== JWKS_URI) return new Response(null, { status: 404 });
    return this.fetchJwks(init?.signal ?? undefined);
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock() / 1000);
  }
}

/** A complete issuer of access and refresh tokens, with keys of its own. */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  await Promise.resolve();
  return new TestIssuer(options);
}

function present(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
