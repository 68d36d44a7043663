/**
 * The check of a signature, by Node itself. jose would do the same by WebCrypto, for three times the
 * time of the one thread that all requests share, and a flood of bad signatures pays with that.
 */
import { constants, KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto';
// Imported, because a test with fake timers replaces the global one.
import { setImmediate } from 'node:timers';
import type { CryptoKey } from 'jose';

/** The signature algorithms there are (RFC 7518, RFC 8037): asymmetric ones only. */
export type SignatureAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519';

interface Scheme {
  /** Undefined: the scheme hashes by itself. */
  readonly digest?: string;
  readonly options?: Omit<VerifyKeyObjectInput, 'key'>;
}

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };
/** The salt is as long as the digest, and of no other length (RFC 7518 section 3.5). */
const PSS = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};
/** The two numbers side by side, and never as DER (RFC 7518 section 3.4). */
const TWO_NUMBERS = { dsaEncoding: 'ieee-p1363' } as const;

/** RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1. */
const SCHEMES: Readonly<Record<SignatureAlgorithm, Scheme>> = {
  RS256: { digest: 'sha256', options: PKCS1 },
  RS384: { digest: 'sha384', options: PKCS1 },
  RS512: { digest: 'sha512', options: PKCS1 },
  PS256: { digest: 'sha256', options: PSS },
  PS384: { digest: 'sha384', options: PSS },
  PS512: { digest: 'sha512', options: PSS },
  ES256: { digest: 'sha256', options: TWO_NUMBERS },
  ES384: { digest: 'sha384', options: TWO_NUMBERS },
  ES512: { digest: 'sha512', options: TWO_NUMBERS },
  EdDSA: {},
  Ed25519: {},
};

export const SIGNATURE_ALGORITHMS: readonly string[] = Object.keys(SCHEMES);

/** A key that jose chose for one algorithm, as Node wants to be told of the two. */
export class SignatureKey {
  readonly #digest: string | undefined;
  readonly #input: VerifyKeyObjectInput;

  /** @param alg one of `SIGNATURE_ALGORITHMS` */
  constructor(alg: string, key: CryptoKey) {
    const { digest, options } = SCHEMES[alg as SignatureAlgorithm];
    this.#digest = digest;
    this.#input = { ...options, key: KeyObject.from(key) };
  }

  /** Whether this key signed a token. It is found out on another thread. */
  async hasSigned(compact: string): Promise<boolean> {
    const end = compact.lastIndexOf('.');
    const signingInput = Buffer.from(compact.slice(0, end), 'latin1');
    const signature = Buffer.from(compact.slice(end + 1), 'base64url');
    await endOfTurn();
    return new Promise((resolve) => {
      verify(this.#digest, signingInput, this.#input, signature, (error, isVerified) => {
        resolve(error === null && isVerified);
      });
    });
  }
}

let currentTurn: Promise<void> | undefined;

/**
 * Resolves when the requests that arrived in this turn of the event loop have been read, so that their
 * checks begin together: to wake a thread for each of them takes a quarter of the time of the checks.
 */
function endOfTurn(): Promise<void> {
  currentTurn ??= new Promise((resolve) => {
    setImmediate(() => {
      currentTurn = undefined;
      resolve();
    });
  });
  return currentTurn;
}
