/**
 * The guard of a protected operation: the MFA session has to satisfy the demand of the route.
 */
import type { MaybePromise } from '../maybe-promise.js';
import type { MfaPolicy } from '../mfa/mfa-policy.js';
import { readMfaPolicy, type MfaPolicyOptions } from '../mfa/parse-mfa-policy.js';
import { ConfigurationError, OptionReader } from '../option-reader.js';
import type { WalletSessions } from '../wallet-sessions.js';
import { checkCalled } from './called-wrongly.js';
import {
  guardMiddleware,
  readSessions,
  type ConditionRequest,
  type GuardOptions,
} from './guard.js';
import type { Middleware } from './middleware.js';

/** The demand of a route. */
export interface RequireMfaOptions extends MfaPolicyOptions, GuardOptions {
  /**
   * Whether this request is a protected operation. Only `false` lets it pass without MFA; an error
   * goes to `next(error)`.
   * @defaultValue every request is
   */
  readonly when?: { ask(req: ConditionRequest): boolean | Promise<boolean> }['ask'] | undefined;
}

/**
 * Lets a request pass if its user verified MFA recently enough. Mount it after `validateSession()`.
 *
 * @throws ConfigurationError
 * @see {@link https://www.rfc-editor.org/rfc/rfc9470 | RFC 9470} for the challenge
 *
 * @example
 * app.use(validateSession());
 * app.post('/transfers', requireMfa(), (req, res) => {
 *   res.status(201).end();
 * });
 * app.post('/export-key', requireMfa({ maxAgeSeconds: 60, methods: ['hwk'] }), exportKey);
 */
export function requireMfa(options?: RequireMfaOptions): Middleware {
  checkCalled('requireMfa()', options);
  const { policy, when, sessions } = parseOptions(options);
  const warned = new WeakSet<WalletSessions>();
  if (sessions !== undefined) warnIfAboveWindow(policy, sessions, warned);
  return guardMiddleware({
    name: 'requireMfa()',
    sessions,
    when,
    check(admitted, req) {
      warnIfAboveWindow(policy, admitted.sessions, warned);
      return admitted.sessions.checkMfa(admitted.session, policy, admitted.reads, req);
    },
  });
}

interface ParsedOptions {
  readonly policy: MfaPolicy;
  readonly when: ((req: ConditionRequest) => MaybePromise<unknown>) | undefined;
  readonly sessions: WalletSessions | undefined;
}

function parseOptions(options: RequireMfaOptions | undefined): ParsedOptions {
  const complaints: string[] = [];
  const read = new OptionReader<RequireMfaOptions>('requireMfa()', options, complaints);
  const policy = readMfaPolicy(read);
  const when = read.function<(req: ConditionRequest) => MaybePromise<unknown>>('when');
  const sessions = readSessions(read);
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return { policy, when, sessions };
}

/** Warns once for each `createSessions()`: the window is known only with its sessions. */
function warnIfAboveWindow(
  { maxAgeSeconds }: MfaPolicy,
  sessions: WalletSessions,
  warned: WeakSet<WalletSessions>,
): void {
  const { windowSeconds } = sessions.configuration.mfa;
  if (maxAgeSeconds === undefined || maxAgeSeconds <= windowSeconds || warned.has(sessions)) return;
  warned.add(sessions);
  process.emitWarning(
    `requireMfa(): \`maxAgeSeconds\` is ${maxAgeSeconds}, above \`mfa.windowSeconds\`, and counts as ${windowSeconds}.`,
    { type: 'ConfigurationWarning' },
  );
}
