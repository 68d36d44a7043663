/**
 * Guards a protected operation: the user has to approve this very request, once.
 */
import { parseDescription } from '../approval/approval-policy.js';
import { bodyMaterial, requestDigest, type RequestTarget } from '../approval/digest.js';
import type { MfaApproval } from '../approval/mfa-approval.js';
import { expectApprovals } from '../approval/session-approvals.js';
import { idsOf, type Identity } from '../authentication/token-verifier.js';
import type { FactorPolicy } from '../mfa/mfa-policy.js';
import { readFactorPolicy, type FactorPolicyOptions } from '../mfa/parse-mfa-policy.js';
import type { MaybePromise } from '../maybe-promise.js';
import { ConfigurationError, OptionReader } from '../option-reader.js';
import type { JsonValue } from '../protocol.js';
import { receivedTarget } from '../request-target.js';
import { VerifiedSession } from '../session.js';
import type { WalletSessions } from '../wallet-sessions.js';
import { checkCalled } from './called-wrongly.js';
import { guardMiddleware, readSessions } from './guard.js';
import type { ConditionRequest, GuardOptions } from './guard.js';
import type { Middleware } from './middleware.js';
import { parsedBodyMaterial } from './request-body.js';
import { isAdmitted, recallSessions, type AdmittedRequest } from './request-session.js';
import { CallbackError } from './send-problem.js';

/** Options of `requireApproval()`. */
export interface RequireApprovalOptions extends FactorPolicyOptions, GuardOptions {
  /**
   * Describes the request to the user, who is shown it before the factor is asked for. It is called
   * when a challenge is made, and not when the approved request comes; what it throws goes to
   * `next(error)`. At most 1,024 UTF-16 units as JSON.
   */
  describe(req: ConditionRequest): MaybePromise<JsonValue>;
  /**
   * Gives the value that is bound in place of the parsed body, for bodies that `req.body` does not
   * hold (multipart) or that a validator alters. Method and URL are bound in any case. What it
   * throws goes to `next(error)`.
   */
  readonly bind?:
    | { ask(req: ConditionRequest): MaybePromise<string | Uint8Array | JsonValue> }['ask']
    | undefined;
  /** Whether this request needs an approval at all. What it throws goes to `next(error)`. */
  readonly when?: { ask(req: ConditionRequest): boolean | Promise<boolean> }['ask'] | undefined;
}

/**
 * Lets a request pass if its user has approved this very request, once. An MFA session or evidence
 * never counts. Mount it last, after `validateSession()`, the body parser and the validation of the
 * body, so that the approved values are those that the handler acts on.
 *
 * Without an approval the answer is 403 `mfa_required` with action `approve_request` and the id of a
 * challenge. The client shows its description, has it approved by a route of the app that calls
 * `session.mfa.approve()`, and sends the same request again with the header `X-Mfa-Challenge-Id`.
 *
 * @throws ConfigurationError
 * @see {@link https://eur-lex.europa.eu/eli/reg_del/2018/389/oj | PSD2 RTS}, Article 5
 *
 * @example
 * app.post('/transfers', express.json(), validateTransfer, requireApproval({
 *   describe: (req) => ({ action: 'transfer', amount: req.body.amount, to: req.body.to }),
 * }), transfer);
 * app.post('/approvals/:id', express.json(), async (req, res) => {
 *   const { mfa, userId } = getSession(req);
 *   res.json(await mfa.approve(req.params.id, () => verifyTotp(userId, req.body.code)));
 * });
 */
export function requireApproval(options: RequireApprovalOptions): Middleware {
  checkCalled('requireApproval({ describe })', options);
  expectApprovals();
  const { describe, bind, when, sessions, policy } = parseOptions(options);
  return guardMiddleware({
    name: 'requireApproval()',
    sessions,
    when,
    async check(admitted, req: ConditionRequest) {
      if (recallSessions(req, sessions).filter(isAdmitted).length > 1) throw severalSessions();
      const identity = VerifiedSession.identityOf(admitted.session);
      try {
        const approval = await requireFor(admitted, identity, req);
        if (approval !== undefined) approvals.set(req, approval);
      } catch (error) {
        admitted.sessions.reports.approvalRefused(error, policy, idsOf(identity), req);
        throw error;
      }
    },
  });

  async function requireFor(
    { session, sessions: core, reads }: AdmittedRequest,
    identity: Identity,
    req: ConditionRequest,
  ): Promise<MfaApproval | undefined> {
    const request: RequestTarget = { method: req.method ?? 'GET', url: receivedTarget(req) };
    const material =
      bind === undefined
        ? parsedBodyMaterial(req)
        : bodyMaterial(await resultOf(() => bind(req)), BOUND);
    const operation = {
      digest: requestDigest(request, material),
      request,
      policy,
      describe: async () => parseDescription(await resultOf(() => describe(req)), DESCRIPTION),
    };
    return core.approvals.requireForRequest(session, identity, req, operation, reads);
  }
}

/** @throws CallbackError with the error of a callback of the app */
async function resultOf(callback: () => unknown): Promise<unknown> {
  try {
    return await callback();
  } catch (error) {
    throw new CallbackError(error);
  }
}

const BOUND = 'requireApproval(): the value that `bind` gives';
const DESCRIPTION = 'requireApproval(): the description that `describe` gives';

const approvals = new WeakMap<object, MfaApproval>();

/**
 * The approval of a request, in the handler behind `requireApproval()`: for the audit record. Its
 * `challengeId` can serve as an idempotency key. Undefined if the request passed without one.
 *
 * @example
 * const guard = requireApproval({ describe: (req) => ({ amount: req.body.amount }) });
 * app.post('/transfers', guard, async (req, res) => {
 *   const approval = getApproval(req);
 *   await transfers.create({ ...req.body, idempotencyKey: approval?.challengeId });
 *   await audit.write({ approval });
 *   res.status(201).end();
 * });
 */
export function getApproval(req: object): MfaApproval | undefined {
  return approvals.get(req);
}

interface ParsedOptions {
  readonly describe: (req: ConditionRequest) => unknown;
  readonly bind: ((req: ConditionRequest) => unknown) | undefined;
  readonly when: ((req: ConditionRequest) => MaybePromise<unknown>) | undefined;
  readonly sessions: WalletSessions | undefined;
  readonly policy: FactorPolicy;
}

function parseOptions(options: unknown): ParsedOptions {
  const complaints: string[] = [];
  const read = new OptionReader<RequireApprovalOptions>('requireApproval()', options, complaints);
  const describe = read.function<ParsedOptions['describe']>('describe');
  if (read.value('describe') === undefined) {
    read.complain(
      '`describe` is missing: a function that describes the request to its user, for instance (req) => ({ action: "transfer", amount: req.body.amount }).',
    );
  }
  const bind = read.function<NonNullable<ParsedOptions['bind']>>('bind');
  const when = read.function<NonNullable<ParsedOptions['when']>>('when');
  const policy = readFactorPolicy(read);
  const sessions = readSessions(read);
  read.end();
  if (complaints.length > 0 || describe === undefined) throw new ConfigurationError(complaints);
  return { describe, bind, when, sessions, policy };
}

function severalSessions(): ConfigurationError {
  return new ConfigurationError([
    'requireApproval() found the sessions of several validateSession() on this request, and one approval cannot be that of several users. Name the one to ask: requireApproval({ sessions, describe }).',
  ]);
}
