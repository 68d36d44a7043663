/**
 * The endpoint that an identity provider calls when a user signs out there (OpenID Connect
 * Back-Channel Logout 1.0). The rules of logout tokens are in `authentication/logout-token.ts`.
 */
import { SessionError } from '../errors.js';
import { ConfigurationError, OptionReader } from '../option-reader.js';
import type { Sessions } from '../sessions-interface.js';
import type { WalletSessions } from '../wallet-sessions.js';
import { isNonEmptyString } from '../type-guards.js';
import { checkCalled, complaintOfSessions } from './called-wrongly.js';
import { readFormField } from './form-body.js';
import { LogoutError } from './logout-error.js';
import { whenDone, type Middleware } from './middleware.js';
import { refuse } from './send-problem.js';

/** Options of `backchannelLogout()`. */
export interface BackchannelLogoutOptions {
  /**
   * The client id (or ids) of your app at the provider: the `aud` of its logout tokens, which is not
   * the audience of your access tokens.
   */
  readonly audience: string | readonly string[];
}

/**
 * Handles the provider's `POST` of a `logout_token`. With `sid` in it, that session ends and its
 * client-scoped MFA session with it. Without `sid`, every session and MFA session of the user ends
 * that started up to the token's `iat`, so that a replay ends nothing more.
 *
 * It answers 200; 400 with `{ error: 'invalid_request', error_description }` if the token is not
 * valid; 503 with `Retry-After` if the keys or the store are not available. It passes on every other
 * method. The request brings no access token, so mount it ahead of `validateSession()`.
 *
 * The `sid` is compared with the `sessionIdClaim` of the access tokens. If `userIdClaim` is not
 * `sub`, a logout token without `sid` must have that claim.
 *
 * @throws ConfigurationError
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html | Back-Channel Logout 1.0}
 *
 * @example
 * const sessions = createSessions();
 * const handleLogout = backchannelLogout(sessions, { audience: 'my-client-id' });
 * app.post('/backchannel-logout', handleLogout);
 * app.use(validateSession(sessions));
 */
export function backchannelLogout(
  sessions: Sessions,
  options: BackchannelLogoutOptions,
): Middleware {
  checkCalled('backchannelLogout(sessions, { audience })', sessions);
  const { core, audience } = check(sessions, options);
  const { onError } = core.configuration;
  return function backchannelLogoutMiddleware(req, res, next) {
    if (req.method !== 'POST') {
      next();
      return;
    }
    whenDone(
      async () => {
        const logoutToken = await readFormField(req, 'logout_token');
        if (logoutToken === undefined) {
          throw new SessionError('invalid_request', {
            detail: 'Send one logout_token by POST, as application/x-www-form-urlencoded.',
            cause: new Error('no single `logout_token` in a form'),
          });
        }
        await core.logOut(logoutToken, audience, req);
      },
      () => {
        res.statusCode = 200;
        res.setHeader('Cache-Control', 'no-store');
        res.end();
      },
      (error) => {
        const refusal = error instanceof SessionError ? new LogoutError(error) : error;
        core.reports.refused(refusal, undefined, req);
        refuse(refusal, onError, req, res, next);
      },
    );
  };
}

function check(
  sessions: unknown,
  options: unknown,
): { core: WalletSessions; audience: readonly string[] } {
  const complaints: string[] = [];
  const read = new OptionReader<BackchannelLogoutOptions>(
    'backchannelLogout()',
    options,
    complaints,
  );
  const audience = readAudience(read);
  read.end();
  const complaint = complaintOfSessions(sessions);
  if (complaint !== undefined) read.complain(complaint);
  const core = sessions as WalletSessions;
  if (
    complaint === undefined &&
    core.configuration.issuers.every(
      ({ verification }) => verification.by === 'validateAccessToken',
    )
  ) {
    read.complain(
      'no authentication has keys to verify a logout token with: give one a `jwksUri` or `jwks`.',
    );
  }
  if (complaints.length > 0 || audience === undefined) throw new ConfigurationError(complaints);
  return { core, audience };
}

function readAudience(read: OptionReader<BackchannelLogoutOptions>): readonly string[] | undefined {
  const audience = read.value('audience');
  if (audience === undefined || audience === null) {
    read.complain(
      '`audience` is missing: name the client id that your provider knows your app by; its logout tokens carry it in `aud`.',
    );
    return undefined;
  }
  return isNonEmptyString(audience) ? [audience] : read.strings('audience');
}
