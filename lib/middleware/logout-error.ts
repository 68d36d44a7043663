/**
 * The refusal of a logout token. It goes to `onError` as every SessionError does, but its answer is
 * the one that an identity provider expects.
 */
import { SessionError } from '../errors.js';
import { noteOf, noteOn } from '../refusal-note.js';

/** The body of RFC 6749 section 5.2. */
interface OAuthError {
  readonly error: 'invalid_request' | 'temporarily_unavailable';
  readonly error_description: string;
}

/**
 * A refusal of the back-channel logout endpoint: 400 or 503, without a challenge, because the
 * provider cannot sign in (OpenID Connect Back-Channel Logout 1.0 section 2.8).
 */
export class LogoutError extends SessionError {
  override readonly headers: Readonly<Record<string, string>>;

  constructor(error: SessionError) {
    const { errorType, status, detail, cause, headers } = error;
    const isInvalidToken = status !== 503 && errorType !== 'invalid_request';
    super(isInvalidToken ? 'invalid_request' : errorType, {
      detail: isInvalidToken ? 'The logout token is not valid here.' : detail,
      cause,
    });
    const kept = Object.entries(headers).filter(([name]) => name !== 'WWW-Authenticate');
    this.headers = Object.freeze(Object.fromEntries(kept));
    noteOn(this, noteOf(error));
  }

  toOAuthError(): OAuthError {
    return {
      error: this.status === 503 ? 'temporarily_unavailable' : 'invalid_request',
      error_description: this.detail,
    };
  }
}
