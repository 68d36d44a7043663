/**
 * Refresh tokens: they live for 7 days from sign-in and are replaced on each use, and reuse of a
 * spent one ends the session (RFC 9700 section 4.14.2).
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';

/** The tokens of a client. */
export interface TokenPair {
  /** A JWT that lives for 900 seconds. */
  readonly accessToken: string;
  /** An opaque string for `issuer.refresh()`. */
  readonly refreshToken: string;
}

/** A session at the issuer. */
export interface IssuerSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly startedAtSeconds: number;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The reason why a refresh token is refused. */
export type RefreshErrorCode =
  'refresh_token_expired' | 'refresh_token_reused' | 'refresh_token_invalid';

/** A refresh token was refused, so that the user has to sign in again. */
export class RefreshError extends Error {
  override readonly name = 'RefreshError';
  /** The reason. */
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

  /** Ends the session of a refresh token. An unknown token ends no session. */
  end(token: string): void {
    const found = this.#tokens.get(token);
    if (found !== undefined) this.#ended.add(found.session);
  }
}
