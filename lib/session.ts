/**
 * The session of a request: the facts that its access token proves, and the actions on it.
 */
import { inspect } from 'node:util';
import type { JWTPayload } from 'jose';
import type { MfaScope } from './authentication/key-source.js';
import type { Identity } from './authentication/token-verifier.js';
import type { FactorVerifier } from './approval/challenges.js';
import type { MfaApproval, MfaChallenge } from './approval/mfa-approval.js';
import type { OperationApprovalOptions } from './approval/operation.js';
import { dateOf } from './clock.js';
import type { MfaSession } from './mfa/mfa-session.js';
import type { MfaProof } from './mfa/mfa-sessions.js';
import type { MfaPolicyOptions } from './mfa/parse-mfa-policy.js';

/**
 * The session of a user's client, from sign-in until sign-out or its end. It is frozen, because
 * several requests share it. `JSON.stringify(session)` gives the plain data, without the claims.
 */
export interface Session {
  /** The kind of authentication. */
  readonly authentication: 'cdp' | 'custom';
  /** The issuer of the access token, its `iss`. */
  readonly issuer: string;
  /** The id of the user at the issuer. */
  readonly userId: string;
  /** The id of the session, which a refresh keeps; undefined if the tokens carry none. */
  readonly sessionId: string | undefined;
  /** `jti`, else the SHA-256 of the token's signing input, base64url. */
  readonly tokenId: string;
  /** The time at which the access token was issued. */
  readonly issuedAt: Date;
  /** The time at which the access token expires. */
  readonly expiresAt: Date;
  /** The start of the session, `auth_time`; undefined without that claim. */
  readonly startedAt: Date | undefined;
  /** The end of the session, `startedAt` plus `maxSessionSeconds`. */
  readonly endsAt: Date | undefined;
  /** All claims of the access token, deeply frozen. */
  readonly claims: Readonly<JWTPayload>;
  /** The MFA session, and approvals. */
  readonly mfa: SessionMfa;
  /**
   * Rejects as `validateSession()` would refuse this session by now: for sockets, jobs and messages,
   * which live longer than a request. It asks the store, and no issuer for keys.
   *
   * @throws SessionError `token_expired`, `session_expired`, `session_revoked` or `store_unavailable`
   *
   * @example
   * socket.on('message', (message) => {
   *   session.check().then(() => handle(message), () => socket.close(4401));
   * });
   */
  check(): Promise<void>;
  /**
   * Signs out this session, and ends the MFA session that belongs to it alone. If the tokens carry
   * no session id, this access token is refused from now on.
   *
   * @throws SessionError `store_unavailable`
   */
  signOut(): Promise<void>;
  /**
   * Signs out every session of the user that started in this second or earlier, and ends all of
   * the user's MFA sessions.
   *
   * @throws SessionError `store_unavailable`
   */
  signOutEverywhere(): Promise<void>;
}

/** The MFA session that belongs to a session. Every method may throw `store_unavailable`. */
export interface SessionMfa {
  /** `client`: this browser tab or device alone. `user`: shared by all clients of the user. */
  readonly scope: MfaScope;
  /** The active MFA session, from the store or from evidence; undefined without one. */
  current(): Promise<MfaSession | undefined>;
  /** Starts an MFA session of `windowSeconds`. Call it after YOUR code has verified the factor. */
  start(proof: MfaProof): Promise<MfaSession>;
  /** Ends the MFA session, and voids older evidence. */
  end(): Promise<void>;
  /** Voids all MFA sessions of the user, and older evidence: a factor was reset or enrolled. */
  endEverywhere(): Promise<void>;
  /**
   * Moves the MFA session of this client's previous access token to this one, once. Its expiry
   * stays. False if no MFA session was moved, for instance because the previous token is invalid.
   */
  carryOver(previousToken: string): Promise<boolean>;
  /**
   * Rejects first as `session.check()` would, and then as `requireMfa(policy)` would refuse a request:
   * for GraphQL resolvers, procedures and messages.
   *
   * @throws SessionError
   * @throws ConfigurationError for a policy that cannot work, or with `when`
   *
   * @example
   * async function sendResolver(_root, args, { session }) {
   *   await session.mfa.require({ maxAgeSeconds: 60 });
   *   return send(args);
   * }
   */
  require(policy?: MfaPolicyOptions): Promise<void>;
  /**
   * The challenge of this id, if it is pending and this session may approve it: of its own user, and
   * of its own session if the scope is `client` and the tokens carry a session id.
   *
   * @throws SessionError as `check()` would, and `store_unavailable`
   *
   * @example
   * app.get('/approvals/:id', async (req, res) => {
   *   const challenge = await getSession(req).mfa.challenge(req.params.id);
   *   if (challenge === undefined) return res.status(404).end();
   *   res.json({ description: challenge.description, expiresAt: challenge.expiresAt });
   * });
   */
  challenge(id: string): Promise<MfaChallenge | undefined>;
  /**
   * Approves a challenge: claims it, calls `verify` once, and stores the approval until the challenge
   * would have expired, at least for 60 s. The challenge is spent even if the verification fails.
   *
   * @param verify returns the proof, or `false` or `undefined` if the factor was not verified
   * @throws SessionError `mfa_flow_expired` if there is no such challenge, `mfa_invalid_code` if
   * `verify` said no, and as `check()` would
   * @throws TypeError for a proof that is none, or a factor that the route does not accept; the error
   * of `verify` comes through
   *
   * @example
   * app.post('/approvals/:id', express.json(), async (req, res) => {
   *   const { mfa, userId } = getSession(req);
   *   await mfa.approve(req.params.id, async () =>
   *     (await verifyTotp(userId, req.body.code)) ? { method: 'totp' } : false,
   *   );
   *   res.status(204).end();
   * });
   */
  approve(id: string, verify: FactorVerifier): Promise<MfaApproval>;
  /**
   * Withdraws a challenge, or an approval that is not spent. An unknown id is no error.
   *
   * @throws SessionError as `check()` would, and `store_unavailable`
   */
  deny(id: string): Promise<void>;
  /**
   * The same as the middleware `requireApproval()` for operations without HTTP: GraphQL resolvers,
   * procedures and messages. It spends the approval that `challengeId` names.
   *
   * @returns the approval; undefined if the user has not enrolled and `whenNotEnrolled` is `'allow'`
   * @throws SessionError `mfa_required` with the `challengeId` to approve (`toProblem()` has it), and
   * as `check()` would
   * @throws ConfigurationError for options that cannot work
   *
   * @example
   * async function sendResolver(_root, { amount, to, challengeId }, { session }) {
   *   const operation = { send: { amount, to } };
   *   await session.mfa.requireApproval({ operation, description: operation, challengeId });
   *   return send(amount, to);
   * }
   */
  requireApproval(options: OperationApprovalOptions): Promise<MfaApproval | undefined>;
}

/** The actions of a session, which the core provides. */
export interface SessionActions {
  readonly maxSessionSeconds: number;
  challenge(identity: Identity, id: string): Promise<MfaChallenge | undefined>;
  approve(identity: Identity, id: string, verify: FactorVerifier): Promise<MfaApproval>;
  deny(identity: Identity, id: string): Promise<void>;
  requireApproval(
    session: VerifiedSession,
    options: OperationApprovalOptions,
  ): Promise<MfaApproval | undefined>;
  check(identity: Identity): Promise<void>;
  currentMfa(session: VerifiedSession): Promise<MfaSession | undefined>;
  requireMfa(session: VerifiedSession, policy: MfaPolicyOptions | undefined): Promise<void>;
  startMfa(identity: Identity, proof: MfaProof): Promise<MfaSession>;
  endMfa(identity: Identity): Promise<void>;
  endMfaEverywhere(identity: Identity): Promise<void>;
  carryOver(identity: Identity, previousToken: string): Promise<boolean>;
  signOut(identity: Identity): Promise<void>;
  signOutEverywhere(identity: Identity): Promise<void>;
}

/** The one implementation; made once for each verified token, and shared by its requests. */
export class VerifiedSession implements Session {
  static {
    // A logged session looks like its JSON.
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: VerifiedSession) {
        return this.toJSON();
      },
    });
  }

  readonly #identity: Identity;
  readonly #actions: SessionActions;

  constructor(identity: Identity, actions: SessionActions) {
    this.#identity = identity;
    this.#actions = actions;
    Object.freeze(this);
  }

  /** For the library alone: `Session` does not show it. */
  static identityOf(session: VerifiedSession): Identity {
    return session.#identity;
  }

  /** Whether an object is a session that these actions were given to. */
  static isOf(actions: SessionActions, given: object): given is VerifiedSession {
    return #actions in given && given.#actions === actions;
  }

  get authentication(): 'cdp' | 'custom' {
    return this.#identity.issuer.authentication;
  }

  get issuer(): string {
    return this.#identity.issuer.issuer;
  }

  get userId(): string {
    return this.#identity.userId;
  }

  get sessionId(): string | undefined {
    return this.#identity.sessionId;
  }

  get tokenId(): string {
    return this.#identity.tokenId;
  }

  // A Date can be changed, so each reader gets its own.
  get issuedAt(): Date {
    return dateOf(this.#identity.issuedAtSeconds);
  }

  get expiresAt(): Date {
    return dateOf(this.#identity.expiresAtSeconds);
  }

  get startedAt(): Date | undefined {
    const { startedAtSeconds } = this.#identity;
    return startedAtSeconds === undefined ? undefined : dateOf(startedAtSeconds);
  }

  get endsAt(): Date | undefined {
    const { startedAtSeconds } = this.#identity;
    return startedAtSeconds === undefined
      ? undefined
      : dateOf(startedAtSeconds + this.#actions.maxSessionSeconds);
  }

  get claims(): Readonly<JWTPayload> {
    return this.#identity.claims;
  }

  get mfa(): SessionMfa {
    const [identity, actions] = [this.#identity, this.#actions];
    return Object.freeze<SessionMfa>({
      scope: identity.issuer.mfaScope,
      current: () => actions.currentMfa(this),
      start: (proof) => actions.startMfa(identity, proof),
      end: () => actions.endMfa(identity),
      endEverywhere: () => actions.endMfaEverywhere(identity),
      carryOver: (previousToken) => actions.carryOver(identity, previousToken),
      require: (policy) => actions.requireMfa(this, policy),
      challenge: (id) => actions.challenge(identity, id),
      approve: (id, verify) => actions.approve(identity, id, verify),
      deny: (id) => actions.deny(identity, id),
      requireApproval: (options) => actions.requireApproval(this, options),
    });
  }

  check(): Promise<void> {
    return this.#actions.check(this.#identity);
  }

  signOut(): Promise<void> {
    return this.#actions.signOut(this.#identity);
  }

  signOutEverywhere(): Promise<void> {
    return this.#actions.signOutEverywhere(this.#identity);
  }

  toJSON(): Record<string, unknown> {
    const { authentication, issuer, userId, sessionId, tokenId } = this;
    const { issuedAt, expiresAt, startedAt, endsAt } = this;
    const ids = { authentication, issuer, userId, sessionId, tokenId };
    const mfa = { scope: this.#identity.issuer.mfaScope };
    return { ...ids, issuedAt, expiresAt, startedAt, endsAt, mfa };
  }
}
