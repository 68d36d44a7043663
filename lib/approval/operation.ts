/**
 * Operations without HTTP that need an approval: a GraphQL mutation, a procedure, a message.
 */
import { readFactorPolicy, type FactorPolicyOptions } from '../mfa/parse-mfa-policy.js';
import { ConfigurationError, OptionReader } from '../option-reader.js';
import type { JsonValue } from '../protocol.js';
import { parseDescription } from './approval-policy.js';
import type { ProtectedOperation } from './approvals.js';
import { operationDigest, sortedJson } from './digest.js';

/** The argument of `session.mfa.requireApproval()`. */
export interface OperationApprovalOptions extends FactorPolicyOptions {
  /** All values that the operation acts on; the approval is bound to them. */
  readonly operation: JsonValue;
  /** The description that the user is shown; at most 1,024 UTF-16 units as JSON. */
  readonly description: JsonValue;
  /** The id of the challenge, once the user has approved it. */
  readonly challengeId?: string | undefined;
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
  const policy = readFactorPolicy(read);
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  const shown = parseDescription(description, `${owner}: \`description\``);
  return {
    challengeId,
    operation: {
      digest: operationDigest(sortedJson(operation, `${owner}: \`operation\``)),
      request: undefined,
      policy,
      describe: () => shown,
    },
  };
}
