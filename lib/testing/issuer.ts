/**
 * A stand-in for the token side: signs in, refreshes, signs out, and publishes its keys, in one
 * process and without a network.
 */
import { randomUUID } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import type { Authentication } from '../authentication/authentication.js';
import { cdpAuthentication } from '../authentication/cdp.js';
import { customAuthentication } from '../authentication/custom.js';
import {
  readIssuerOptions,
  readKeyRotation,
  readSignInOptions,
  type IssuerSettings,
  type KeyRotation,
  type Members,
  type SignInOptions,
  type TestIssuerOptions,
} from './issuer-options.js';
import { JwksEndpoint } from './jwks-endpoint.js';
import { KeyRing } from './key-ring.js';
import { OneTimeCodes } from './one-time-codes.js';
import { RefreshTokens, type IssuerSession, type TokenPair } from './refresh-tokens.js';
import { routerOf, type TestIssuerRouter } from './router.js';
import { accessTokenClaims, logoutTokenClaims, merged } from './token-claims.js';

export class TestIssuer {
  /** For `validateSession({ authentication })`: keys are read through the code that reads a real JWKS. */
  readonly authentication: Authentication;
  /** The `aud` of its logout tokens. */
  readonly clientId: string = 'test-client';
  readonly projectId: string;
  readonly issuer: string;
  readonly audience: string;
  readonly #settings: IssuerSettings;
  readonly #keys: KeyRing;
  readonly #jwksEndpoint: JwksEndpoint;
  readonly #refreshTokens: RefreshTokens;
  readonly #oneTimeCodes: OneTimeCodes;
  readonly #userIds = new Map<string, string>();

  constructor(settings: IssuerSettings) {
    const { clock, issuer, audience, projectId } = settings;
    this.#settings = settings;
    this.projectId = projectId;
    this.issuer = issuer;
    this.audience = audience;
    this.#keys = new KeyRing(clock);
    this.#jwksEndpoint = new JwksEndpoint(this.#keys);
    this.#refreshTokens = new RefreshTokens(clock);
    this.#oneTimeCodes = new OneTimeCodes(clock);
    const { uri: jwksUri, fetch } = this.#jwksEndpoint;
    this.authentication =
      settings.authentication === 'custom'
        ? customAuthentication({ issuer, audience, jwksUri, fetch })
        : cdpAuthentication({ projectId, issuer, audience, jwksUri, fetch });
  }

  /** How often the JWKS was asked for. */
  get jwksFetches(): number {
    return this.#jwksEndpoint.fetches;
  }

  /** One-time code sign-in, first half: the code that would be sent by email. It serves once, for 5 minutes. */
  async requestCode(email: string): Promise<string> {
    await Promise.resolve();
    return this.#oneTimeCodes.issue(email);
  }

  /**
   * One-time code sign-in, second half. An address is the same user each time.
   *
   * @throws OneTimeCodeError with the `code` `one_time_code_invalid`
   */
  async signInWithCode(
    email: string,
    code: string,
    options: SignInOptions = {},
  ): Promise<TokenPair> {
    this.#oneTimeCodes.spend(email, code);
    const userId = this.#userIds.get(email) ?? randomUUID();
    this.#userIds.set(email, userId);
    return this.signIn(userId, options);
  }

  /** A new session: an access token for 900 seconds, and a refresh token for 7 days. */
  async signIn(userId: string, options: SignInOptions = {}): Promise<TokenPair> {
    await Promise.resolve();
    if (typeof userId !== 'string') {
      throw new TypeError('issuer.signIn(userId): `userId` must be a string.');
    }
    return this.#pairFor(this.#newSession(userId, readSignInOptions(options).claims));
  }

  /**
   * A new pair; the old refresh token is spent, and using it again ends the session. Refresh tokens
   * end 7 days after sign-in, however often they were used.
   *
   * @throws RefreshError with the `code` `refresh_token_expired`, `refresh_token_reused` or
   *   `refresh_token_invalid`: sign in again
   */
  async refresh(refreshToken: string): Promise<TokenPair> {
    await Promise.resolve();
    return this.#pairFor(this.#refreshTokens.spend(refreshToken));
  }

  /** Ends the session of a refresh token. Access tokens that are out already stay as they are. */
  async signOut(refreshToken: string): Promise<void> {
    await Promise.resolve();
    this.#refreshTokens.end(refreshToken);
  }

  /**
   * An access token of its own session, right or wrong: claims and header members over the defaults,
   * where `undefined` removes one.
   *
   * @throws TypeError for an `alg` other than ES256, HS256, HS384, HS512 and none
   */
  async sign(claims: Members = {}, header: Members = {}): Promise<string> {
    await Promise.resolve();
    const defaults = this.#claimsFor(this.#newSession('user-1', {}));
    return this.#keys.sign(merged(this.#header(), header), merged(defaults, claims));
  }

  /** A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4), right or wrong as by `sign`. */
  async logoutToken(claims: Members = {}, header: Members = {}): Promise<string> {
    await Promise.resolve();
    const defaults = logoutTokenClaims(this.#settings, this.clientId, this.#nowSeconds());
    return this.#keys.sign(
      merged({ ...this.#header(), typ: 'logout+jwt' }, header),
      merged(defaults, claims),
    );
  }

  /** A new key signs from now on. */
  async rotateKeys(options: KeyRotation = {}): Promise<void> {
    await Promise.resolve();
    this.#keys.rotate(readKeyRotation(options).overlapSeconds);
  }

  /** While it is down, the JWKS answers 503. */
  setOutage(isDown: boolean): void {
    this.#jwksEndpoint.setOutage(isDown);
  }

  /** How long the JWKS takes to answer, in real milliseconds. */
  setDelay(delayMs: number): void {
    this.#jwksEndpoint.setDelay(delayMs);
  }

  /** The keys that are published now, for the `jwks` option. */
  jwks(): JSONWebKeySet {
    return this.#keys.jwks();
  }

  /** What its JWKS endpoint answers; it counts as a fetch. */
  async fetchJwks(signal?: AbortSignal): Promise<Response> {
    return this.#jwksEndpoint.answer(signal);
  }

  /** Sign-in by one-time code, refresh by cookie, sign-out and the JWKS, over HTTP. */
  router(): TestIssuerRouter {
    return routerOf(this);
  }

  #newSession(userId: string, claims: Members): IssuerSession {
    return { userId, sessionId: randomUUID(), startedAtSeconds: this.#nowSeconds(), claims };
  }

  #pairFor(session: IssuerSession): TokenPair {
    return {
      accessToken: this.#keys.sign(this.#header(), this.#claimsFor(session)),
      refreshToken: this.#refreshTokens.issue(session),
    };
  }

  #claimsFor(session: IssuerSession): Members {
    return accessTokenClaims(this.#settings, session, this.#nowSeconds());
  }

  #header(): Members {
    return { alg: 'ES256', kid: this.#keys.kid, typ: 'JWT' };
  }

  #nowSeconds(): number {
    return Math.floor(this.#settings.clock() / 1000);
  }
}

/**
 * A complete issuer of access and refresh tokens, with keys of its own.
 *
 * @throws ConfigurationError
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  await Promise.resolve();
  return new TestIssuer(readIssuerOptions(options));
}
