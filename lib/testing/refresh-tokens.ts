/**
 * Refresh tokens: 7 days from sign-in, a new one on each use, and the end of the session where a
 * spent one is used again (RFC 9700 section 4.14.2).
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';

/** What the user's client holds. */
export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** A session as the issuer knows it. */
export interface IssuerSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly startedAtSeconds: number;
  readonly claims: Readonly<Record<string, unknown>>;
}

export type RefreshErrorCode =
  'refresh_token_expired' | 'refresh_token_reused' | 'refresh_token_invalid';

/** Why a refresh token was not taken: sign in again. */
export class RefreshError extends Error {
  override readonly name = 'RefreshError';
  readonly code: RefreshErrorCode;

  constructor(code: RefreshErrorCode) {
    super(`${code.replaceAll('_', ' ')}: sign in again`);
    this.code = code;
  }
}

const LIFETIME_SECONDS = 604_800;

export class RefreshTokens {
  readonly #clock: Clock;
  readonly #tokens = new Map<string, { session: IssuerSession; isSpent: boolean }>();
  readonly #ended = new Set<IssuerSession>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(session: IssuerSession): string {
    const token = randomBytes(32).toString('base64url');
    this.#tokens.set(token, { session, isSpent: false });
    return token;
  }

  /** @throws RefreshError */
  spend(token: string): IssuerSession {
    const found = this.#tokens.get(token);
    if (found === undefined) throw new RefreshError('refresh_token_invalid');
    const { session } = found;
    if (found.isSpent) {
      this.#ended.add(session);
      throw new RefreshError('refresh_token_reused');
    }
    if (this.#ended.has(session)) throw new RefreshError('refresh_token_invalid');
    if (this.#clock() / 1000 >= session.startedAtSeconds + LIFETIME_SECONDS) {
      throw new RefreshError('refresh_token_expired');
    }
    found.isSpent = true;
    return session;
  }

  /** Ends the session of a refresh token; of none that is known, nothing. */
  end(token: string): void {
    const found = this.#tokens.get(token);
    if (found !== undefined) this.#ended.add(found.session);
  }
}
