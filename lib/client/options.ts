/**
 * The options of `createSessionFetch()`, checked when it is called.
 */
import type { Problem } from '../protocol.js';

/** Options of `createSessionFetch()`. */
export interface SessionFetchOptions {
  /**
   * Gives the current access token, or null if no user is signed in; with `forceRefresh` a new one.
   * `getAccessToken` of `@coinbase/cdp-core` fits. It is called for each request, and again before a
   * request is repeated. Calls may run side by side, except near the end of a token, when they may
   * renew it. Its promise has to settle: requests wait for it without a time limit. If it rejects, so
   * does the request; if a refresh rejects, the refusal is handed back. It must not use the session
   * fetch itself.
   *
   * A token of another user or sign-in (`iss`, `sub`, `sid`, `auth_time`), or null, ends the session:
   * refusals from before it are handed back, never repeated. A token that is no JWT, or has neither
   * `sub` nor `sid`, may be any user's, so with such tokens null has to come between two users. If
   * such a token has changed without `forceRefresh`, only GET, HEAD and OPTIONS are repeated with it.
   *
   * @example
   * import { getAccessToken } from '@coinbase/cdp-core';
   * const sessionFetch = createSessionFetch({ getAccessToken });
   */
  readonly getAccessToken: (options: { readonly forceRefresh: boolean }) => Promise<string | null>;
  /**
   * Verifies MFA with the user; the request is tried once more when the promise resolves. If it
   * rejects, because the user has cancelled, or if the option is missing, the 403 is handed back.
   * Requests wait for the promise without a time limit, so it has to settle when the dialog is
   * closed. It may use the session fetch, but not for a route that asks for MFA: such a request
   * would wait for itself.
   */
  readonly onMfaRequired?: ((problem: Problem) => Promise<void>) | undefined;
  /**
   * Shows `problem.description`, and lets the user approve `problem.challengeId` at a route of the
   * app. When the promise resolves, the same request is sent once more with the id in
   * `X-Mfa-Challenge-Id`. If it rejects, or if the option is missing, the 403 is handed back.
   *
   * Called for one request at a time, never for two together, and not for a body that is a stream.
   * `signal` is aborted when the request is, when the challenge ends (`problem.expiresInSeconds`
   * after the answer came) and when the session does: then the dialog has to close, and the 403 is
   * handed back. It may use the session fetch, but not for a route that asks for an approval: such a
   * request would wait for itself.
   */
  readonly onApprovalRequired?:
    ((problem: Problem, options: { readonly signal: AbortSignal }) => Promise<void>) | undefined;
  /**
   * Makes a DPoP proof for one try of a request, after a redirect too. `url` is the address without
   * query and fragment, as the claim `htu` wants it, and `method` the claim `htm`. With this option
   * tokens are sent as `Authorization: DPoP` instead of `Bearer`, with the proof in the header `DPoP`.
   * If it rejects, so does the request.
   *
   * @example
   * // with npm's dpop
   * createProof: ({ method, url, accessToken }) =>
   *   DPoP.generateProof(keyPair, url, method, undefined, accessToken),
   *
   * @see {@link https://www.rfc-editor.org/rfc/rfc9449#section-7 | RFC 9449, section 7}
   */
  readonly createProof?: ((request: ProofRequest) => Promise<string>) | undefined;
  /**
   * The operation needs MFA, and the user has not enrolled in it. The answer is handed back. An error
   * of this callback, or of the two below, goes to `reportError()` of the runtime, if it has one.
   */
  readonly onMfaEnrollmentRequired?: ((problem: Problem) => void) | undefined;
  /**
   * The user has to sign in, because the session is over or never began. The answer is handed back.
   * If a refresh gives null, the problem is the `token_expired` that led to the refresh.
   */
  readonly onSignInRequired?: ((problem: Problem) => void) | undefined;
  /**
   * The session ends in so many seconds. Called once per session; for tokens without a claim that
   * tells sessions apart, a session ends when `getAccessToken` gives null, or when the seconds left
   * have grown by more than 60.
   */
  readonly onSessionEnding?: ((secondsLeft: number) => void) | undefined;
  /**
   * Origins that are sent the tokens, such as `https://api.example.com`. Requests to other origins
   * are passed on unchanged. Required outside a browser.
   * @defaultValue the origin of the page
   */
  readonly origins?: readonly string[] | undefined;
  /** The `fetch` that sends the requests. @defaultValue the global `fetch` */
  readonly fetch?: typeof fetch | undefined;
}

/** The request that a DPoP proof is made for. */
export interface ProofRequest {
  /** The method as it is sent: `htm`. */
  readonly method: string;
  /** The address without query and fragment: `htu`. */
  readonly url: string;
  /** The token that the proof is bound to: `ath` is its hash. */
  readonly accessToken: string;
}

/** The options with their defaults. */
export interface CheckedOptions extends SessionFetchOptions {
  readonly origins: readonly string[];
}

const functions = [
  'getAccessToken',
  'onMfaRequired',
  'onApprovalRequired',
  'createProof',
  'onMfaEnrollmentRequired',
  'onSignInRequired',
  'onSessionEnding',
  'fetch',
];

/** @throws TypeError with every option that is missing, misspelt or wrong. */
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

/** Exactly in the form of `URL.origin`; a path is refused, because it would not limit anything. */
function isOrigin(text: unknown): boolean {
  try {
    return new URL(text as string).origin === text && /^http[^*]+$/.test(text);
  } catch {
    return false;
  }
}
