/**
 * The remedy for a refusal, by its `action`, so that the request can be tried again. Requests of one
 * session share refreshes and prompts, and the app is told once.
 */
import type { Problem } from '../protocol.js';
import type { AccessTokens, Credentials } from './access-tokens.js';
import { askForApproval } from './approvals.js';
import type { SessionFetchOptions } from './options.js';
import type { SharedStep } from './token-family.js';
import { retryAfterMilliseconds, sleep } from './waiting.js';

/** A request that was refused. */
export interface Refused {
  readonly credentials: Credentials;
  /** Moments at which it was sent: first, and last. */
  readonly firstSentAt: number;
  readonly sentAt: number;
  /** Whether the body is at hand, and the refusal came before any effect. */
  readonly repeatable: boolean;
  /** Whether it may be sent again although it may have been let in. */
  readonly safe: boolean;
  /** The remedies that this request has had. */
  readonly tried: Set<string>;
  readonly response: Response;
  readonly signal: AbortSignal;
}

export interface Remedies {
  /** Counts the ends of remedies, to tell later which of them are news to a request. */
  moment(): number;
  /**
   * The credentials to try again with; undefined if the answer is to be handed back. It may reject,
   * with the error of the app's function.
   */
  apply(problem: Problem, refused: Refused): Promise<Credentials | undefined>;
}

export function createRemedies(options: SessionFetchOptions, tokens: AccessTokens): Remedies {
  const callbacks = {
    sign_in: options.onSignInRequired,
    enroll_mfa: options.onMfaEnrollmentRequired,
  };
  let moment = 0;

  function share<T>(step: SharedStep<T>, start: () => Promise<T>): Promise<T> {
    step.running ??= start().finally(() => {
      step.running = undefined;
      step.endedAt = moment += 1;
    });
    return step.running;
  }

  /** Once for all requests that were in flight. */
  function tell(
    what: 'sign_in' | 'enroll_mfa',
    problem: Problem,
    { credentials: { family }, sentAt }: Refused,
  ): void {
    if (family.toldAt[what] > sentAt) return;
    family.toldAt[what] = moment += 1;
    notify(callbacks[what], problem);
  }

  /** Asks the app, and says whether the token that was refused is still the latest of its session. */
  async function isLatest({ credentials: { family, token } }: Refused): Promise<boolean> {
    // If the app cannot say, the last answer holds.
    if (family.token === token) await tokens.current().catch(() => undefined);
    return tokens.family() === family && family.token === token;
  }

  async function refresh(problem: Problem, refused: Refused): Promise<Credentials | undefined> {
    const { family, token } = refused.credentials;
    if (await isLatest(refused)) {
      if (family.refresh.endedAt > refused.sentAt) return undefined;
      await share(family.refresh, () =>
        tokens.refresh(family, () => {
          tell('sign_in', problem, refused);
        }),
      );
      if (family.token === token) return undefined;
    }
    return tokens.latest();
  }

  async function verifyMfa(problem: Problem, refused: Refused): Promise<Credentials | undefined> {
    const { credentials, firstSentAt, sentAt, tried } = refused;
    const { family } = credentials;
    if (!(await isLatest(refused)) && !tried.has('newer_token')) {
      tried.add('newer_token');
      tried.delete('verify_mfa');
      return tokens.latest();
    }
    if (options.onMfaRequired === undefined || tokens.family() !== family) return undefined;
    // A prompt that failed counts for a request sent before its end, even if it was sent again since.
    const wasAsked = family.prompt.endedAt > (family.isVerified ? sentAt : firstSentAt);
    const isVerified = wasAsked ? family.isVerified : await share(family.prompt, prompt);
    return isVerified ? tokens.current() : undefined;

    async function prompt(): Promise<boolean> {
      family.isVerified = await Promise.resolve(problem)
        .then(options.onMfaRequired)
        .then(
          () => true,
          () => false,
        );
      return family.isVerified;
    }
  }

  async function approve(
    problem: Problem,
    { credentials: { family }, tried, signal }: Refused,
  ): Promise<Credentials | undefined> {
    const { onApprovalRequired } = options;
    const id: unknown = problem.challengeId;
    // An id that no header can carry is of no use.
    const isUsable = typeof id === 'string' && /^[!-~]+$/.test(id);
    if (onApprovalRequired === undefined || !isUsable) return undefined;
    const isCurrent = async () => {
      await tokens.current().catch(() => undefined);
      return tokens.family() === family;
    };
    const { session } = family;
    if (!(await askForApproval(onApprovalRequired, problem, session, isCurrent, signal)))
      return undefined;
    // The user has taken minutes perhaps: the request with the id may need these once more.
    tried.delete('refresh_token');
    tried.delete('retry');
    return tokens.current();
  }

  return {
    moment: () => moment,

    async apply(problem, refused) {
      const { repeatable, safe, tried, response, signal } = refused;
      const { action } = problem;
      if (tried.has(action)) return undefined;
      tried.add(action);
      if (action === 'retry' && safe) {
        await sleep(retryAfterMilliseconds(response), signal);
        return tokens.current();
      }
      // Even if the request cannot be repeated, a refresh helps the next one.
      if (action === 'refresh_token') return refresh(problem, refused);
      if (action === 'verify_mfa' && repeatable) return verifyMfa(problem, refused);
      if (action === 'approve_request' && repeatable) return approve(problem, refused);
      if ((action === 'sign_in' || action === 'enroll_mfa') && (await isLatest(refused)))
        tell(action, problem, refused);
      return undefined;
    },
  };
}

/** An error of the app's callback is reported, and does not affect the request. */
export function notify<T>(callback: ((value: T) => void) | undefined, value: T): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void };
  // eslint-disable-next-line @typescript-eslint/require-await -- so that a throw becomes a rejection
  (async () => callback?.(value))().catch((error: unknown) => reportError?.(error));
}
