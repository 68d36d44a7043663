/**
 * Checks that an Ed25519 public key is a point of its curve. OpenSSL checks points of the NIST curves
 * when a key is imported, but these only when a signature is verified.
 */

/** The field and the curve, −x² + y² = 1 + d·x²·y² (RFC 8032 section 5.1). */
const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** @param x the `x` of the JWK (RFC 8037 section 2): y, little-endian, and the sign of x on top */
export function isEd25519Point(x: unknown): boolean {
  if (typeof x !== 'string') return false;
  const bytes = Buffer.from(x, 'base64url');
  if (bytes.byteLength !== 32) return false;
  const y = BigInt(`0x${bytes.reverse().toString('hex')}`) % 2n ** 255n;
  if (y >= P) return false;
  // The curve, solved for x², is this quotient; Euler's criterion holds for the product as well.
  const numerator = y ** 2n - 1n;
  const denominator = D * y ** 2n + 1n;
  return hasRoot(numerator * denominator) && !isOfSmallOrder(y);
}

/** Whether a number is a square in the field, and not 0, which it is if y is 1 or −1. */
function hasRoot(value: bigint): boolean {
  let result = 1n;
  let power = modP(value);
  for (let exponent = (P - 1n) / 2n; exponent > 0n; exponent /= 2n) {
    if (exponent % 2n === 1n) result = modP(result * power);
    power = modP(power * power);
  }
  return result === 1n;
}

/** Signatures under the points of order 4 and 8 can be made without a private key. */
function isOfSmallOrder(y: bigint): boolean {
  return y === 0n || modP(D * y ** 4n + 2n * y ** 2n - 1n) === 0n;
}

function modP(value: bigint): bigint {
  return ((value % P) + P) % P;
}
