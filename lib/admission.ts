/**
 * Admits requests: from a request or a token to its session, by all that a request has to pass.
 */
import { checkLifetime } from './authentication/claims.js';
import type { SessionApprovals } from './approval/session-approvals.js';
import { idsOf, type Identity } from './authentication/token-verifier.js';
import type { CarryOver } from './carry-over.js';
import { DpopGuard, namingDpop, refuseUnproven } from './dpop/dpop-guard.js';
import { SessionError } from './errors.js';
import {
  isObserved,
  reporting,
  type ReportedRequest,
  type SessionReports,
} from './events/session-reports.js';
import { SIGNATURE_ALGORITHMS } from './jwks/signature.js';
import { andThen, isPromiseLike, type MaybePromise } from './maybe-promise.js';
import type { MfaSessions } from './mfa/mfa-sessions.js';
import type { Configuration } from './options.js';
import { PREVIOUS_ACCESS_TOKEN } from './protocol.js';
import { noteOn } from './refusal-note.js';
import type { Revocation } from './revocation.js';
import { VerifiedSession, type Session } from './session.js';
import type { SessionCache } from './session-cache.js';
import type { RecordReads, TrackedStore } from './store/tracked-store.js';
import { readCredentials, type Credentials, type RequestWithHeaders } from './token-reader.js';
import { isNonEmptyString } from './type-guards.js';

/** The session of a request, with what the request has read of the store. */
export interface IdentifiedSession {
  readonly session: VerifiedSession;
  readonly reads: RecordReads;
  /** Whether the token had been verified before. */
  readonly remembered: boolean;
}

/** The parts of the core that a request passes. */
export interface AdmissionParts {
  readonly store: TrackedStore;
  readonly cache: SessionCache;
  readonly revocation: Revocation;
  readonly mfaSessions: MfaSessions;
  readonly approvals: SessionApprovals<Session>;
  readonly carryOver: CarryOver;
  readonly reports: SessionReports;
}

export class Admission {
  readonly #configuration: Configuration;
  readonly #parts: AdmissionParts;
  readonly #dpopGuard: DpopGuard;
  readonly #readsDpop: boolean;
  readonly #requiresDpop: boolean;

  constructor(configuration: Configuration, parts: AdmissionParts) {
    const { issuers, store, clock, clockToleranceSeconds, origin } = configuration;
    this.#configuration = configuration;
    this.#parts = parts;
    // CDP publishes nothing of bound tokens.
    this.#readsDpop = issuers.some(({ authentication }) => authentication === 'custom');
    this.#requiresDpop = issuers.some(({ dpop }) => dpop === 'required');
    const dpopRules = { clockToleranceSeconds, origin };
    this.#dpopGuard = new DpopGuard(parts.store, store, clock, dpopRules);
  }

  /**
   * The session of a request; undefined if it is anonymous. It makes no promise if the token is
   * remembered and the store answers at once.
   *
   * @param isRequired whether an anonymous request is refused
   * @param source the request as the caller has it, for its correlation id
   */
  ofRequest(
    request: RequestWithHeaders,
    isRequired: boolean,
    source: ReportedRequest = request,
  ): MaybePromise<IdentifiedSession | undefined> {
    return isObserved()
      ? this.#reported(() => this.#identify(request, isRequired), source)
      : this.#identify(request, isRequired);
  }

  /** The session of an access token. @throws SessionError */
  async ofToken(token: string): Promise<IdentifiedSession> {
    const identified = await this.#reported(() => this.#identifyToken(token));
    if (identified === undefined) throw this.tokenMissing();
    return identified;
  }

  /** The refusal of an anonymous request. */
  tokenMissing(): SessionError {
    const dpopAlgorithms = this.#requiresDpop ? SIGNATURE_ALGORITHMS : undefined;
    return new SessionError('token_missing', { dpopAlgorithms });
  }

  /** As a request with this token would be refused by now. @throws SessionError */
  check(identity: Identity, reads: RecordReads): MaybePromise<void> {
    const { clock, maxSessionSeconds, clockToleranceSeconds } = this.#configuration;
    checkLifetime(identity, clock() / 1000, { maxSessionSeconds, clockToleranceSeconds });
    return this.#parts.revocation.check(identity, reads);
  }

  /** The records that a request with this session, or a check of it, may need. */
  readsOf(session: VerifiedSession, request?: RequestWithHeaders): RecordReads {
    const { store, mfaSessions, approvals } = this.#parts;
    const identity = VerifiedSession.identityOf(session);
    return store.readsOf(() => [
      ...mfaSessions.keysOf(identity),
      ...(request === undefined ? [] : approvals.keysOf(identity, request)),
    ]);
  }

  #reported(
    work: () => MaybePromise<IdentifiedSession | undefined>,
    source?: ReportedRequest,
  ): MaybePromise<IdentifiedSession | undefined> {
    const { reports } = this.#parts;
    return reporting(
      work,
      (identified) => {
        if (identified === undefined) return;
        const { session, remembered } = identified;
        const ids = idsOf(VerifiedSession.identityOf(session));
        reports.event({ type: 'session.admitted', remembered }, ids, source);
      },
      (error) => {
        reports.refused(error, undefined, source);
      },
    );
  }

  #identify(
    request: RequestWithHeaders,
    isRequired: boolean,
  ): MaybePromise<IdentifiedSession | undefined> {
    const credentials = readCredentials(this.#configuration.token, this.#readsDpop, request);
    if (credentials === undefined) {
      if (isRequired) throw this.tokenMissing();
      this.#parts.reports.anonymous();
      return undefined;
    }
    return namingDpop(credentials.isDpop, () => {
      const found = this.#parts.cache.find(credentials.token);
      const remembered = !isPromiseLike(found);
      return andThen(found, (session) =>
        isObserved()
          ? withIds(session, () => this.#admit(session, credentials, request, remembered))
          : this.#admit(session, credentials, request, remembered),
      );
    });
  }

  async #identifyToken(token: string): Promise<IdentifiedSession> {
    if (!isNonEmptyString(token)) throw this.tokenMissing();
    const { cache, revocation, store } = this.#parts;
    const found = cache.find(token);
    const session = await found;
    const identity = VerifiedSession.identityOf(session);
    await withIds(session, () => {
      refuseUnproven(identity);
      return revocation.check(identity, store);
    });
    return { session, reads: store, remembered: !isPromiseLike(found) };
  }

  #admit(
    session: VerifiedSession,
    credentials: Credentials,
    request: RequestWithHeaders,
    remembered: boolean,
  ): MaybePromise<IdentifiedSession> {
    const identity = VerifiedSession.identityOf(session);
    const reads = this.readsOf(session, request);
    const identified = { session, reads, remembered };
    if (credentials.isDpop) return this.#admitProven(identified, credentials, request);
    refuseUnproven(identity);
    return andThen(this.#parts.revocation.check(identity, reads), () =>
      this.#carryOver(identified, request),
    );
  }

  #admitProven(
    identified: IdentifiedSession,
    credentials: Credentials,
    request: RequestWithHeaders,
  ): MaybePromise<IdentifiedSession> {
    const identity = VerifiedSession.identityOf(identified.session);
    const dpop = this.#dpopGuard;
    return andThen(dpop.verify(identity, credentials.token, request), (proof) =>
      andThen(this.#parts.revocation.check(identity, identified.reads), () =>
        // A proof is spent after all else holds.
        andThen(proof && dpop.spend(proof, request), () => this.#carryOver(identified, request)),
      ),
    );
  }

  /** Before the request goes on, so that its own check of MFA finds what was carried over. */
  #carryOver(
    identified: IdentifiedSession,
    request: RequestWithHeaders,
  ): MaybePromise<IdentifiedSession> {
    const previousToken = request.headers[PREVIOUS_ACCESS_TOKEN];
    if (previousToken === undefined) return identified;
    const { session } = identified;
    const identity = VerifiedSession.identityOf(session);
    return andThen(this.#parts.carryOver.ofRequest(identity, previousToken, request), (carried) =>
      // Another process may have carried it over after this request had read.
      carried === undefined ? identified : { ...identified, reads: this.readsOf(session, request) },
    );
  }
}

/** Notes whose session it is on the error that `work` fails with. */
function withIds<T>(session: VerifiedSession, work: () => MaybePromise<T>): MaybePromise<T> {
  const ids = idsOf(VerifiedSession.identityOf(session));
  return reporting(work, noop, (error) => {
    if (error instanceof SessionError) noteOn(error, { ids });
  });
}

function noop(): void {
  // Only a failure is of interest.
}
