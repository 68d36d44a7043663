/**
 * From a token to what is known of its session: form, claims, signature, lifetime. It remembers
 * nothing but the keys; `verified-tokens.ts` does.
 */
import { compactVerify, errors, type CryptoKey, type KeyObject } from 'jose';
import type { Clock } from '../clock.js';
import { SessionError } from '../errors.js';
import {
  checkClaims,
  checkLifetime,
  userIdOf,
  type LifetimeRules,
  type TokenFacts,
} from './claims.js';
import { fetchKeys } from './jwks-endpoint.js';
import { FetchedKeySet, fixedKeySet, type KeySet, type KeySnapshot } from './key-set.js';
import { checkLogoutToken, type LogoutFacts } from './logout-token.js';
import { askForUserId } from './remote-validation.js';
import { hashOfSigningInput, parseToken, tokenInvalid, type ParsedToken } from './token-form.js';
import type { TokenIssuer } from './token-issuer.js';

/** What a verified token proves. */
export interface Identity extends TokenFacts {
  readonly issuer: TokenIssuer;
  readonly userId: string;
  /** `jti`, else the hash of the signing input. */
  readonly tokenId: string;
  /** SHA-256 of the signing input: tells tokens apart even where an issuer repeats a `jti`. */
  readonly tokenHash: string;
}

/** An identity, and what it rests on. */
export interface VerifiedToken {
  readonly identity: Identity;
  /** The keys that verified it; undefined where CDP was asked instead. */
  readonly keys: KeySnapshot | undefined;
}

interface IssuerKeys {
  readonly issuer: TokenIssuer;
  readonly keySet: KeySet | undefined;
}

export class TokenVerifier {
  readonly #issuers: ReadonlyMap<string, IssuerKeys>;
  readonly #clock: Clock;
  readonly #rules: LifetimeRules;

  constructor(issuers: readonly TokenIssuer[], clock: Clock, rules: LifetimeRules) {
    this.#clock = clock;
    this.#rules = rules;
    this.#issuers = new Map(
      issuers.map((issuer) => [issuer.issuer, { issuer, keySet: keySetOf(issuer, clock) }]),
    );
  }

  /**
   * @param lateSeconds how long after `exp` the token still counts
   * @throws SessionError
   */
  async verify(compact: string, lateSeconds?: number): Promise<VerifiedToken> {
    const token = parseToken(compact);
    const { issuer, keySet } = this.#issuerOf(token);
    const now = this.#clock() / 1000;
    // What is cheap comes first. Only `token_invalid` is said before the signature is verified.
    const facts = checkClaims(token, issuer, now, this.#rules);
    let userId: string;
    let keys: KeySnapshot | undefined;
    if (issuer.proof.by === 'validateAccessToken') {
      // CDP refuses whatever has expired, so that a late token is not worth a call.
      checkLifetime(facts, now, this.#rules);
      try {
        userId = await askForUserId(issuer.proof.validate, compact);
      } catch (error) {
        throw this.#isEnding(facts, now) ? asExpired(error) : error;
      }
    } else {
      userId = userIdOf(token, issuer);
      keys = await this.#verifySignature(token, keySet);
      checkLifetime(facts, now, this.#rules, lateSeconds);
    }
    const tokenHash = hashOfSigningInput(compact);
    return {
      keys,
      identity: { ...facts, issuer, userId, tokenHash, tokenId: facts.jti ?? tokenHash },
    };
  }

  /**
   * What a logout token says, once it is known to be its issuer's.
   *
   * @param audience the client ids that it may have been issued to
   * @throws SessionError
   */
  async verifyLogout(compact: string, audience: readonly string[]): Promise<LogoutFacts> {
    const token = parseToken(compact);
    const { issuer, keySet } = this.#issuerOf(token);
    const facts = checkLogoutToken(token, issuer, audience, this.#clock() / 1000, this.#rules);
    await this.#verifySignature(token, keySet);
    return facts;
  }

  /** The keys that a cached token of this issuer has to have been verified with. */
  trustedKeys(issuer: TokenIssuer): KeySnapshot | undefined {
    return this.#issuers.get(issuer.issuer)?.keySet?.trusted();
  }

  /** Resolves once every issuer's tokens could be verified. */
  async ready(): Promise<void> {
    await Promise.all(
      [...this.#issuers.values()].map(async ({ issuer, keySet }) => {
        await keySet?.current();
        if (issuer.proof.by === 'validateAccessToken') await probe(issuer.proof.validate);
      }),
    );
  }

  /** Whether `exp` is so near that a clock that is a little ahead of this one has seen it pass. */
  #isEnding({ expiresAtSeconds }: TokenFacts, nowSeconds: number): boolean {
    return nowSeconds >= expiresAtSeconds - this.#rules.clockToleranceSeconds;
  }

  #issuerOf(token: ParsedToken): IssuerKeys {
    const { iss } = token.claims;
    const found = typeof iss === 'string' ? this.#issuers.get(iss) : undefined;
    if (found === undefined) throw tokenInvalid('`iss` is another issuer');
    return found;
  }

  async #verifySignature(token: ParsedToken, keySet: KeySet | undefined): Promise<KeySnapshot> {
    if (keySet === undefined) throw tokenInvalid('no keys for this issuer');
    let keys = await keySet.current();
    if (isUnknownKid(token, keys)) {
      keys = await keySet.newerThan(keys);
      if (isUnknownKid(token, keys)) {
        throw new SessionError('token_invalid', {
          action: 'refresh_token',
          detail: 'The access token was signed with a key that is not in use; refresh it.',
          cause: new Error('`kid` is unknown'),
        });
      }
    }
    await verifyWith(token, keys);
    return keys;
  }
}

function keySetOf({ proof, algorithms }: TokenIssuer, clock: Clock): KeySet | undefined {
  switch (proof.by) {
    case 'jwks':
      return fixedKeySet(proof.keys);
    case 'jwksUri':
      return new FetchedKeySet(() => fetchKeys(proof.uri, proof.fetch, algorithms), clock);
    case 'validateAccessToken':
      return undefined;
  }
}

function isUnknownKid({ header }: ParsedToken, keys: KeySnapshot): boolean {
  return header.kid !== undefined && !keys.published.kids.has(header.kid);
}

/** @throws SessionError `token_invalid` */
async function verifyWith(token: ParsedToken, keys: KeySnapshot): Promise<void> {
  try {
    await compactVerify(token.compact, keys.select);
  } catch (error) {
    // Two keys under one `kid`: whichever fits. Without a `kid` nothing was chosen.
    if (error instanceof errors.JWKSMultipleMatchingKeys && token.header.kid !== undefined) {
      for await (const key of error) {
        if (await isSignedWith(token, key)) return;
      }
    }
    throw tokenInvalid('the signature does not verify', error);
  }
}

async function isSignedWith(token: ParsedToken, key: CryptoKey | KeyObject): Promise<boolean> {
  try {
    await compactVerify(token.compact, key);
    return true;
  } catch {
    return false;
  }
}

/** CDP refuses a token that has expired as it does any other. */
function asExpired(error: unknown): unknown {
  return error instanceof SessionError && error.errorType === 'token_invalid'
    ? new SessionError('token_expired', { cause: error.cause })
    : error;
}

/**
 * Tells a bad API key from a good one. CDP answers 401 for a bad token and for a bad API key alike,
 * but 400 for a request without a token, which it looks at after the API key.
 */
async function probe(validate: Parameters<typeof askForUserId>[0]): Promise<void> {
  await askForUserId(validate, '').catch((error: unknown) => {
    if (!(error instanceof SessionError) || error.errorType !== 'token_invalid') throw error;
    const refusal = (error.cause as Error).cause as { statusCode?: number; status?: number };
    if ((refusal.statusCode ?? refusal.status) !== 401) return;
    throw new SessionError('verification_unavailable', {
      cause: new Error('validateAccessToken answered 401 without a token: check the CDP API key', {
        cause: refusal,
      }),
    });
  });
}
