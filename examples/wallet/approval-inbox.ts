/**
 * The approvals that a user was asked for, so that they can be listed, on another device too.
 *
 * The library keeps an approval to one client if the tokens name the client's session. CDP's tokens
 * do not, so the wallet does it for them: only the access token that was refused may approve, and
 * after a renewal the user is asked anew. Tokens with user scope (custom authentication) may approve
 * for each other; that is their point.
 */
import type { RequestHandler } from 'express';
import {
  findSession,
  getSession,
  SessionError,
  type JsonValue,
  type MfaApproval,
  type Session,
} from 'express-wallet-session';
import { accountIdOf } from './account-id.js';

type State = 'pending' | 'approved' | 'denied' | 'void';

interface Asked {
  readonly id: string;
  readonly accountId: string;
  readonly tokenId: string;
  readonly description: JsonValue;
  readonly endsAtMs: number;
  state: State;
}

export interface ListedApproval {
  readonly id: string;
  readonly description: JsonValue;
  readonly expiresInSeconds: number;
  readonly state: State;
  /** Whether this client is the one that asked. */
  readonly askedHere: boolean;
}

/** How long the end of an approval is still told. */
const REMEMBERED_MILLISECONDS = 60_000;

export class ApprovalInbox {
  readonly #clock: () => number;
  readonly #asked = new Map<string, Asked>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Takes note of a refusal that asks for an approval; for `onError`. */
  note(error: SessionError, req: Parameters<SessionError['toProblem']>[0] & object): void {
    const session = findSession(req);
    const { challengeId, description, expiresInSeconds = 0 } = error.toProblem(req);
    if (session === undefined || challengeId === undefined) return;
    this.#forgetOld();
    if (this.#asked.has(challengeId)) return;
    this.#asked.set(challengeId, {
      id: challengeId,
      accountId: accountIdOf(session),
      tokenId: session.tokenId,
      description: description ?? null,
      endsAtMs: this.#clock() + expiresInSeconds * 1000,
      state: 'pending',
    });
  }

  /** The latest first. */
  list(session: Session): ListedApproval[] {
    const now = this.#clock();
    return [...this.#asked.values()]
      .filter(({ accountId }) => accountId === accountIdOf(session))
      .map(({ id, description, endsAtMs, state, tokenId }) => ({
        id,
        description,
        expiresInSeconds: Math.max(0, Math.ceil((endsAtMs - now) / 1000)),
        state: state === 'pending' && now >= endsAtMs ? ('void' as const) : state,
        askedHere: tokenId === session.tokenId,
      }))
      .reverse();
  }

  /** Approves by `approve`, and remembers how it went. @throws SessionError as `expectSame()` */
  async settle(
    session: Session,
    id: string,
    approve: () => Promise<MfaApproval>,
  ): Promise<MfaApproval> {
    this.expectSame(session, id);
    try {
      const approval = await approve();
      this.#enter(id, 'approved');
      return approval;
    } catch (error) {
      const isWrong = error instanceof SessionError && error.errorType === 'mfa_invalid_code';
      if (isWrong) this.#enter(id, 'void');
      throw error;
    }
  }

  /** @throws SessionError as `expectSame()` */
  async deny(session: Session, id: string): Promise<void> {
    this.expectSame(session, id);
    await session.mfa.deny(id);
    this.#enter(id, 'denied');
  }

  /** For a route that comes with an approval: another client's is none. */
  readonly expectSameClient: RequestHandler = (req, _res, next) => {
    const id = req.get('X-Mfa-Challenge-Id');
    if (id !== undefined) this.expectSame(getSession(req), id);
    next();
  };

  /**
   * An id that is unknown, or another user's, is for the library to refuse.
   *
   * @throws SessionError `mfa_flow_expired` in another client, if MFA belongs to one
   */
  expectSame(session: Session, id: string): void {
    const asked = this.#asked.get(id);
    if (session.mfa.scope === 'user' || asked?.accountId !== accountIdOf(session)) return;
    if (asked.tokenId !== session.tokenId) throw new SessionError('mfa_flow_expired');
  }

  #enter(id: string, state: State): void {
    const asked = this.#asked.get(id);
    if (asked !== undefined) asked.state = state;
  }

  #forgetOld(): void {
    const before = this.#clock() - REMEMBERED_MILLISECONDS;
    for (const [id, { endsAtMs }] of this.#asked) {
      if (endsAtMs < before) this.#asked.delete(id);
    }
  }
}
