/**
 * The options of `createSessionFetch()`, checked when it is called. What they mean for a request is
 * in session-fetch.ts and remedies.ts.
 */
import type { Problem } from '../protocol.js';

/** Options of `createSessionFetch()`. */
export interface SessionFetchOptions {
  /**
   * The current access token, or null while nobody is signed in; CDP's own shape, so that
   * `getAccessToken` of `@coinbase/cdp-core` fits. With `forceRefresh` it gets a new one first. It
   * must not use the session fetch itself. What it rejects with, the request rejects with.
   */
  readonly getAccessToken: (options: { readonly forceRefresh?: boolean }) => Promise<string | null>;
  /**
   * Verify MFA with the user; once it resolves, the request is tried once more. When it rejects
   * (the user cancelled), the 403 is handed back. Without it the 403 always is. It may use the
   * session fetch, but not for a route that asks for MFA: that would wait for itself.
   */
  readonly onMfaRequired?: ((problem: Problem) => Promise<void>) | undefined;
  /**
   * The operation needs MFA, and the user has not enrolled in it. Like the two below, it changes
   * nothing about the answer; what it throws goes to the runtime's `reportError()`, if there is one.
   */
  readonly onMfaEnrollmentRequired?: ((problem: Problem) => void) | undefined;
  /**
   * The session is over, or there never was one: the user has to sign in. Also called with the
   * problem `token_expired`, when a refresh gave null.
   */
  readonly onSignInRequired?: ((problem: Problem) => void) | undefined;
  /**
   * The session ends soon. Called once per session: again only after `getAccessToken` gave null, or
   * when the seconds left have grown by more than a minute, which only a new sign-in does.
   */
  readonly onSessionEnding?: ((secondsLeft: number) => void) | undefined;
  /**
   * Who may be sent the tokens, such as `https://api.example.com`. Requests to other origins go
   * through untouched. Required outside a browser. @defaultValue the page's own origin
   */
  readonly origins?: readonly string[] | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** What the code relies on. */
export interface CheckedOptions extends SessionFetchOptions {
  readonly origins: readonly string[];
}

const functions = [
  'getAccessToken',
  'onMfaRequired',
  'onMfaEnrollmentRequired',
  'onSignInRequired',
  'onSessionEnding',
  'fetch',
];

/**
 * @throws TypeError that names every option that is missing, misspelt or wrong.
 */
export function checkOptions(
  options: SessionFetchOptions | undefined,
  ownOrigin: string | undefined,
): CheckedOptions {
  const given: Readonly<Record<string, unknown>> = { getAccessToken: undefined, ...options };
  const complaints: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (name === 'origins' || (value === undefined && name !== 'getAccessToken')) continue;
    if (!functions.includes(name)) complaints.push(`unknown option \`${name}\``);
    else if (typeof value !== 'function') complaints.push(`\`${name}\` must be a function`);
  }
  const origins = given.origins === undefined ? [ownOrigin] : given.origins;
  if (!Array.isArray(origins) || origins.length === 0 || !origins.every(isOrigin)) {
    complaints.push(
      '`origins` must be a list like ["https://api.example.com"]; required outside a browser',
    );
  }

  if (complaints.length > 0) throw new TypeError(`createSessionFetch: ${complaints.join('; ')}`);
  return { ...(given as object as SessionFetchOptions), origins: [...(origins as string[])] };
}

/** In the exact form that a request is compared with; a path would promise a limit nobody keeps. */
function isOrigin(text: unknown): boolean {
  try {
    return new URL(text as string).origin === text && /^http[^*]+$/.test(text);
  } catch {
    return false;
  }
}
