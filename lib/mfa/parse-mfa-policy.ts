/**
 * Reads the options of `requireMfa()` and of `session.mfa.require()`.
 */
import { ConfigurationError, OptionReader } from '../option-reader.js';
import { isAcrValue } from './evidence.js';
import type { FactorPolicy, MfaPolicy } from './mfa-policy.js';

/** The factor that a protected operation demands. */
export interface FactorPolicyOptions {
  /** The methods of which one is demanded. @defaultValue any method */
  readonly methods?: readonly string[] | undefined;
  /**
   * The `acr` values of which one is demanded; the challenge names them.
   * @defaultValue any or none
   * @see RFC 9470, section 3
   */
  readonly acr?: readonly string[] | undefined;
  /** Whether users who are not enrolled in MFA are refused. @defaultValue 'deny' */
  readonly whenNotEnrolled?: 'deny' | 'allow' | undefined;
}

/** The MFA that a protected operation demands. */
export interface MfaPolicyOptions extends FactorPolicyOptions {
  /**
   * Maximum age of the verification in seconds, capped at `mfa.windowSeconds`.
   * @defaultValue `mfa.windowSeconds`
   */
  readonly maxAgeSeconds?: number | undefined;
}

/** Reads the policy of options that may have further members. */
export function readMfaPolicy(read: OptionReader<MfaPolicyOptions>): MfaPolicy {
  return { maxAgeSeconds: read.number('maxAgeSeconds', { min: 1 }), ...readFactorPolicy(read) };
}

/** Reads the demand for a factor of options that may have further members. */
export function readFactorPolicy(read: OptionReader<FactorPolicyOptions>): FactorPolicy {
  const policy: FactorPolicy = {
    methods: read.strings('methods'),
    acr: read.strings('acr'),
    whenNotEnrolled: read.choice('whenNotEnrolled', ['deny', 'allow'], 'deny'),
  };
  if (policy.acr?.every(isAcrValue) === false) {
    read.complain('`acr` values must not hold spaces, quotes or backslashes; each is one entry.');
  }
  return policy;
}

/** @throws ConfigurationError with every mistake at once */
export function parseMfaPolicy(owner: string, options: unknown): MfaPolicy {
  const complaints: string[] = [];
  const read = new OptionReader<MfaPolicyOptions & { when?: unknown }>(owner, options, complaints);
  const policy = readMfaPolicy(read);
  if (read.value('when') !== undefined) {
    read.complain(
      '`when` decides about requests, and there is none here: call it if MFA is needed.',
    );
  }
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return policy;
}
