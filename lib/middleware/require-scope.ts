/**
 * The guard of the scopes that the access token was issued with (RFC 6749 section 3.3).
 */
import type { JWTPayload } from 'jose';
import { idsOf } from '../authentication/token-verifier.js';
import { SessionError } from '../errors.js';
import { ConfigurationError, describe, OptionReader } from '../option-reader.js';
import { isRecord } from '../type-guards.js';
import { VerifiedSession } from '../session.js';
import { checkCalled } from './called-wrongly.js';
import { guardMiddleware, readSessions, type GuardOptions } from './guard.js';
import type { Middleware } from './middleware.js';

/**
 * Lets a request pass if its access token has all of these scopes, in the claim `scope` (separated
 * by spaces, RFC 9068) or `scp` (an array, or separated by spaces). Otherwise it answers 403
 * `insufficient_scope`. Mount it after `validateSession()`.
 *
 * @throws ConfigurationError
 * @see {@link https://www.rfc-editor.org/rfc/rfc6750#section-3.1 | RFC 6750 section 3.1}
 *
 * @example
 * app.use(validateSession());
 * app.post('/transfers', requireScope('transfers:write'), requireMfa(), (req, res) => {
 *   res.status(201).end();
 * });
 */
export function requireScope(...scopes: readonly string[]): Middleware;
/** The same of one of several `validateSession()`, with the options at the end. */
export function requireScope(...given: [...scopes: string[], options: GuardOptions]): Middleware;
export function requireScope(...given: readonly unknown[]): Middleware {
  checkCalled("requireScope('transfers:write')", given[0]);
  const complaints: string[] = [];
  const options = isRecord(given.at(-1)) ? given.at(-1) : undefined;
  const read = new OptionReader<GuardOptions>('requireScope()', options, complaints);
  const sessions = readSessions(read);
  read.end();
  const scopes = options === undefined ? given : given.slice(0, -1);
  if (scopes.length === 0) {
    read.complain("name at least one scope, for instance requireScope('transfers:write').");
  }
  for (const scope of scopes.filter((one) => !isScope(one))) {
    read.complain(
      `each argument must be one scope, a string without spaces, quotes or backslashes, not ${describe(scope)}.`,
    );
  }
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  const demanded = scopes as readonly string[];
  return guardMiddleware({
    name: 'requireScope()',
    sessions,
    check({ session, sessions: core }, req) {
      const granted = scopesOf(session.claims);
      if (demanded.every((scope) => granted.includes(scope))) return;
      const error = new SessionError('insufficient_scope', {
        scope: demanded,
        cause: new Error(`\`scope\` or \`scp\` is expected to hold ${demanded.join(' and ')}`),
      });
      core.reports.refused(error, idsOf(VerifiedSession.identityOf(session)), req);
      throw error;
    },
  });
}

function scopesOf({ scope, scp }: JWTPayload): readonly unknown[] {
  const separated = (claim: unknown): string[] =>
    typeof claim === 'string' ? claim.split(' ') : [];
  // Microsoft's `scp` is a string, Okta's an array.
  return [...separated(scope), ...(Array.isArray(scp) ? (scp as unknown[]) : separated(scp))];
}

/** A `scope-token` of RFC 6749 section 3.3, which may stand in a challenge as it is. */
function isScope(value: unknown): boolean {
  return typeof value === 'string' && /^[!#-[\]-~]+$/.test(value);
}
