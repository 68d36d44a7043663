/**
 * A stand-in for the identity provider: it signs users in and out, refreshes tokens and publishes
 * its keys, in one process and without a network.
 */
import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, type JSONWebKeySet } from 'jose';
import type { Authentication } from '../authentication/authentication.js';
import { cdpAuthentication } from '../authentication/cdp.js';
import { customAuthentication } from '../authentication/custom.js';
import {
  checkRouterOptions,
  readIssuerOptions,
  readKeyRotation,
  readSignInOptions,
  type IssuerSettings,
  type KeyRotation,
  type Members,
  type SignInOptions,
  type TestIssuerOptions,
  type TestIssuerRouterOptions,
} from './issuer-options.js';
import { JwksEndpoint } from './jwks-endpoint.js';
import { KeyRing } from './key-ring.js';
import { OneTimeCodes } from './one-time-codes.js';
import { RefreshTokens, type IssuerSession, type TokenPair } from './refresh-tokens.js';
import { routerOf, type TestIssuerRouter } from './router.js';
import { accessTokenClaims, logoutTokenClaims, merged } from './token-claims.js';

/** A complete issuer of access and refresh tokens, made by `createTestIssuer()`. */
export class TestIssuer {
  /** For `validateSession({ authentication })`; its keys are read as those of a real JWKS. */
  readonly authentication: Authentication;
  /** The `aud` of its logout tokens. */
  readonly clientId: string = 'test-client';
  /** The `project_id` of its access tokens, for `'cdp'`. */
  readonly projectId: string;
  /** The `iss` of its tokens. */
  readonly issuer: string;
  /** The `aud` of its access tokens. */
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
    this.#jwksEndpoint = new JwksEndpoint(this.#keys, issuer);
    this.#refreshTokens = new RefreshTokens(clock);
    this.#oneTimeCodes = new OneTimeCodes(clock);
    const { uri: jwksUri, fetch } = this.#jwksEndpoint;
    this.authentication =
      settings.authentication === 'custom'
        ? customAuthentication({ issuer, audience, jwksUri, fetch })
        : cdpAuthentication({ projectId, issuer, audience, jwksUri, fetch });
  }

  /** Number of requests for the JWKS so far. */
  get jwksFetches(): number {
    return this.#jwksEndpoint.fetches;
  }

  /**
   * First half of a sign-in by one-time code: returns the code that a real issuer would send by
   * email. It is valid once, for 5 minutes.
   */
  async requestCode(email: string): Promise<string> {
    await Promise.resolve();
    return this.#oneTimeCodes.issue(email);
  }

  /**
   * Second half of a sign-in by one-time code. An address belongs to the same user each time.
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

  /** Starts a session, with an access token for 900 seconds and a refresh token for 7 days. */
  async signIn(userId: string, options: SignInOptions = {}): Promise<TokenPair> {
    await Promise.resolve();
    if (typeof userId !== 'string') {
      throw new TypeError('issuer.signIn(userId): `userId` must be a string.');
    }
    const { claims, dpop } = readSignInOptions(options);
    const bound = dpop === undefined ? {} : { cnf: { jkt: await calculateJwkThumbprint(dpop) } };
    return this.#pairFor(this.#newSession(userId, { ...claims, ...bound }));
  }

  /**
   * Returns a new pair of tokens. The old refresh token is spent, and a second use of it ends the
   * session. A refresh token ends 7 days after sign-in, as do its successors.
   *
   * @throws RefreshError with the `code` `refresh_token_expired`, `refresh_token_reused` or
   *   `refresh_token_invalid`
   */
  async refresh(refreshToken: string): Promise<TokenPair> {
    await Promise.resolve();
    return this.#pairFor(this.#refreshTokens.spend(refreshToken));
  }

  /** Ends the session of a refresh token. Its access tokens stay valid until they expire. */
  async signOut(refreshToken: string): Promise<void> {
    await Promise.resolve();
    this.#refreshTokens.end(refreshToken);
  }

  /**
   * Signs an access token of a new session, valid or not. The claims and header members override
   * the defaults; `undefined` removes one.
   *
   * @throws TypeError for an `alg` other than ES256, HS256, HS384, HS512 and none
   */
  async sign(claims: Members = {}, header: Members = {}): Promise<string> {
    await Promise.resolve();
    const defaults = this.#claimsFor(this.#newSession('user-1', {}));
    return this.#keys.sign(merged(this.#header(), header), merged(defaults, claims));
  }

  /**
   * Signs a logout token for `clientId`, valid or not. The claims and header members override the
   * defaults; `undefined` removes one.
   *
   * @see OpenID Connect Back-Channel Logout 1.0 section 2.4
   */
  async logoutToken(claims: Members = {}, header: Members = {}): Promise<string> {
    await Promise.resolve();
    const defaults = logoutTokenClaims(this.#settings, this.clientId, this.#nowSeconds());
    return this.#keys.sign(
      merged({ ...this.#header(), typ: 'logout+jwt' }, header),
      merged(defaults, claims),
    );
  }

  /** Makes a new key, which signs from now on. */
  async rotateKeys(options: KeyRotation = {}): Promise<void> {
    await Promise.resolve();
    this.#keys.rotate(readKeyRotation(options).overlapSeconds);
  }

  /** During an outage the JWKS and the metadata answer 503. */
  setOutage(isDown: boolean): void {
    this.#jwksEndpoint.setOutage(isDown);
  }

  /** Sets the time that the JWKS and the metadata take to answer, in real milliseconds. */
  setDelay(delayMs: number): void {
    this.#jwksEndpoint.setDelay(delayMs);
  }

  /** The keys that are published now, for the `jwks` option. */
  jwks(): JSONWebKeySet {
    return this.#keys.jwks();
  }

  /** The answer of the JWKS endpoint; each call counts as a fetch. */
  async fetchJwks(signal?: AbortSignal): Promise<Response> {
    return this.#jwksEndpoint.answer(signal);
  }

  /**
   * The answer for the metadata of the issuer, which name its JWKS: 404 if the `issuer` is no
   * address.
   *
   * @see OpenID Connect Discovery 1.0 section 4
   */
  async fetchMetadata(signal?: AbortSignal): Promise<Response> {
    return this.#jwksEndpoint.answerMetadata(signal);
  }

  /**
   * The same over HTTP, for examples and browsers: sign-in by one-time code, refresh by cookie,
   * sign-out, the JWKS, and the metadata by which `customAuthentication({ issuer, audience })` finds
   * it. For these the router has to be mounted at the address that the option `issuer` names.
   *
   * @throws ConfigurationError if `NODE_ENV` is `production`, unless `allowInProduction` is set
   */
  router(options: TestIssuerRouterOptions = {}): TestIssuerRouter {
    checkRouterOptions(options, process.env.NODE_ENV);
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
 * Creates an issuer of access and refresh tokens, with keys of its own.
 *
 * @throws ConfigurationError
 *
 * @example
 * const clock = createTestClock();
 * const issuer = await createTestIssuer({ clock });
 * app.use(validateSession({ authentication: issuer.authentication, clock }));
 * const { accessToken } = await issuer.signIn('user-1');
 * await request(app).get('/me').auth(accessToken, { type: 'bearer' }).expect(200);
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  await Promise.resolve();
  return new TestIssuer(readIssuerOptions(options));
}
