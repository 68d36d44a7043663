/**
 * The endpoint that an identity provider tells of its sign-outs (OpenID Connect Back-Channel Logout
 * 1.0). What a logout token has to say and what it ends is decided further down.
 */
import { SessionError } from '../errors.js';
import { ConfigurationError, describe, OptionReader } from '../option-reader.js';
import { isNonEmptyString } from '../type-guards.js';
import { WalletSessions, type Sessions } from '../wallet-sessions.js';
import { readFormField } from './form-body.js';
import { whenDone, type Middleware } from './middleware.js';
import { refuse } from './send-problem.js';

/** Options of `backchannelLogout()`. */
export interface BackchannelLogoutOptions {
  /**
   * The client id (or ids) that the provider knows your app by: the `aud` of its logout tokens,
   * which is not the audience of your access tokens.
   */
  readonly audience: string | readonly string[];
}

/**
 * Handles the provider's `POST` of a `logout_token`. With `sid` in it, that session ends and its
 * client-scoped MFA session with it; without, every session and MFA session of the user that
 * started up to the token's `iat`. The same token once more does nothing more.
 *
 * It answers 200; 400 where the token is no good; 503 with `Retry-After` where keys or store cannot
 * be had. Nobody sends an access token here, so mount it ahead of `validateSession()`:
 * `app.post('/backchannel-logout', backchannelLogout(sessions, { audience: 'my-client-id' }))`.
 *
 * The `sid` is looked for in the access tokens' `sessionIdClaim`, and where `userIdClaim` is another
 * than `sub`, a logout token without `sid` has to carry that claim.
 *
 * @throws ConfigurationError
 */
export function backchannelLogout(
  sessions: Sessions,
  options: BackchannelLogoutOptions,
): Middleware {
  const { core, audience } = check(sessions, options);
  const { onError } = core.configuration;
  return function backchannelLogoutMiddleware(req, res, next) {
    res.setHeader('Cache-Control', 'no-store');
    whenDone(
      async () => {
        if (req.method !== 'POST') throw badRequest('the method is not POST');
        const logoutToken = await readFormField(req, 'logout_token');
        if (logoutToken === undefined) throw badRequest('no single `logout_token` in a form');
        await core.logOut(logoutToken, audience);
      },
      () => {
        res.statusCode = 200;
        res.end();
      },
      (error) => {
        refuse(answerOf(error), onError, req, res, next);
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
  if (
    sessions instanceof WalletSessions &&
    sessions.configuration.issuers.every(
      ({ verification }) => verification.by === 'validateAccessToken',
    )
  ) {
    read.complain(
      'no authentication has keys to verify a logout token with: give one a `jwksUri` or `jwks`.',
    );
  }
  if (sessions instanceof WalletSessions && audience !== undefined && complaints.length === 0) {
    return { core: sessions, audience };
  }
  if (!(sessions instanceof WalletSessions)) {
    read.complain(
      `the first argument must be what createSessions() made, the same that validateSession() is given, not ${describe(sessions)}.`,
    );
  }
  throw new ConfigurationError(complaints);
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

function badRequest(reason: string): SessionError {
  return new SessionError('invalid_request', {
    detail: 'Send one logout_token by POST, as application/x-www-form-urlencoded.',
    cause: new Error(reason),
  });
}

/** Section 2.8: a logout token that is no good is a bad request, and no matter of signing in. */
function answerOf(error: unknown): unknown {
  return error instanceof SessionError && error.errorType === 'token_invalid'
    ? new SessionError('invalid_request', {
        detail: 'The logout token is not valid here.',
        cause: error.cause,
      })
    : error;
}
