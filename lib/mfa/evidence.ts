/**
 * Evidence of MFA in the claims of an access token. A refresh proves nothing: `auth_time`, `amr`
 * and `acr` describe the original authentication and stay as they were (RFC 9068 section 2.2.1).
 */
import type { JWTPayload } from 'jose';
import { dateOf, isInstant } from '../clock.js';
import { ConfigurationError } from '../option-reader.js';
import type { MfaEvidence } from './mfa-session.js';

/** Reads evidence from a session; undefined if it has no evidence. */
export type ClaimsEvidence = (session: {
  readonly claims: Readonly<JWTPayload>;
}) => MfaEvidence | undefined;

/** RFC 8176 section 2, by the kind of factor. Two kinds make two factors. */
const KNOWLEDGE: readonly string[] = ['kba', 'pin', 'pwd'];
const POSSESSION: readonly string[] = ['hwk', 'otp', 'pop', 'sc', 'sms', 'swk', 'tel'];
const INHERENCE: readonly string[] = ['face', 'fpt', 'iris', 'retina', 'vbm'];

/**
 * Evidence by `amr` (RFC 8176) and `auth_time`: `mfa`, or two values of different kinds among
 * knowledge, possession and inherence. Without either claim there is none.
 *
 * @see RFC 8176 section 2
 *
 * @example
 * validateSession({
 *   mfa: { evidence: amrEvidence() },
 * });
 */
export function amrEvidence(): ClaimsEvidence {
  return function evidenceByAmr({ claims }) {
    const amr = amrOf(claims);
    const kinds = [KNOWLEDGE, POSSESSION, INHERENCE].filter((kind) =>
      amr.some((value) => kind.includes(value)),
    );
    return amr.includes('mfa') || kinds.length > 1 ? evidenceOf(claims, amr) : undefined;
  };
}

/**
 * Evidence by `acr` and `auth_time`: one of the values given, compared by equality, for these
 * values have no order (OpenID Connect Core section 2).
 *
 * @throws ConfigurationError where no values are given
 *
 * @example
 * validateSession({
 *   mfa: { evidence: acrEvidence({ acr: ['urn:example:mfa'] }) },
 * });
 */
export function acrEvidence(options: { readonly acr: readonly string[] }): ClaimsEvidence {
  const accepted: unknown = (options as typeof options | undefined)?.acr;
  if (!Array.isArray(accepted) || accepted.length === 0 || !accepted.every(isAcrValue)) {
    throw new ConfigurationError([
      "acrEvidence({ acr }): `acr` must be a non-empty array of the values that stand for MFA, for instance { acr: ['urn:example:mfa'] }.",
    ]);
  }
  return function evidenceByAcr({ claims }) {
    const { acr } = claims;
    return isAcrValue(acr) && accepted.includes(acr)
      ? evidenceOf(claims, amrOf(claims))
      : undefined;
  };
}

/** One value of a space-separated list that is sent in a quoted string (RFC 9470 section 3). */
export function isAcrValue(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value);
}

function evidenceOf(claims: Readonly<JWTPayload>, amr: readonly string[]): MfaEvidence | undefined {
  const { auth_time: authTime, acr } = claims;
  // 0 counts as absent, as it does for the start of the session.
  if (!isInstant(authTime) || authTime === 0) return undefined;
  return {
    method: amr.find(isOneOf(POSSESSION)) ?? amr.find(isOneOf(INHERENCE)) ?? 'mfa',
    ...(isAcrValue(acr) && { acr }),
    verifiedAt: dateOf(authTime),
  };
}

function isOneOf(kind: readonly string[]): (value: string) => boolean {
  return (value) => kind.includes(value);
}

function amrOf({ amr }: Readonly<JWTPayload>): readonly string[] {
  return Array.isArray(amr) && amr.every((value) => typeof value === 'string') ? amr : [];
}
