/**
 * The core without a framework: it finds the session of a request, and acts on sessions from outside
 * of a request. The only file that knows all the rooms below.
 */
import { SessionApprovals } from './approval/session-approvals.js';
import { checkLifetime } from './authentication/claims.js';
import { TokenVerifier, type Identity } from './authentication/token-verifier.js';
import { CarryOver } from './carry-over.js';
import { DpopGuard, namingDpop, refuseUnproven } from './dpop/dpop-guard.js';
import { SessionError } from './errors.js';
import { SIGNATURE_ALGORITHMS } from './jwks/signature.js';
import { andThen, type MaybePromise } from './maybe-promise.js';
import { MfaGuard } from './mfa/mfa-guard.js';
import type { MfaPolicy } from './mfa/mfa-policy.js';
import { MfaSessions } from './mfa/mfa-sessions.js';
import { parseMfaPolicy } from './mfa/parse-mfa-policy.js';
import type { Configuration, SessionOptions } from './options.js';
import { parseOptions } from './parse-options.js';
import { PREVIOUS_ACCESS_TOKEN } from './protocol.js';
import { Revocation } from './revocation.js';
import { VerifiedSession, type Session, type SessionActions } from './session.js';
import { SessionCache } from './session-cache.js';
import type { Sessions } from './sessions-interface.js';
import { readSessionName, readUserName, SignOuts, userOf } from './sign-outs.js';
import { checkStore } from './store/check-store.js';
import { GuardedStore } from './store/guarded-store.js';
import { TrackedStore, type RecordReads } from './store/tracked-store.js';
import {
  inNodeForm,
  readCredentials,
  type AuthenticateRequest,
  type Credentials,
  type RequestWithHeaders,
} from './token-reader.js';
import { isNonEmptyString } from './type-guards.js';
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

/** The session of a request, with what the request has read of the store. */
export interface IdentifiedSession {
  readonly session: VerifiedSession;
  readonly reads: RecordReads;
}

/** The one implementation. The middleware sees more of it than `Sessions` shows. */
export class WalletSessions implements Sessions {
  readonly configuration: Configuration;
  readonly approvals: SessionApprovals<Session>;
  readonly #store: TrackedStore;
  readonly #verifier: TokenVerifier;
  readonly #cache: SessionCache;
  readonly #revocation: Revocation;
  readonly #mfaSessions: MfaSessions;
  readonly #signOuts: SignOuts;
  readonly #mfaGuard: MfaGuard<Session>;
  readonly #issuerNames: readonly string[];
  readonly #carryOver: CarryOver;
  readonly #dpopGuard: DpopGuard;
  readonly #readsDpop: boolean;
  readonly #requiresDpop: boolean;
  readonly #actions: SessionActions;
  readonly #watches: SessionWatches;

  constructor(configuration: Configuration) {
    this.configuration = configuration;
    const { clock, mfa, maxSessionSeconds, clockToleranceSeconds, tokenCache } = configuration;
    const { windowSeconds } = mfa;
    const whenAvailable = configuration.revocation === 'when-available';
    const lifetime = { maxSessionSeconds, clockToleranceSeconds };
    this.#store = new TrackedStore(new GuardedStore(configuration.store));
    const revocation = new Revocation(this.#store, clock, {
      ...lifetime,
      windowSeconds,
      whenAvailable,
    });
    this.approvals = new SessionApprovals(this.#store, clock, revocation, { ...lifetime, ...mfa });
    this.#actions = this.#actionsOf(maxSessionSeconds);
    this.#verifier = new TokenVerifier(configuration.issuers, clock, {
      ...lifetime,
      maxAgeSeconds: tokenCache.maxAgeSeconds,
    });
    this.#cache = new SessionCache(this.#verifier, this.#actions, clock, {
      ...lifetime,
      maxEntries: tokenCache.maxEntries,
    });
    const mfaSessions = new MfaSessions(this.#store, clock, revocation, {
      ...lifetime,
      windowSeconds,
      readsEvidence: mfa.evidence !== undefined,
    });
    this.#revocation = revocation;
    this.#mfaSessions = mfaSessions;
    this.#watches = new SessionWatches(revocation, this.#store, clock, {
      ...lifetime,
      whenAvailable,
    });
    this.#signOuts = new SignOuts(revocation, mfaSessions, clock, (signOut) => {
      this.#watches.signedOut(signOut);
    });
    this.#issuerNames = configuration.issuers.map(({ issuer }) => issuer);
    this.#mfaGuard = new MfaGuard(mfaSessions, revocation, clock, {
      ...mfa,
      clockToleranceSeconds,
    });
    // CDP publishes nothing of bound tokens.
    this.#readsDpop = configuration.issuers.some(
      ({ authentication }) => authentication === 'custom',
    );
    this.#requiresDpop = configuration.issuers.some(({ dpop }) => dpop === 'required');
    this.#dpopGuard = new DpopGuard(this.#store, configuration.store, clock, {
      clockToleranceSeconds,
      origin: configuration.origin,
    });
    const verify = (token: string, expiryGraceSeconds: number): MaybePromise<Identity> =>
      andThen(this.#cache.find(token, expiryGraceSeconds), (session) =>
        VerifiedSession.identityOf(session),
      );
    this.#carryOver = new CarryOver(
      this.#store,
      clock,
      { revocation, mfaSessions, verify },
      { windowSeconds, whenAvailable },
    );
  }

  /**
   * The session of a request; undefined if it is anonymous. It makes no promise if the token is
   * remembered and the store answers at once.
   */
  identify(request: RequestWithHeaders): MaybePromise<IdentifiedSession | undefined> {
    const credentials = readCredentials(this.configuration.token, this.#readsDpop, request);
    if (credentials === undefined) return undefined;
    return namingDpop(credentials.isDpop, () =>
      andThen(this.#cache.find(credentials.token), (session) =>
        this.#admit(session, credentials, request),
      ),
    );
  }

  /** The refusal of an anonymous request. */
  tokenMissing(): SessionError {
    const dpopAlgorithms = this.#requiresDpop ? SIGNATURE_ALGORITHMS : undefined;
    return new SessionError('token_missing', { dpopAlgorithms });
  }

  /** @throws SessionError if the policy is not satisfied */
  checkMfa(session: VerifiedSession, policy: MfaPolicy, reads?: RecordReads): MaybePromise<void> {
    return this.#mfaGuard.check(session, VerifiedSession.identityOf(session), policy, reads);
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
    const identified = await this.identify(inNodeForm(request));
    if (identified === undefined) throw this.tokenMissing();
    return identified.session;
  }

  async authenticateToken(token: string): Promise<Session> {
    if (!isNonEmptyString(token)) throw this.tokenMissing();
    const session = await this.#cache.find(token);
    refuseUnproven(VerifiedSession.identityOf(session));
    await this.#revocation.check(VerifiedSession.identityOf(session), this.#store);
    return session;
  }

  async signOutUser(who: { userId: string; issuer?: string | undefined }): Promise<void> {
    await this.#signOuts.ofUser(readUserName(who, 'signOutUser', this.#issuerNames));
  }

  async signOutSession(which: { sessionId: string; issuer?: string | undefined }): Promise<void> {
    const session = readSessionName(which, 'signOutSession', this.#issuerNames);
    await this.#signOuts.ofSessionNamed(session);
  }

  async endMfa(who: { userId: string; issuer?: string | undefined }): Promise<void> {
    await this.#mfaSessions.endEverywhere(readUserName(who, 'endMfa', this.#issuerNames));
  }

  /**
   * Signs out by a logout token. The same token again changes nothing more.
   *
   * @throws SessionError
   */
  async logOut(logoutToken: string, audience: readonly string[]): Promise<void> {
    await this.#signOuts.byLogoutToken(await this.#verifier.verifyLogout(logoutToken, audience));
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

  #actionsOf(maxSessionSeconds: number): SessionActions {
    return {
      maxSessionSeconds,
      approvals: this.approvals,
      check: async (identity) => {
        await this.#check(identity, this.#store);
      },
      currentMfa: (session) => this.#mfaGuard.current(session, VerifiedSession.identityOf(session)),
      requireMfa: async (session, options) => {
        const policy = parseMfaPolicy('session.mfa.require()', options);
        const reads = this.#readsOf(session);
        const identity = VerifiedSession.identityOf(session);
        await namingDpop(identity.keyThumbprint !== undefined, () =>
          andThen(this.#check(identity, reads), () => this.checkMfa(session, policy, reads)),
        );
      },
      startMfa: (identity, proof) => this.#mfaSessions.start(identity, proof),
      endMfa: (identity) => this.#mfaSessions.end(identity),
      endMfaEverywhere: (identity) => this.#mfaSessions.endEverywhere(userOf(identity)),
      carryOver: (identity, previousToken) => this.#carryOver.toSession(identity, previousToken),
      signOut: (identity) => this.#signOuts.ofSession(identity),
      signOutEverywhere: (identity) => this.#signOuts.everywhere(identity),
    };
  }

  #readsOf(session: VerifiedSession, request?: RequestWithHeaders): RecordReads {
    const identity = VerifiedSession.identityOf(session);
    return this.#store.readsOf(() => [
      ...this.#mfaSessions.keysOf(identity),
      ...(request === undefined ? [] : this.approvals.keysOf(identity, request)),
    ]);
  }

  #admit(
    session: VerifiedSession,
    credentials: Credentials,
    request: RequestWithHeaders,
  ): MaybePromise<IdentifiedSession> {
    const identity = VerifiedSession.identityOf(session);
    const reads = this.#readsOf(session, request);
    const dpop = this.#dpopGuard;
    return andThen(dpop.verify(identity, credentials, request), (proof) =>
      andThen(this.#revocation.check(identity, reads), () =>
        // A proof is spent after all else holds.
        andThen(proof && dpop.spend(proof, request), () => {
          const previousToken = request.headers[PREVIOUS_ACCESS_TOKEN];
          // Before the request goes on, so that its own check of MFA finds what was carried over.
          return andThen(this.#carryOver.ofRequest(identity, previousToken), (carried) => ({
            session,
            // Another process may have carried it over after this request had read.
            reads: carried === undefined ? reads : this.#readsOf(session, request),
          }));
        }),
      ),
    );
  }

  /** As a request with this token would be refused by now. @throws SessionError */
  #check(identity: Identity, reads: RecordReads): MaybePromise<void> {
    const { clock, maxSessionSeconds, clockToleranceSeconds } = this.configuration;
    checkLifetime(identity, clock() / 1000, { maxSessionSeconds, clockToleranceSeconds });
    return this.#revocation.check(identity, reads);
  }
}
