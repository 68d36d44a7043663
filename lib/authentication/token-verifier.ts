/**
 * From a token to what is known of its session: form, claims, signature, lifetime. It remembers
 * nothing but the keys; `session-cache.ts` does.
 */
import type { JWTPayload } from 'jose';
import type { Clock } from '../clock.js';
import { SessionError, tokenInvalid } from '../errors.js';
import { DiscoveredJwks } from '../jwks/discovery.js';
import { FETCH_TIMEOUT_MS, withTimeout } from '../jwks/fetch-json.js';
import { fetchJwks } from '../jwks/fetch-jwks.js';
import { FetchedKeySet, fixedKeySet, type KeySet } from '../jwks/key-set.js';
import type { KeySnapshot } from '../jwks/key-snapshot.js';
import { VerificationLimiter } from '../jwks/verification-limiter.js';
import { isObserved } from '../events/session-reports.js';
import { digestsOf, type RecordDigests } from '../records/record-keys.js';
import { noteOn, type SessionIds } from '../refusal-note.js';
import {
  askCheckClaims,
  checkClaims,
  checkLifetime,
  hintOf,
  internClaims,
  kindOf,
  userIdOf,
} from './claims.js';
import type { LifetimeRules, TokenFacts } from './claims.js';
import { checkLogoutToken, type LogoutFacts } from './logout-token.js';
import { RemoteValidation } from './remote-validation.js';
import { SignatureCheck } from './signature-check.js';
import { hashOfSigningInput, parseToken, signingInputOf, type ParsedToken } from './token-form.js';
import type { TokenIssuer } from './token-issuer.js';

/**
 * What a verified token proves, and what that rests on. It is kept for each remembered token, so it
 * is flat and holds nothing that can be had from the rest.
 */
export interface Identity extends RecordDigests {
  readonly issuer: TokenIssuer;
  readonly claims: Readonly<JWTPayload>;
  readonly userId: string;
  readonly sessionId: string | undefined;
  /** `jti`, else the hash of the signing input. */
  readonly tokenId: string;
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
  readonly startedAtSeconds: number | undefined;
  /** The key that the token is bound to (RFC 9449 section 6.1); undefined for a bearer token. */
  readonly keyThumbprint: string | undefined;
  /** The keys that verified it; undefined where CDP was asked instead. */
  readonly keys: KeySnapshot | undefined;
  /** Until when it may be remembered: never past its `exp`. */
  readonly trustedUntilMs: number;
}

export interface VerificationRules extends LifetimeRules {
  /** For how long a token may be remembered. */
  readonly maxAgeSeconds: number | undefined;
}

const DEFAULT_AGE_SECONDS = 60;
/** Asking CDP costs a call, and no key can be withdrawn behind its back. */
const DEFAULT_REMOTE_AGE_SECONDS = 300;

interface KnownIssuer {
  readonly issuer: TokenIssuer;
  readonly keySet: KeySet | undefined;
  readonly signatures: SignatureCheck | undefined;
  readonly remote: RemoteValidation | undefined;
  /** Of the token that was verified last. */
  claims: Readonly<JWTPayload>;
}

export class TokenVerifier {
  readonly #issuers: ReadonlyMap<string, KnownIssuer>;
  readonly #clock: Clock;
  readonly #rules: VerificationRules;
  /**
   * Signatures. Good ones keep the four threads of libuv busy, for to wake one takes longer than to
   * give it more. After bad ones it is two, because a flood takes up each turn of the event loop with
   * what it finishes in it: with four, remembered tokens were served a quarter less often.
   */
  readonly #limiter = new VerificationLimiter({ most: 32, fewest: 2, share: 8 });

  constructor(issuers: readonly TokenIssuer[], clock: Clock, rules: VerificationRules) {
    this.#clock = clock;
    this.#rules = rules;
    this.#issuers = new Map(
      issuers.map((issuer) => {
        const keySet = keySetOf(issuer, clock);
        const signatures = keySet && new SignatureCheck(keySet, this.#limiter, clock);
        const remote = remoteValidationOf(issuer, clock);
        return [issuer.issuer, { issuer, keySet, signatures, remote, claims: {} }];
      }),
    );
  }

  /**
   * @param expiryGraceSeconds how long after `exp` the token still counts
   * @throws SessionError
   */
  async verify(compact: string, expiryGraceSeconds?: number): Promise<Identity> {
    const token = parseToken(compact);
    const known = this.#issuerOf(token);
    const { issuer, signatures, remote } = known;
    const now = this.#clock() / 1000;
    // What is cheap comes first. Only `token_invalid` is said before the signature is verified.
    const facts = checkClaims(token, issuer, now, this.#rules);
    if (remote !== undefined) {
      // CDP refuses whatever has expired, so that a late token is not worth a call.
      checkLifetime(facts, now, this.#rules);
      const userId = await remote.userIdOf(compact).catch((error: unknown) => {
        throw this.#isEnding(facts, now) ? asExpired(error) : error;
      });
      try {
        return this.#accept(token, facts, known, userId, undefined, now);
      } catch (error) {
        throw withIds(error, token, facts, issuer, userId);
      }
    }
    const userId = userIdOf(token, issuer);
    const keys = await verifySignature(token, signatures);
    try {
      // Fetching keys, and waiting in the queue, takes time.
      checkLifetime(facts, this.#clock() / 1000, this.#rules, expiryGraceSeconds);
      return this.#accept(token, facts, known, userId, keys, now);
    } catch (error) {
      throw withIds(error, token, facts, issuer, userId);
    }
  }

  /**
   * What a logout token says, once it is known to be its issuer's.
   *
   * @param audience the client ids that it may have been issued to
   * @throws SessionError
   */
  async verifyLogout(compact: string, audience: readonly string[]): Promise<LogoutFacts> {
    const token = parseToken(compact);
    const { issuer, signatures } = this.#issuerOf(token);
    const facts = checkLogoutToken(token, issuer, audience, this.#clock() / 1000, this.#rules);
    await verifySignature(token, signatures);
    return facts;
  }

  /** Resolves once every issuer's tokens could be verified. */
  async ready(): Promise<void> {
    await Promise.all(
      [...this.#issuers.values()].map(async ({ keySet, remote }) => {
        await keySet?.current();
        await remote?.ready();
      }),
    );
  }

  /**
   * Fetches every JWKS now, and waits for all of them.
   *
   * @throws SessionError `verification_unavailable`
   */
  async refreshKeys(): Promise<void> {
    const results = await Promise.allSettled(
      [...this.#issuers.values()].map(async ({ keySet }) => keySet?.refresh()),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Whether `exp` is so near that a clock that is a little ahead of this one has seen it pass. */
  #isEnding({ expiresAtSeconds }: TokenFacts, nowSeconds: number): boolean {
    return nowSeconds >= expiresAtSeconds - this.#rules.clockToleranceSeconds;
  }

  #issuerOf(token: ParsedToken): KnownIssuer {
    const { iss } = token.claims;
    const found = typeof iss === 'string' ? this.#issuers.get(iss) : undefined;
    if (found === undefined) throw otherIssuer(token, [...this.#issuers.keys()]);
    return found;
  }

  /** The last rule is the app's own; a token that passes it has an identity. */
  #accept(
    { compact, claims: verified }: ParsedToken,
    facts: TokenFacts,
    known: KnownIssuer,
    userId: string,
    keys: KeySnapshot | undefined,
    nowSeconds: number,
  ): Identity {
    const { issuer } = known;
    const claims = internClaims(verified, known.claims);
    known.claims = claims;
    askCheckClaims(claims, issuer.checkClaims);
    const { sessionId, issuedAtSeconds, expiresAtSeconds, startedAtSeconds, keyThumbprint } = facts;
    const user = { issuer: issuer.issuer, userId };
    const digests = digestsOf(user, sessionId, signingInputOf(compact));
    const { userDigest, sessionDigest, tokenDigest } = digests;
    const usualAge = keys === undefined ? DEFAULT_REMOTE_AGE_SECONDS : DEFAULT_AGE_SECONDS;
    const maxAgeSeconds = this.#rules.maxAgeSeconds ?? usualAge;
    return {
      issuer,
      claims,
      userId,
      sessionId,
      tokenId: facts.jti ?? hashOfSigningInput(compact),
      issuedAtSeconds,
      expiresAtSeconds,
      startedAtSeconds,
      keyThumbprint,
      keys,
      trustedUntilMs: Math.min(expiresAtSeconds, nowSeconds + maxAgeSeconds) * 1000,
      userDigest,
      sessionDigest,
      tokenDigest,
    };
  }
}

function keySetOf(
  { issuer, verification, algorithms }: TokenIssuer,
  clock: Clock,
): KeySet | undefined {
  switch (verification.by) {
    case 'jwks':
      return fixedKeySet(verification.keys);
    case 'jwksUri':
      return new FetchedKeySet(
        {
          issuer,
          address: () => verification.uri.href,
          fetch: () =>
            withTimeout(FETCH_TIMEOUT_MS, verification.uri.href, (signal) =>
              fetchJwks(verification.uri, verification.fetch, algorithms, signal),
            ),
        },
        clock,
      );
    case 'discovery': {
      const discovered = new DiscoveredJwks(verification, algorithms, clock);
      const address = (): string => discovered.address;
      return new FetchedKeySet({ issuer, address, fetch: () => discovered.fetch() }, clock);
    }
    case 'validateAccessToken':
      return undefined;
  }
}

function remoteValidationOf(
  { verification }: TokenIssuer,
  clock: Clock,
): RemoteValidation | undefined {
  return verification.by === 'validateAccessToken'
    ? new RemoteValidation(verification.validate, clock)
    : undefined;
}

function otherIssuer({ claims }: ParsedToken, expected: readonly string[]): SessionError {
  const { iss, aud } = claims;
  const isAudience = [aud].flat().some((one) => expected.includes(one as string));
  // The spelling comes first: for CDP the issuer always is the audience.
  const hint =
    hintOf(typeof iss === 'string' ? iss : '', expected) ||
    (isAudience ? ': the expected issuer is the audience of this token' : '');
  return tokenInvalid(
    `\`iss\` is expected to be ${expected.join(' or ')}, not ${kindOf(iss)}${hint}`,
  );
}

function verifySignature(
  token: ParsedToken,
  signatures: SignatureCheck | undefined,
): Promise<KeySnapshot> {
  if (signatures === undefined) throw tokenInvalid('no keys for this issuer');
  return signatures.verify(token);
}

/** The ids of a token that was refused after its signature had been verified. */
function withIds(
  error: unknown,
  { compact }: ParsedToken,
  { sessionId, jti }: TokenFacts,
  { issuer }: TokenIssuer,
  userId: string,
): unknown {
  if (!(error instanceof SessionError) || !isObserved()) return error;
  const ids = { issuer, userId, sessionId, tokenId: jti ?? hashOfSigningInput(compact) };
  return noteOn(error, { ids });
}

/** The ids of a session, for events. */
export function idsOf({ issuer, userId, sessionId, tokenId }: Identity): SessionIds {
  return { issuer: issuer.issuer, userId, sessionId, tokenId };
}

/** CDP refuses a token that has expired as it does any other. */
function asExpired(error: unknown): unknown {
  return error instanceof SessionError && error.errorType === 'token_invalid'
    ? new SessionError('token_expired', { cause: error.cause })
    : error;
}
