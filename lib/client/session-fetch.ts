/**
 * The session fetch: who gets the tokens, how far a redirect takes them, and trying again. What is
 * done about a refusal is in remedies.ts.
 */
import { PREVIOUS_ACCESS_TOKEN as PREVIOUS } from '../protocol.js';
import { trackAccessTokens } from './access-tokens.js';
import type { Credentials } from './access-tokens.js';
import { checkOptions } from './options.js';
import type { SessionFetchOptions } from './options.js';
import { discard, outgoingRequest, requestOf } from './outgoing-request.js';
import type { OutgoingRequest } from './outgoing-request.js';
import { currentPage } from './page.js';
import { readProblem } from './problem.js';
import { markRedirected, redirected } from './redirects.js';
import { createRemedies, notify } from './remedies.js';
import { watchSessionEnding } from './session-ending.js';
import { abortable } from './waiting.js';

/**
 * A `fetch` that keeps a session going. It sends the access token to the listed origins, and after
 * a refresh the previous one until the server has carried the MFA session over; and it acts on the
 * `action` of the library's refusals, each remedy once per request:
 *
 * - `refresh_token`: gets a new token and tries again;
 * - `verify_mfa`: awaits `onMfaRequired` and tries again;
 * - `retry`: waits as `Retry-After` says, at most 10 s, and repeats a GET, HEAD or OPTIONS. PUT and
 *   DELETE are left to the app: the outage may have come in the middle of them;
 * - `sign_in`, `enroll_mfa`: tells the app, once for all requests that were under way.
 *
 * Whatever is not remedied is handed back unread, and so is the answer to a HEAD, which has no body
 * to name an action. Parallel requests share one refresh and one prompt; so create one of these and
 * use it everywhere.
 *
 * A body that is a stream is sent once: its refusal is handed back, after a refresh where one was
 * asked for. A request with an `Authorization` header of its own goes through untouched, and so does
 * one in the mode `no-cors`.
 *
 * No token follows a redirect to an origin that is not listed. In a browser, where a redirect cannot
 * be looked at, the tokens stay with the origin they were sent to: a GET, HEAD or OPTIONS that is
 * redirected is asked again without the previous token, for the browser to follow without the other;
 * any other request to the page's own origin fails when redirected elsewhere, and one to another
 * origin is not followed: the answer, of the type `opaqueredirect`, is handed back.
 *
 * @throws TypeError that names every option that is missing, misspelt or wrong.
 */
export function createSessionFetch(options: SessionFetchOptions): typeof fetch {
  const page = currentPage();
  const { origins, ...checked } = checkOptions(options, page.origin);
  // Called without an owner, or a browser refuses; and late, for a fetch that is replaced later on.
  const send: typeof fetch = checked.fetch ?? ((input, init) => fetch(input, init));
  const tokens = trackAccessTokens(checked.getAccessToken);
  const remedies = createRemedies(checked, tokens);
  const ending = watchSessionEnding();

  return async function sessionFetch(input: string | URL | Request, init?: RequestInit) {
    const given = requestOf(input);
    const url = listedUrl(given?.url ?? (input as string | URL));
    if (url === undefined || isPrivate(init, given)) return send(input, init);

    let request = await outgoingRequest(url, given, init);
    const { signal, redirect } = request.init;
    const tried = new Set<string>();
    let credentials: Credentials | undefined;
    for (;;) {
      credentials ??= tokens.credentials(await abortable(tokens.current(), signal));
      if (credentials.token === null) ending.forget();
      const sentAt = remedies.moment();
      const response = await deliver(request, credentials);

      const next = redirect === 'follow' && redirected(request, response);
      if (next) {
        discard(response.body);
        request = next;
        if (origins.includes(next.url.origin)) continue;
        // Without the tokens from here on, even if it leads back: others decided where it goes.
        return markRedirected(await send(next.url.href, next.init));
      }
      if (request.redirects > 0) markRedirected(response);
      if (response.url !== '' && !response.url.startsWith(`${request.url.origin}/`))
        return response;

      const secondsLeft = ending.firstWarning(response);
      if (secondsLeft !== undefined) notify(checked.onSessionEnding, secondsLeft);
      const problem = await readProblem(response);
      if (!problem || tried.has(problem.action)) return response;
      tried.add(problem.action);

      const safe = isSafe(request);
      // A redirect that was followed out of sight may have come after the deed.
      const mayRepeat = safe || request.redirects > 0 || !response.redirected;
      const repeatable = request.replayable && mayRepeat;
      const { token } = credentials;
      const retry = await abortable(
        remedies
          .apply(problem, { token, sentAt, repeatable, safe, response, signal })
          // What a remedy fails with says less than the answer at hand.
          .catch(() => false),
        signal,
      );
      if (retry === false) return response;
      discard(response.body);
      credentials = retry === true ? undefined : tokens.credentials(retry);
    }
  };

  function listedUrl(address: string | URL): URL | undefined {
    try {
      const url = new URL(address, page.base());
      return url.protocol.startsWith('http') && origins.includes(url.origin) ? url : undefined;
    } catch {
      // The fetch that gets it untouched says what is wrong with it.
      return undefined;
    }
  }

  /** Sends the tokens such that no redirect takes them to another origin. */
  async function deliver(request: OutgoingRequest, credentials: Credentials): Promise<Response> {
    const { url, init } = request;
    const { token, previous } = credentials;
    const headers = new Headers(init.headers);
    if (token !== null) headers.set('authorization', `Bearer ${token}`);
    if (previous !== undefined && !headers.has(PREVIOUS)) headers.set(PREVIOUS, previous);

    const guarded: RequestInit = { ...init, headers };
    const isGuarded = token !== null && init.redirect === 'follow';
    const safe = isSafe(request);
    // In this mode a browser fails at the other origin's door, and follows within its own.
    const isKept = page.isReal && url.origin === page.origin && !safe;
    if (isGuarded && isKept) guarded.mode = 'same-origin';
    else if (isGuarded) guarded.redirect = 'manual';
    const response = await send(url.href, guarded);
    tokens.answered(credentials, response.status);
    if (!isGuarded || !safe || response.type !== 'opaqueredirect') return response;

    // A browser takes Authorization off on the way to another origin (Fetch 4.4), but not this.
    headers.delete(PREVIOUS);
    return send(url.href, { ...init, headers });
  }
}

/** RFC 9110 section 9.2.1: asking twice does nothing more than asking once. */
function isSafe({ init }: OutgoingRequest): boolean {
  return /^(GET|HEAD|OPTIONS)$/i.test(init.method);
}

/** Whether the caller has seen to the credentials, or to there being none. */
function isPrivate(init: RequestInit | undefined, given: Request | undefined): boolean {
  const headers = new Headers(init?.headers ?? given?.headers);
  return headers.has('authorization') || (init?.mode ?? given?.mode) === 'no-cors';
}
