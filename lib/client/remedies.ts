/**
 * What is done about a refusal, by its `action`, so that the request can be tried again. Requests
 * that run side by side share one prompt, and the app is told once.
 */
import type { AccessTokens } from './access-tokens.js';
import type { SessionFetchOptions } from './options.js';
import type { Problem } from '../protocol.js';
import { retryAfterMilliseconds, sleep } from './waiting.js';

/** A request that was refused. */
export interface Refused {
  readonly token: string | null;
  /** When it was sent, by `moment()`. */
  readonly sentAt: number;
  /** Whether it is possible, and does no harm, to send it again once it was let in. */
  readonly repeatable: boolean;
  /** Whether it may be sent again although it may have been let in. */
  readonly safe: boolean;
  readonly response: Response;
  readonly signal: AbortSignal | null | undefined;
}

export interface Remedies {
  /** Counts what happened to all requests together, to tell later what is news to one of them. */
  moment(): number;
  /**
   * Whether to try again: with this token, or with the current one (true). False where the answer
   * is to be handed back. It may reject too, with what a remedy failed with.
   */
  apply(problem: Problem, refused: Refused): Promise<string | boolean>;
}

export function createRemedies(options: SessionFetchOptions, tokens: AccessTokens): Remedies {
  const callbacks = {
    sign_in: options.onSignInRequired,
    enroll_mfa: options.onMfaEnrollmentRequired,
  };
  let moment = 0;
  const lastMoments = { sign_in: 0, enroll_mfa: 0, verify_mfa: 0 };
  let prompting: Promise<boolean> | undefined;
  let lastVerified = false;

  /** Whether the user has verified MFA. */
  function prompt(problem: Problem): Promise<boolean> {
    prompting ??= Promise.resolve(problem)
      .then(options.onMfaRequired)
      .then(
        () => options.onMfaRequired !== undefined,
        () => false,
      )
      .then((verified) => {
        prompting = undefined;
        lastMoments.verify_mfa = moment += 1;
        return (lastVerified = verified);
      });
    return prompting;
  }

  /** Once for all requests that were under way. */
  function tell(what: 'sign_in' | 'enroll_mfa', problem: Problem, sentAt: number): void {
    if (lastMoments[what] > sentAt) return;
    lastMoments[what] = moment += 1;
    notify(callbacks[what], problem);
  }

  return {
    moment: () => moment,

    async apply(problem, { token, sentAt, repeatable, safe, response, signal }) {
      const { action } = problem;
      if (action === 'retry' && safe) {
        await sleep(retryAfterMilliseconds(response), signal);
        return true;
      }
      // A refresh also where the request cannot be repeated: it helps the next one.
      if (action === 'refresh_token' || (action === 'verify_mfa' && repeatable)) {
        let newer = await tokens.newerThan(token);
        if (newer === undefined) {
          if (action === 'verify_mfa')
            return lastMoments.verify_mfa > sentAt ? lastVerified : prompt(problem);
          newer = await tokens.refresh();
          // The refresh token has ended too.
          if (newer === null) tell('sign_in', problem, sentAt);
        }
        return repeatable && newer !== null && newer;
      }
      // What was said of an earlier token does not hold for the present one.
      if (action === 'enroll_mfa' || (action === 'sign_in' && tokens.isLatest(token)))
        tell(action, problem, sentAt);
      return false;
    },
  };
}

/** What the app's callback does or throws is no affair of the request. */
export function notify<T>(callback: ((value: T) => void) | undefined, value: T): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void };
  // eslint-disable-next-line @typescript-eslint/require-await -- so that a throw becomes a rejection
  (async () => callback?.(value))().catch((error: unknown) => reportError?.(error));
}
