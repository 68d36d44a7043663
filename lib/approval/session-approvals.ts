/**
 * The challenges and approvals of a session: whose they are, and that the session is not over.
 */
import { checkLifetime, type LifetimeRules } from '../authentication/claims.js';
import { idsOf, type Identity } from '../authentication/token-verifier.js';
import type { Clock } from '../clock.js';
import { isBoundToKey, namingDpop } from '../dpop/dpop-guard.js';
import type { ReportedRequest, SessionReports } from '../events/session-reports.js';
import { andThen, type MaybePromise } from '../maybe-promise.js';
import { MFA_CHALLENGE_ID } from '../protocol.js';
import { decodeUserSignOut } from '../records/raised.js';
import { challengeRoomKey, mfaEndKey } from '../records/record-keys.js';
import type { Revocation } from '../revocation.js';
import type { RecordReads, TrackedStore } from '../store/tracked-store.js';
import type { RequestWithHeaders } from '../token-reader.js';
import { Approvals, type ApprovalLookup, type ProtectedOperation } from './approvals.js';
import type { ChallengeOwner } from './challenge-owner.js';
import { Challenges, type FactorVerifier } from './challenges.js';
import type { MfaApproval, MfaChallenge } from './mfa-approval.js';
import { parseOperation, type OperationApprovalOptions } from './operation.js';

export interface ApprovalRules<S> extends LifetimeRules {
  readonly challengeSeconds: number;
  readonly isEnrolled: ((session: S) => boolean | Promise<boolean>) | undefined;
}

/** Whether a `requireApproval()` exists, so that each request may need an approval. */
let areExpected = false;

export function expectApprovals(): void {
  areExpected = true;
}

const CHALLENGE_HEADER = MFA_CHALLENGE_ID.toLowerCase();

export class SessionApprovals<S> {
  readonly #store: TrackedStore;
  readonly #clock: Clock;
  readonly #revocation: Revocation;
  readonly #rules: ApprovalRules<S>;
  readonly #reports: SessionReports;
  readonly #approvals: Approvals;
  readonly #challenges: Challenges;
  /** By request: the keys that were read before its operation was known. */
  readonly #lookups = new WeakMap<object, ApprovalLookup>();

  constructor(
    store: TrackedStore,
    clock: Clock,
    revocation: Revocation,
    rules: ApprovalRules<S>,
    reports: SessionReports,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#revocation = revocation;
    this.#rules = rules;
    this.#reports = reports;
    this.#approvals = new Approvals(store, clock, rules);
    this.#challenges = new Challenges(store, clock);
  }

  /** The keys that a `requireApproval()` behind may ask for. */
  keysOf(identity: Identity, request: RequestWithHeaders): readonly string[] {
    const givenId = request.headers[CHALLENGE_HEADER];
    if (!areExpected && givenId === undefined) return [];
    const lookup = this.#approvals.lookUp(roomOf(identity), givenId);
    this.#lookups.set(request, lookup);
    return lookup.keys;
  }

  /** Spends the approval of a request. @throws SessionError if there is no approval */
  async requireForRequest(
    session: S,
    identity: Identity,
    request: RequestWithHeaders,
    operation: Omit<ProtectedOperation, 'isEnrolled'>,
    reads?: RecordReads,
  ): Promise<MfaApproval | undefined> {
    const lookup =
      this.#lookups.get(request) ??
      this.#approvals.lookUp(roomOf(identity), request.headers[CHALLENGE_HEADER]);
    return this.#require(session, identity, lookup, operation, { request, reads });
  }

  /** Spends the approval of an operation without HTTP. @throws SessionError if there is none */
  async require(
    session: S,
    identity: Identity,
    options: OperationApprovalOptions,
  ): Promise<MfaApproval | undefined> {
    const { challengeId, operation } = parseOperation(options);
    const lookup = this.#approvals.lookUp(roomOf(identity), challengeId);
    return this.#require(session, identity, lookup, operation, {});
  }

  async find(identity: Identity, id: unknown): Promise<MfaChallenge | undefined> {
    this.#checkLifetime(identity);
    return this.#challenges.find(this.#ownerOf(identity), id);
  }

  async approve(identity: Identity, id: unknown, verify: FactorVerifier): Promise<MfaApproval> {
    this.#checkLifetime(identity);
    return this.#challenges.approve(this.#ownerOf(identity), id, verify);
  }

  async deny(identity: Identity, id: unknown): Promise<void> {
    this.#checkLifetime(identity);
    await this.#challenges.deny(this.#ownerOf(identity), id);
  }

  async #require(
    session: S,
    identity: Identity,
    lookup: ApprovalLookup,
    operation: Omit<ProtectedOperation, 'isEnrolled'>,
    {
      request,
      reads,
    }: { readonly request?: RequestWithHeaders; readonly reads?: RecordReads | undefined },
  ): Promise<MfaApproval | undefined> {
    // A request has just been admitted.
    if (request === undefined) this.#checkLifetime(identity);
    const owner = this.#ownerOf(identity, reads, request);
    const isEnrolled = (): unknown => this.#rules.isEnrolled?.(session);
    const approval = await this.#approvals.require(owner, lookup, { ...operation, isEnrolled });
    if (approval === undefined) {
      const { methods, acr } = operation.policy;
      this.#reports.event({ type: 'mfa.passed', methods, acr }, idsOf(identity), request);
    }
    return approval;
  }

  #checkLifetime(identity: Identity): void {
    const check = (): void => {
      checkLifetime(identity, this.#clock() / 1000, this.#rules);
    };
    void namingDpop(isBoundToKey(identity), check);
  }

  /** Whatever the option `revocation` says, an approval needs an answer. */
  #judge(identity: Identity, values: readonly (string | undefined)[]): MaybePromise<void> {
    return namingDpop(isBoundToKey(identity), () => this.#revocation.judge(identity, values));
  }

  #ownerOf(
    identity: Identity,
    reads: RecordReads = this.#store,
    request?: ReportedRequest,
  ): ChallengeOwner {
    const signOutKeys = this.#revocation.keysOf(identity);
    const endKeys = [...signOutKeys, mfaEndKey(identity.userDigest)];
    return {
      issuer: identity.issuer.issuer,
      userId: identity.userId,
      room: roomOf(identity),
      report: (type, facts = {}) => {
        const { challengeId, digest, description, method, acr } = facts;
        const members = { challengeId, digest, description, method, acr };
        this.#reports.event({ type, ...members }, idsOf(identity), request);
      },
      read: (keys) =>
        andThen(reads.read([...endKeys, ...keys]), (values) =>
          andThen(this.#judge(identity, values.slice(0, signOutKeys.length)), () => {
            const [ofUser] = values;
            const mfaEnd = values[signOutKeys.length];
            const signedOutUntil = ofUser === undefined ? undefined : decodeUserSignOut(ofUser);
            return { values: values.slice(endKeys.length), ends: { mfaEnd, signedOutUntil } };
          }),
        ),
    };
  }
}

/** By scope, challenges belong to a session that has an id, or to the user. */
function roomOf({ issuer, userDigest, sessionDigest }: Identity): string {
  return challengeRoomKey(userDigest, issuer.mfaScope === 'client' ? sessionDigest : undefined);
}
