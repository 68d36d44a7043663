/**
 * The core without a framework: it finds the session of a request, and acts on sessions from outside
 * of a request. The only file that knows all the rooms below.
 */
import { Admission } from './admission.js';
import { SessionApprovals } from './approval/session-approvals.js';
import type { TokenIssuer } from './authentication/token-issuer.js';
import { idsOf, TokenVerifier, type Identity } from './authentication/token-verifier.js';
import { CarryOver } from './carry-over.js';
import { SessionError } from './errors.js';
import {
  isObserved,
  reporting,
  SessionReports,
  type ReportedRequest,
} from './events/session-reports.js';
import { andThen, type MaybePromise } from './maybe-promise.js';
import { MfaGuard } from './mfa/mfa-guard.js';
import type { MfaPolicy } from './mfa/mfa-policy.js';
import { MfaSessions } from './mfa/mfa-sessions.js';
import type { Configuration, SessionOptions } from './options.js';
import { parseOptions } from './parse-options.js';
import { noteOn } from './refusal-note.js';
import { Revocation } from './revocation.js';
import { VerifiedSession, type Session, type SessionActions } from './session.js';
import { sessionActions } from './session-actions.js';
import { SessionCache } from './session-cache.js';
import type { Sessions } from './sessions-interface.js';
import { readSessionName, readUserName, SignOuts, type SignOut } from './sign-outs.js';
import { checkStore } from './store/check-store.js';
import { GuardedStore } from './store/guarded-store.js';
import { TrackedStore, type RecordReads } from './store/tracked-store.js';
import { inNodeForm, type AuthenticateRequest } from './token-reader.js';
import type { SessionWatch, SessionWatchOptions } from './watch/session-watch.js';
import { SessionWatches } from './watch/session-watches.js';

/**
 * Checks the options and makes the core that the middleware is an adapter of.
 *
 * @throws ConfigurationError with every mistake at once
 *
 * @example
 * const sessions = createSessions();
 * app.use(validateSession(sessions));
 * server.on('upgrade', async (req, socket) => {
 *   const session = await sessions.authenticate(req).catch(() => undefined);
 *   if (session === undefined) socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
 * });
 */
export function createSessions(options?: SessionOptions): Sessions {
  return new WalletSessions(parseOptions(options, process.env));
}

/** The one implementation. The middleware sees more of it than `Sessions` shows. */
export class WalletSessions implements Sessions {
  readonly configuration: Configuration;
  readonly approvals: SessionApprovals<Session>;
  readonly admission: Admission;
  readonly reports: SessionReports;
  readonly #store: TrackedStore;
  readonly #verifier: TokenVerifier;
  readonly #mfaSessions: MfaSessions;
  readonly #signOuts: SignOuts;
  readonly #mfaGuard: MfaGuard<Session>;
  readonly #issuers: ReadonlyMap<string, TokenIssuer>;
  readonly #actions: SessionActions;
  readonly #watches: SessionWatches;

  constructor(configuration: Configuration) {
    this.configuration = configuration;
    const { issuers, clock, mfa, maxSessionSeconds, clockToleranceSeconds } = configuration;
    const { maxAgeSeconds, maxEntries } = configuration.tokenCache;
    const { windowSeconds } = mfa;
    const whenAvailable = configuration.revocation === 'when-available';
    const lifetime = { maxSessionSeconds, clockToleranceSeconds };
    this.#issuers = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
    const reports = new SessionReports(clock);
    const store = new TrackedStore(new GuardedStore(configuration.store, clock));
    const revocationRules = { ...lifetime, windowSeconds, whenAvailable };
    const revocation = new Revocation(store, clock, revocationRules);
    const approvalRules = { ...lifetime, ...mfa };
    const approvals = new SessionApprovals(store, clock, revocation, approvalRules, reports);
    const readsEvidence = mfa.evidence !== undefined;
    const mfaSessionRules = { ...lifetime, windowSeconds, readsEvidence };
    const mfaSessions = new MfaSessions(store, clock, revocation, mfaSessionRules);
    const mfaRules = { ...mfa, clockToleranceSeconds };
    const mfaGuard = new MfaGuard<Session>(mfaSessions, revocation, clock, mfaRules);
    const watchRules = { ...lifetime, whenAvailable };
    const watches = new SessionWatches(revocation, store, clock, watchRules, reports);
    const onSignedOut = (signOut: SignOut): void => {
      watches.signedOut(signOut);
    };
    const signOuts = new SignOuts(revocation, mfaSessions, clock, onSignedOut, reports);
    const verify = (token: string, expiryGraceSeconds: number): MaybePromise<Identity> =>
      andThen(cache.find(token, expiryGraceSeconds), (session) =>
        VerifiedSession.identityOf(session),
      );
    const carryOver = new CarryOver(
      store,
      clock,
      { revocation, mfaSessions, verify, reports },
      { windowSeconds, whenAvailable },
    );
    const actions = sessionActions(maxSessionSeconds, {
      ...{ reports, approvals, mfaGuard, mfaSessions, carryOver, signOuts },
      check: (identity, reads = store) => this.admission.check(identity, reads),
      checkMfa: (session, policy, reads) => this.checkMfa(session, policy, reads),
      readsOf: (session) => this.admission.readsOf(session),
    });
    this.#verifier = new TokenVerifier(issuers, clock, { ...lifetime, maxAgeSeconds });
    const cache = new SessionCache(this.#verifier, actions, clock, { ...lifetime, maxEntries });
    this.admission = new Admission(configuration, {
      ...{ store, cache, revocation, mfaSessions, approvals, carryOver, reports },
    });
    this.approvals = approvals;
    this.reports = reports;
    this.#store = store;
    this.#mfaSessions = mfaSessions;
    this.#signOuts = signOuts;
    this.#mfaGuard = mfaGuard;
    this.#actions = actions;
    this.#watches = watches;
  }

  /** @throws SessionError if the policy is not satisfied */
  checkMfa(
    session: VerifiedSession,
    policy: MfaPolicy,
    reads?: RecordReads,
    request?: ReportedRequest,
  ): MaybePromise<unknown> {
    const guard = this.#mfaGuard;
    const identity = VerifiedSession.identityOf(session);
    if (!isObserved()) return guard.check(session, identity, policy, reads);
    const [demand, ids] = [guard.demandOf(policy), idsOf(identity)];
    return reporting(
      () => guard.check(session, identity, policy, reads),
      (mfa) => {
        const ageMs = mfa && this.configuration.clock() - mfa.verifiedAtMs;
        const ageSeconds = ageMs && Math.max(0, Math.floor(ageMs / 1000));
        this.reports.event({ type: 'mfa.passed', ...demand, ageSeconds }, ids, request);
      },
      (error) => {
        this.reports.mfaRefused(error, demand, ids, request);
      },
    );
  }

  /** Whole seconds until the session ends, if that is near enough to warn. */
  endsInSeconds(session: VerifiedSession): number | undefined {
    const { startedAtSeconds } = VerifiedSession.identityOf(session);
    if (startedAtSeconds === undefined) return undefined;
    const { clock, maxSessionSeconds, warnBeforeSeconds } = this.configuration;
    const left = startedAtSeconds + maxSessionSeconds - clock() / 1000;
    return left <= warnBeforeSeconds ? Math.max(0, Math.floor(left)) : undefined;
  }

  async authenticate(request: AuthenticateRequest): Promise<Session> {
    const identified = await this.admission.ofRequest(inNodeForm(request), true, request);
    if (identified === undefined) throw this.admission.tokenMissing();
    return identified.session;
  }

  async authenticateToken(token: string): Promise<Session> {
    const { session } = await this.admission.ofToken(token);
    return session;
  }

  async signOutUser(who: { userId: string; issuer?: string | undefined }): Promise<void> {
    await this.#signOuts.ofUser(readUserName(who, 'signOutUser', this.#issuerNames()));
  }

  async signOutSession(which: { sessionId: string; issuer?: string | undefined }): Promise<void> {
    const session = readSessionName(which, 'signOutSession', this.#issuerNames());
    await this.#signOuts.ofSessionNamed(session);
  }

  async endMfa(who: { userId: string; issuer?: string | undefined }): Promise<void> {
    const user = readUserName(who, 'endMfa', this.#issuerNames());
    await this.#mfaSessions.endEverywhere(user);
    const scope = this.#issuers.get(user.issuer)?.mfaScope ?? 'user';
    this.reports.event({ type: 'mfa.ended', scope, everywhere: true }, user);
  }

  /**
   * Signs out by a logout token. The same token again changes nothing more.
   *
   * @throws SessionError
   */
  async logOut(
    logoutToken: string,
    audience: readonly string[],
    request: ReportedRequest,
  ): Promise<void> {
    const facts = await this.#verifier.verifyLogout(logoutToken, audience);
    try {
      await this.#signOuts.byLogoutToken(facts, request);
    } catch (error) {
      const { issuer, userId, sessionId } = facts;
      if (error instanceof SessionError) {
        noteOn(error, { ids: { issuer: issuer.issuer, userId, sessionId } });
      }
      throw error;
    }
  }

  async ready(): Promise<void> {
    await Promise.all([this.#verifier.ready(), checkStore(this.#store)]);
  }

  watch(session: Session, options?: SessionWatchOptions): SessionWatch {
    const own = Object(session) as object;
    if (!VerifiedSession.isOf(this.#actions, own)) {
      throw new TypeError(
        'sessions.watch(session): `session` must be one that these sessions have authenticated.',
      );
    }
    return this.#watches.watch(VerifiedSession.identityOf(own), options);
  }

  refreshKeys(): Promise<void> {
    return this.#verifier.refreshKeys();
  }

  #issuerNames(): string[] {
    return [...this.#issuers.keys()];
  }
}
