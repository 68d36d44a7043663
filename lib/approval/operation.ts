/**
 * Operations without HTTP that need an approval: a GraphQL mutation, a procedure, a message.
 */
import { isAcrValue } from '../mfa/evidence.js';
import { ConfigurationError, OptionReader } from '../option-reader.js';
import type { JsonValue } from '../protocol.js';
import { parseDescription, type FactorDemand } from './approval-policy.js';
import type { ProtectedOperation } from './approvals.js';
import { operationDigest, sortedJson } from './digest.js';

/** The argument of `session.mfa.requireApproval()`. */
export interface OperationApprovalOptions {
  /** All values that the operation acts on; the approval is bound to them. */
  readonly operation: JsonValue;
  /** The description that the user is shown; at most 1,024 UTF-16 units as JSON. */
  readonly description: JsonValue;
  /** The id of the challenge, once the user has approved it. */
  readonly challengeId?: string | undefined;
  /** The methods that are accepted. @defaultValue any */
  readonly methods?: readonly string[] | undefined;
  /** The `acr` values that are accepted. @defaultValue any */
  readonly acr?: readonly string[] | undefined;
  /** Whether users who have not enrolled in MFA pass without an approval. @defaultValue 'deny' */
  readonly whenNotEnrolled?: 'deny' | 'allow' | undefined;
}

/** @throws ConfigurationError */
export function parseOperation(given: unknown): {
  readonly challengeId: unknown;
  readonly operation: Omit<ProtectedOperation, 'isEnrolled'>;
} {
  const complaints: string[] = [];
  const owner = 'mfa.requireApproval()';
  const read = new OptionReader<OperationApprovalOptions>(owner, given, complaints);
  const [operation, description] = [read.value('operation'), read.value('description')];
  const challengeId = read.value('challengeId');
  const demand = readFactorDemand(read);
  const whenNotEnrolled = read.choice('whenNotEnrolled', ['deny', 'allow'], 'deny');
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  const shown = parseDescription(description, `${owner}: \`description\``);
  return {
    challengeId,
    operation: {
      digest: operationDigest(sortedJson(operation, `${owner}: \`operation\``)),
      request: undefined,
      demand,
      whenNotEnrolled,
      describe: () => shown,
    },
  };
}

/** The options `methods` and `acr`. */
export function readFactorDemand<T extends { methods?: unknown; acr?: unknown }>(
  read: OptionReader<T>,
): FactorDemand {
  const [methods, acr] = [read.strings('methods'), read.strings('acr')];
  if (acr?.every(isAcrValue) === false) {
    read.complain('`acr` values must not hold spaces, quotes or backslashes; each is one entry.');
  }
  return { methods, acr };
}
