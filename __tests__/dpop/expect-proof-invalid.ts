/**
 * The whole answer to a request whose DPoP proof is not valid.
 */
import { expectProblem, type Answered } from '../support/expect-problem.js';

/** The option `origin` of the APIs. */
export const ORIGIN = 'https://api.example.com';

/** The parameter `algs` of the challenges (RFC 9449 section 7.1). */
export const ALGS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519';

/** The detail names the client's clock if that is the reason, and is else always the same. */
export function expectProofInvalid(response: Answered): void {
  const { detail = '' } = response.body as { detail?: string };
  expectProblem(response, 'dpop_proof_invalid', {
    ...(CLOCK_IS_OFF.test(detail) && { detail }),
    dpopAlgorithms: ALGS,
  });
}

const CLOCK_IS_OFF =
  /^The DPoP proof is \d+ s (old|ahead) by this server's clock, and 60 s are allowed; set the clock of the client\.$/;
