/**
 * A DPoP proof: that the client holds the private key that its access token is bound to, for one
 * request. It knows neither requests nor stores.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-4.3 | RFC 9449 section 4.3}
 */
import { hash } from 'node:crypto';
import { identifier, instant, required } from '../authentication/claims.js';
import { parseToken, type ParsedToken } from '../authentication/token-form.js';
import { SessionError } from '../errors.js';
import { SIGNATURE_ALGORITHMS, type SignatureKey } from '../jwks/signature.js';
import { isRecord } from '../type-guards.js';
import type { ProofKeys } from './proof-keys.js';
import { normalizedUrl } from './request-url.js';

/** The request that a proof has to be about. */
export interface ProofRules {
  readonly method: string;
  /** The normalized URL of the request. */
  readonly url: string;
  readonly accessToken: string;
  /** The `cnf.jkt` of the access token. */
  readonly keyThumbprint: string;
  readonly nowSeconds: number;
  readonly clockToleranceSeconds: number;
}

/** A proof whose signature and claims were verified. */
export interface VerifiedProof {
  readonly jti: string;
  /** The last second in which the proof could be accepted. */
  readonly acceptedUntilSeconds: number;
}

const MAX_PROOF_LENGTH = 4096;
const MAX_AGE_SECONDS = 60;
const ALGORITHMS: ReadonlySet<string> = new Set(SIGNATURE_ALGORITHMS);

/** Members of private and of secret keys (RFC 7518 section 6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * Verifies a proof: cheap checks first, the signature last.
 *
 * @throws SessionError `dpop_proof_invalid`
 */
export async function verifyDpopProof(
  proof: string,
  rules: ProofRules,
  keys: ProofKeys,
): Promise<VerifiedProof> {
  if (proof.length > MAX_PROOF_LENGTH) throw proofInvalid('it is longer than 4 KiB');
  let verified: VerifiedProof;
  let parsed: ParsedToken;
  try {
    parsed = parseToken(proof);
    verified = checkClaims(parsed, rules);
  } catch (error) {
    throw error instanceof SessionError && error.errorType === 'token_invalid'
      ? proofInvalid(error.cause?.message ?? 'it is malformed', error)
      : error;
  }
  const key = await findKey(parsed, rules.keyThumbprint, keys);
  if (!(await key.hasSigned(proof))) throw proofInvalid('its signature does not verify');
  return verified;
}

function checkClaims({ header, claims }: ParsedToken, rules: ProofRules): VerifiedProof {
  if (header.typ !== 'dpop+jwt') throw proofInvalid('`typ` is expected to be dpop+jwt');
  if (!ALGORITHMS.has(header.alg)) {
    throw proofInvalid(`\`alg\` is expected to be one of ${SIGNATURE_ALGORITHMS.join(', ')}`);
  }
  if (required(identifier(claims, 'htm'), 'htm') !== rules.method) {
    throw proofInvalid(`\`htm\` is expected to be ${rules.method}`);
  }
  if (normalizedUrl(required(identifier(claims, 'htu'), 'htu')) !== rules.url) {
    throw proofInvalid(`\`htu\` is expected to be ${rules.url}`);
  }
  const expectedHash = hash('sha256', rules.accessToken, 'base64url');
  if (required(identifier(claims, 'ath'), 'ath') !== expectedHash) {
    throw proofInvalid('`ath` is not the hash of the access token');
  }
  const issuedAtSeconds = required(instant(claims, 'iat'), 'iat');
  const jti = required(identifier(claims, 'jti'), 'jti');
  const allowed = MAX_AGE_SECONDS + rules.clockToleranceSeconds;
  const age = rules.nowSeconds - issuedAtSeconds;
  if (Math.abs(age) > allowed) throw clockIsOff(age);
  return { jti, acceptedUntilSeconds: issuedAtSeconds + allowed };
}

/** @throws SessionError `dpop_proof_invalid` unless it is the public key that the token names */
async function findKey(
  { header: { alg, jwk } }: ParsedToken,
  keyThumbprint: string,
  keys: ProofKeys,
): Promise<SignatureKey> {
  if (!isRecord(jwk)) throw proofInvalid('`jwk` is expected to be a public key');
  if (PRIVATE_MEMBERS.some((name) => jwk[name] !== undefined)) {
    throw proofInvalid('`jwk` holds a private or secret key');
  }
  const key = await keys.find(jwk, alg, keyThumbprint);
  if (typeof key === 'string') throw proofInvalid(key);
  return key;
}

/** @param ageSeconds negative for a proof from the future */
function clockIsOff(ageSeconds: number): SessionError {
  const seconds = Math.ceil(Math.abs(ageSeconds));
  const direction = ageSeconds > 0 ? 'old' : 'ahead';
  return new SessionError('dpop_proof_invalid', {
    detail: `The DPoP proof is ${seconds} s ${direction} by this server's clock, and ${MAX_AGE_SECONDS} s are allowed; set the clock of the client.`,
    dpopAlgorithms: SIGNATURE_ALGORITHMS,
    cause: new Error(`the DPoP proof is ${seconds} s ${direction} by this clock`),
  });
}

export function proofInvalid(reason: string, cause?: unknown): SessionError {
  return new SessionError('dpop_proof_invalid', {
    dpopAlgorithms: SIGNATURE_ALGORITHMS,
    cause: new Error(`the DPoP proof is not valid: ${reason}`, { cause }),
  });
}
