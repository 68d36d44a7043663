/**
 * The actions of a session. Each tells operators of its outcome, once.
 */
import type { SessionApprovals } from './approval/session-approvals.js';
import { idsOf, type Identity } from './authentication/token-verifier.js';
import type { CarryOver } from './carry-over.js';
import { isBoundToKey, namingDpop } from './dpop/dpop-guard.js';
import type { SessionReports } from './events/session-reports.js';
import type { MaybePromise } from './maybe-promise.js';
import type { MfaGuard } from './mfa/mfa-guard.js';
import type { MfaPolicy } from './mfa/mfa-policy.js';
import type { MfaSessions } from './mfa/mfa-sessions.js';
import { parseMfaPolicy } from './mfa/parse-mfa-policy.js';
import { VerifiedSession, type Session, type SessionActions } from './session.js';
import { userOf, type SignOuts } from './sign-outs.js';
import type { RecordReads } from './store/tracked-store.js';

/** The parts of the core that sessions act on. */
export interface ActionParts {
  readonly reports: SessionReports;
  readonly approvals: SessionApprovals<Session>;
  readonly mfaGuard: MfaGuard<Session>;
  readonly mfaSessions: MfaSessions;
  readonly carryOver: CarryOver;
  readonly signOuts: SignOuts;
  /** As a request with this token would be refused by now. */
  check(identity: Identity, reads?: RecordReads): MaybePromise<void>;
  checkMfa(session: VerifiedSession, policy: MfaPolicy, reads: RecordReads): MaybePromise<unknown>;
  readsOf(session: VerifiedSession): RecordReads;
}

/** @param parts read when a session acts, so the core may still be in the making */
export function sessionActions(maxSessionSeconds: number, parts: ActionParts): SessionActions {
  const { reports } = parts;

  /** Reports an error of `work`, if it is one of the library. */
  async function reported<T>(identity: Identity, work: () => MaybePromise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      reports.actionRefused(error, idsOf(identity));
      throw error;
    }
  }

  function act<T>(identity: Identity, work: () => MaybePromise<T>): Promise<T> {
    return reported(identity, () => namingDpop(isBoundToKey(identity), work));
  }

  async function check(identity: Identity, reads?: RecordReads): Promise<void> {
    try {
      await namingDpop(isBoundToKey(identity), () => parts.check(identity, reads));
    } catch (error) {
      reports.refused(error, idsOf(identity));
      throw error;
    }
  }

  return {
    maxSessionSeconds,
    check,
    challenge: (identity, id) => act(identity, () => parts.approvals.find(identity, id)),
    approve: (identity, id, verify) =>
      // The approvals name DPoP themselves: an error of `verify` comes through as it is.
      reported(identity, () => parts.approvals.approve(identity, id, verify)),
    deny: (identity, id) => act(identity, () => parts.approvals.deny(identity, id)),
    async requireApproval(session, options) {
      const identity = VerifiedSession.identityOf(session);
      try {
        return await namingDpop(isBoundToKey(identity), () =>
          parts.approvals.require(session, identity, options),
        );
      } catch (error) {
        reports.approvalRefused(error, options, idsOf(identity));
        throw error;
      }
    },
    currentMfa(session) {
      const identity = VerifiedSession.identityOf(session);
      return act(identity, () => parts.mfaGuard.current(session, identity));
    },
    async requireMfa(session, options) {
      const policy = parseMfaPolicy('session.mfa.require()', options);
      const reads = parts.readsOf(session);
      const identity = VerifiedSession.identityOf(session);
      await check(identity, reads);
      await namingDpop(isBoundToKey(identity), () => parts.checkMfa(session, policy, reads));
    },
    startMfa: (identity, proof) =>
      act(identity, async () => {
        const mfa = await parts.mfaSessions.start(identity, proof);
        const { method, acr } = mfa;
        const scope = identity.issuer.mfaScope;
        reports.event({ type: 'mfa.started', scope, method, acr }, idsOf(identity));
        return mfa;
      }),
    endMfa: (identity) =>
      act(identity, async () => {
        const { method, acr } = (await parts.mfaSessions.end(identity)) ?? {};
        const facts = { type: 'mfa.ended', scope: identity.issuer.mfaScope, method, acr } as const;
        reports.event({ ...facts, everywhere: false }, idsOf(identity));
      }),
    endMfaEverywhere: (identity) =>
      act(identity, async () => {
        await parts.mfaSessions.endEverywhere(userOf(identity));
        const facts = { type: 'mfa.ended', scope: identity.issuer.mfaScope } as const;
        reports.event({ ...facts, everywhere: true }, idsOf(identity));
      }),
    carryOver: (identity, previousToken) =>
      act(identity, () => parts.carryOver.toSession(identity, previousToken)),
    signOut: (identity) => act(identity, () => parts.signOuts.ofSession(identity)),
    signOutEverywhere: (identity) => act(identity, () => parts.signOuts.everywhere(identity)),
  };
}
