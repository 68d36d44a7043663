/**
 * Demands a DPoP proof for bound access tokens, and lets each proof be used for one request.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-7 | RFC 9449 section 7}
 */
import type { Identity } from '../authentication/token-verifier.js';
import type { Clock } from '../clock.js';
import { SessionError, tokenInvalid } from '../errors.js';
import { SIGNATURE_ALGORITHMS } from '../jwks/signature.js';
import { isPromiseLike, type MaybePromise } from '../maybe-promise.js';
import { spentProofKey } from '../records/record-keys.js';
import type { SessionStore } from '../store/session-store.js';
import { proofInvalid, verifyDpopProof } from './dpop-proof.js';
import { ProofKeys } from './proof-keys.js';
import { requestUrl, type ProvenRequest } from './request-url.js';

/** A verified proof that is about to be spent. */
export interface ProofUse {
  /** The key of its record in the store. */
  readonly key: string;
  readonly acceptedUntilSeconds: number;
}

export interface DpopRules {
  readonly clockToleranceSeconds: number;
  /** The public origin of the app; `undefined`: as the request says. */
  readonly origin: string | undefined;
}

/**
 * The proofs that were spent for a request, by the store: several `validateSession()` may share a
 * store, and the proof of one request is one use.
 */
const spentForRequest = new WeakMap<object, Map<unknown, string>>();

export class DpopGuard {
  readonly #store: Pick<SessionStore, 'add'>;
  /** Tells stores apart. */
  readonly #storeId: unknown;
  readonly #clock: Clock;
  readonly #rules: DpopRules;
  readonly #keys = new ProofKeys();

  constructor(store: Pick<SessionStore, 'add'>, storeId: unknown, clock: Clock, rules: DpopRules) {
    this.#store = store;
    this.#storeId = storeId;
    this.#clock = clock;
    this.#rules = rules;
  }

  /**
   * Verifies the proof of a request whose token was verified, and came under the `DPoP` scheme;
   * `undefined` if the proof is a gateway's business. It asks no store.
   *
   * @throws SessionError `dpop_proof_invalid`, or `token_invalid` for an unbound token under the
   *   `DPoP` scheme
   * @throws TypeError if the method or URL of the request is unknown
   */
  verify(
    identity: Identity,
    token: string,
    request: ProvenRequest,
  ): MaybePromise<ProofUse | undefined> {
    const { issuer, keyThumbprint } = identity;
    if (keyThumbprint !== undefined) return this.#verify(identity, keyThumbprint, token, request);
    // With `ignore`, a gateway in front has checked the proof.
    if (issuer.authentication === 'custom' && issuer.dpop === 'ignore') return undefined;
    throw tokenInvalid('the token came under the DPoP scheme, and is not bound to a key');
  }

  /**
   * Spends a proof. Of many requests with one proof, over all processes, one succeeds.
   *
   * @throws SessionError `dpop_proof_invalid` or `store_unavailable`
   */
  async spend(proof: ProofUse, request: ProvenRequest): Promise<void> {
    const spent = spentForRequest.get(request) ?? new Map<unknown, string>();
    if (spent.get(this.#storeId) === proof.key) return;
    const remainingSeconds = proof.acceptedUntilSeconds - this.#clock() / 1000;
    // The store counts whole seconds of its own; a second more costs little.
    const ttlSeconds = Math.max(1, Math.ceil(remainingSeconds) + 1);
    if (!(await this.#store.add(proof.key, ttlSeconds))) {
      throw proofInvalid('its `jti` was used before');
    }
    spentForRequest.set(request, spent.set(this.#storeId, proof.key));
  }

  async #verify(
    { userDigest }: Identity,
    keyThumbprint: string,
    accessToken: string,
    request: ProvenRequest,
  ): Promise<ProofUse> {
    const { clockToleranceSeconds, origin } = this.#rules;
    const { method, url } = request;
    if (method === undefined || url === undefined) {
      throw new TypeError(
        'authenticate({ headers, method, url }): a DPoP proof is about one request, so `method` and `url` are needed.',
      );
    }
    const proof: unknown = request.headers.dpop;
    // Node joins repeated headers by a comma, which no proof holds.
    if (typeof proof !== 'string') throw proofInvalid('there is none');
    const expectedUrl = requestUrl(request, origin);
    if (expectedUrl === undefined) throw proofInvalid('the host of the request is unknown');
    const rules = {
      ...{ method, url: expectedUrl, accessToken, keyThumbprint, clockToleranceSeconds },
      nowSeconds: this.#clock() / 1000,
    };
    const { jti, acceptedUntilSeconds } = await verifyDpopProof(proof, rules, this.#keys);
    return { key: spentProofKey(userDigest, keyThumbprint, jti), acceptedUntilSeconds };
  }
}

/** @throws SessionError `dpop_proof_invalid` for a token that needs a proof and came without one */
export function refuseUnproven({ issuer, keyThumbprint }: Identity): void {
  if (keyThumbprint !== undefined || issuer.dpop === 'required') {
    throw proofInvalid('the token came without one, as a bearer token');
  }
}

/** Names the `DPoP` scheme in the challenge of the error that `work` fails with (section 7.1). */
export function namingDpop<T>(isNamed: boolean, work: () => MaybePromise<T>): MaybePromise<T> {
  if (!isNamed) return work();
  try {
    const result = work();
    return isPromiseLike(result) ? Promise.resolve(result).catch(throwNamingDpop) : result;
  } catch (error) {
    return throwNamingDpop(error);
  }
}

/** Whether the refusals of a session name the `DPoP` scheme. */
export function isBoundToKey({ keyThumbprint }: Identity): boolean {
  return keyThumbprint !== undefined;
}

/** The same error, or one that names the `DPoP` scheme in its challenge if it has a challenge. */
export function nameDpop(error: unknown): unknown {
  return error instanceof SessionError && 'WWW-Authenticate' in error.headers
    ? SessionError.namingDpop(error, SIGNATURE_ALGORITHMS)
    : error;
}

function throwNamingDpop(error: unknown): never {
  throw nameDpop(error);
}
