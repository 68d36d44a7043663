/**
 * The core without a framework: from a request to its session, and what can be done to sessions
 * from outside of a request. The only file that knows all the rooms below.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { TokenVerifier, type Identity } from './authentication/token-verifier.js';
import { VerifiedTokens } from './authentication/verified-tokens.js';
import { SessionError } from './errors.js';
import { andThen, type MaybePromise } from './maybe-promise.js';
import { isBoundToToken, isPrevious } from './mfa/carry-over.js';
import { MfaGuard } from './mfa/mfa-guard.js';
import type { MfaPolicy } from './mfa/mfa-policy.js';
import type { MfaSession } from './mfa/mfa-session.js';
import { MfaSessions, type MfaProof } from './mfa/mfa-sessions.js';
import { parseOptions, type Configuration, type SessionOptions } from './options.js';
import { PREVIOUS_ACCESS_TOKEN } from './protocol.js';
import type { UserName } from './records/record-keys.js';
import { Revocation } from './revocation.js';
import { VerifiedSession, type Session, type SessionActions } from './session.js';
import { GuardedStore } from './store/guarded-store.js';
import { readToken, type RequestWithHeaders } from './token-reader.js';
import { isNonEmptyString, isRecord } from './type-guards.js';

/** Everything there is without Express: for WebSocket upgrades, other frameworks, jobs and probes. */
export interface Sessions {
  /**
   * The session of a request, with an MFA session carried over as in `validateSession()`.
   *
   * @throws SessionError; `token_missing` where there is no token
   */
  authenticate(request: { headers: IncomingHttpHeaders }): Promise<Session>;
  /** The session of an access token. @throws SessionError */
  authenticateToken(token: string): Promise<Session>;
  /**
   * Signs out every session of a user that started in this second or earlier, MFA sessions
   * included. `issuer` may be left out where there is one.
   *
   * @throws SessionError `store_unavailable`
   */
  signOutUser(who: { userId: string; issuer?: string | undefined }): Promise<void>;
  /** Signs out one session by its id. @throws SessionError `store_unavailable` */
  signOutSession(which: { sessionId: string; issuer?: string | undefined }): Promise<void>;
  /** Voids all MFA sessions of a user, and older evidence. @throws SessionError `store_unavailable` */
  endMfa(who: { userId: string; issuer?: string | undefined }): Promise<void>;
  /**
   * Resolves once keys are loaded and the store is reachable: for start-up and readiness probes.
   *
   * @throws SessionError `verification_unavailable` or `store_unavailable`
   */
  ready(): Promise<void>;
}

/**
 * Checks the options and makes the core that the middleware is an adapter of.
 *
 * @throws ConfigurationError with every mistake at once
 */
export function createSessions(options?: SessionOptions): Sessions {
  return new WalletSessions(parseOptions(options, process.env));
}

/** The one implementation. The middleware sees more of it than `Sessions` shows. */
export class WalletSessions implements Sessions {
  readonly configuration: Configuration;
  readonly #store: GuardedStore;
  readonly #verifier: TokenVerifier;
  readonly #tokens: VerifiedTokens<VerifiedSession>;
  readonly #revocation: Revocation;
  readonly #mfaSessions: MfaSessions;
  readonly #mfaGuard: MfaGuard<Session>;

  constructor(configuration: Configuration) {
    this.configuration = configuration;
    const { clock, mfa, maxSessionSeconds, clockToleranceSeconds, tokenCache } = configuration;
    const { windowSeconds } = mfa;
    const lifetime = { maxSessionSeconds, clockToleranceSeconds };
    const actions = this.#actions(maxSessionSeconds);
    this.#store = new GuardedStore(configuration.store);
    this.#verifier = new TokenVerifier(configuration.issuers, clock, {
      ...lifetime,
      maxAgeSeconds: tokenCache.maxAgeSeconds,
    });
    this.#tokens = new VerifiedTokens(
      this.#verifier,
      {
        of: (identity) => new VerifiedSession(identity, actions),
        identityOf: (session) => VerifiedSession.identityOf(session),
      },
      clock,
      { ...lifetime, maxEntries: tokenCache.maxEntries },
    );
    this.#revocation = new Revocation(this.#store, clock, {
      ...lifetime,
      windowSeconds,
      whenAvailable: configuration.revocation === 'when-available',
    });
    this.#mfaSessions = new MfaSessions(this.#store, clock, { windowSeconds, maxSessionSeconds });
    this.#mfaGuard = new MfaGuard(this.#mfaSessions, clock, { ...mfa, clockToleranceSeconds });
  }

  /**
   * The session of a request, undefined where it is anonymous. Nothing is waited for, and no promise
   * made, where the token is a known one and the store answers at once.
   */
  identify(request: RequestWithHeaders): MaybePromise<VerifiedSession | undefined> {
    const token = readToken(this.configuration.token, request);
    if (token === undefined) return undefined;
    return andThen(this.#tokens.find(token), (session) => this.#admit(session, request));
  }

  /** @throws SessionError where the policy is not satisfied */
  checkMfa(session: VerifiedSession, policy: MfaPolicy): MaybePromise<void> {
    const identity = VerifiedSession.identityOf(session);
    return andThen(this.#revocation.confirm(identity), () =>
      this.#mfaGuard.check(session, identity, policy),
    );
  }

  /** Whole seconds until the session ends, where that is near enough to warn. */
  endsInSeconds(session: VerifiedSession): number | undefined {
    const { startedAtSeconds } = VerifiedSession.identityOf(session);
    if (startedAtSeconds === undefined) return undefined;
    const { clock, maxSessionSeconds, warnBeforeSeconds } = this.configuration;
    const left = startedAtSeconds + maxSessionSeconds - clock() / 1000;
    return left <= warnBeforeSeconds ? Math.max(0, Math.floor(left)) : undefined;
  }

  async authenticate(request: RequestWithHeaders): Promise<Session> {
    const session = await this.identify(request);
    if (session === undefined) throw new SessionError('token_missing');
    return session;
  }

  async authenticateToken(token: string): Promise<Session> {
    if (!isNonEmptyString(token)) throw new SessionError('token_missing');
    const session = await this.#tokens.find(token);
    await this.#revocation.check(VerifiedSession.identityOf(session));
    return session;
  }

  async signOutUser(who: { userId: string; issuer?: string | undefined }): Promise<void> {
    await this.#signOutUser(this.#userOf(who, 'signOutUser'), this.#thisSecond());
  }

  async signOutSession(which: { sessionId: string; issuer?: string | undefined }): Promise<void> {
    const { id, issuer } = this.#named(which, 'sessionId', 'signOutSession');
    await this.#revocation.signOutSession({ issuer, sessionId: id });
  }

  async endMfa(who: { userId: string; issuer?: string | undefined }): Promise<void> {
    await this.#mfaSessions.endEverywhere(this.#userOf(who, 'endMfa'));
  }

  /**
   * Signs out what a logout token names: one session, or whatever of the user started up to then.
   * Once more does nothing more.
   *
   * @throws SessionError
   */
  async logOut(logoutToken: string, audience: readonly string[]): Promise<void> {
    const logout = await this.#verifier.verifyLogout(logoutToken, audience);
    const { userId, sessionId } = logout;
    const { issuer } = logout.issuer;
    if (sessionId === undefined) {
      // To the end of that second: whatever was verified in it belonged to what ends.
      await this.#mfaSessions.endUntil({ issuer, userId }, logout.lastSecond * 1000 + 999);
      await this.#revocation.signOutUser({ issuer, userId }, logout.lastSecond);
      return;
    }
    // Without the user's name it cannot be found, but no session is left that could use it.
    if (userId !== undefined)
      await this.#mfaSessions.removeOfSession({ issuer, userId }, sessionId);
    await this.#revocation.signOutSession({ issuer, sessionId });
  }

  async ready(): Promise<void> {
    await Promise.all([this.#verifier.ready(), this.#store.read(['ready'])]);
  }

  #actions(maxSessionSeconds: number): SessionActions {
    return {
      maxSessionSeconds,
      currentMfa: (session): Promise<MfaSession | undefined> =>
        this.#mfaGuard.current(session, VerifiedSession.identityOf(session)),
      startMfa: (identity, proof: MfaProof) => this.#mfaSessions.start(identity, proof),
      endMfa: (identity) => this.#mfaSessions.end(identity),
      endMfaEverywhere: (identity) => this.#mfaSessions.endEverywhere(userOf(identity)),
      carryOver: (identity, previousToken) => this.#carryOver(identity, previousToken),
      signOut: async (identity) => {
        // What is left after a failure can be done again for as long as the session is not revoked.
        await this.#mfaSessions.removeOwn(identity);
        await this.#revocation.signOut(identity);
      },
      signOutEverywhere: (identity) => {
        // Its own start may be ahead of this clock by the tolerance, and this session ends too.
        const start = Math.floor(identity.startedAtSeconds ?? identity.issuedAtSeconds);
        return this.#signOutUser(userOf(identity), Math.max(this.#thisSecond(), start));
      },
    };
  }

  async #signOutUser(user: UserName, lastSecond: number): Promise<void> {
    await this.#mfaSessions.endEverywhere(user);
    await this.#revocation.signOutUser(user, lastSecond);
  }

  #admit(session: VerifiedSession, request: RequestWithHeaders): MaybePromise<VerifiedSession> {
    const identity = VerifiedSession.identityOf(session);
    return andThen(this.#revocation.check(identity), () => {
      if (!isBoundToToken(identity)) return session;
      const previousToken = request.headers[PREVIOUS_ACCESS_TOKEN];
      return typeof previousToken === 'string'
        ? this.#carryOverFirst(session, identity, previousToken)
        : session;
    });
  }

  /** Before the request goes on, so that its own check of MFA finds what was carried over. */
  async #carryOverFirst(
    session: VerifiedSession,
    identity: Identity,
    previousToken: string,
  ): Promise<VerifiedSession> {
    try {
      await this.#carryOver(identity, previousToken);
    } catch (error) {
      // The client keeps the previous token after a 503, and the MFA session is not lost.
      if (this.configuration.revocation === 'required') throw error;
    }
    return session;
  }

  async #carryOver(identity: Identity, previousToken: unknown): Promise<boolean> {
    if (!isBoundToToken(identity) || !isNonEmptyString(previousToken)) return false;
    const previous = await this.#previousIdentity(previousToken);
    return previous !== undefined && isPrevious(previous, identity)
      ? this.#mfaSessions.carryOver(previous, identity)
      : false;
  }

  /** Undefined where the previous token is no good: that refuses no request. */
  async #previousIdentity(token: string): Promise<Identity | undefined> {
    try {
      const { windowSeconds } = this.configuration.mfa;
      const previous = VerifiedSession.identityOf(await this.#tokens.find(token, windowSeconds));
      await this.#revocation.check(previous);
      return previous;
    } catch (error) {
      if (error instanceof SessionError && error.errorType !== 'store_unavailable')
        return undefined;
      throw error;
    }
  }

  #userOf(who: unknown, method: string): UserName {
    const { id, issuer } = this.#named(who, 'userId', method);
    return { userId: id, issuer };
  }

  #named(given: unknown, name: string, method: string): { id: string; issuer: string } {
    const which = isRecord(given) ? given : {};
    const [id, issuer] = [which[name], which.issuer];
    if (!isNonEmptyString(id)) {
      throw new TypeError(`${method}({ ${name} }): \`${name}\` must be a non-empty string.`);
    }
    const issuers = this.configuration.issuers.map((one) => one.issuer);
    const found = issuer ?? (issuers.length === 1 ? issuers[0] : undefined);
    if (typeof found !== 'string' || !issuers.includes(found)) {
      throw new TypeError(
        `${method}({ ${name}, issuer }): \`issuer\` must be that of one of the authentications; it may be left out where there is one.`,
      );
    }
    return { id, issuer: found };
  }

  #thisSecond(): number {
    return Math.floor(this.configuration.clock() / 1000);
  }
}

function userOf({ issuer, userId }: Identity): UserName {
  return { issuer: issuer.issuer, userId };
}
