/**
 * The session fetch: sends a request with the tokens, follows its redirects, and tries it again
 * after a remedy.
 */
import { MFA_CHALLENGE_ID, PREVIOUS_ACCESS_TOKEN } from '../protocol.js';
import type { Problem } from '../protocol.js';
import { noteAnswer, trackAccessTokens } from './access-tokens.js';
import type { Credentials } from './access-tokens.js';
import { checkOptions } from './options.js';
import type { SessionFetchOptions } from './options.js';
import { discard, outgoingRequest, requestOf } from './outgoing-request.js';
import type { OutgoingRequest } from './outgoing-request.js';
import { currentPage } from './page.js';
import { readProblem } from './problem.js';
import { markRedirected, redirected, wasFollowed } from './redirects.js';
import { createRemedies, notify } from './remedies.js';
import type { Refused } from './remedies.js';
import { abortable, linkedController } from './waiting.js';

/**
 * Creates a `fetch` that keeps a session going. It sends the access token to the listed origins and,
 * after a refresh, the previous token until the server has carried the MFA session over. It acts on
 * the `action` of a refusal, with each remedy once per request:
 *
 * - `refresh_token`: gets a new token and tries again;
 * - `verify_mfa`: tries again with a newer token if there is one; then awaits `onMfaRequired` and
 *   tries again;
 * - `approve_request`: awaits `onApprovalRequired`, for one request at a time, and tries again with
 *   the id of the challenge; that try may be refreshed and retried once more;
 * - `retry`: waits for the seconds of `Retry-After`, at most 10, and repeats a GET, HEAD or OPTIONS.
 *   The answer to another method is handed back, because the outage may have followed the effect;
 * - `sign_in`, `enroll_mfa`: tells the app, once for all requests in flight.
 *
 * Other answers are handed back unread, and so is the answer to a HEAD, which has no body to name an
 * action. Parallel requests share one refresh and one prompt, a failed one too; so create one session
 * fetch and use it everywhere.
 *
 * A request is only repeated within the session that it was sent in. If `getAccessToken` has given
 * null or a token of another user or sign-in since, the refusal is handed back, and prompts and
 * refreshes of that session no longer count.
 *
 * A body that is a stream is sent once: a refusal is handed back, after a refresh if it asks for one.
 * A request with an `Authorization` header of its own is passed on unchanged, as is one in the mode
 * `no-cors`. A navigation that a service worker has intercepted is sent with the tokens.
 *
 * No token follows a redirect to an origin that is not listed. A browser hides redirects, so there
 * the tokens stay with the origin that they were sent to: a redirected GET, HEAD or OPTIONS is sent
 * again without the previous token, and the browser removes the other one if it leaves the origin;
 * another method fails if the page's own origin redirects it elsewhere, and is not followed on
 * another origin: the answer, of the type `opaqueredirect`, is handed back. An approved GET is
 * treated like the latter, because its approval is spent. With `createProof`, a redirected request
 * is refused by its target, because the proof names the first address.
 *
 * It needs `fetch`, `Request`, `Headers`, `AbortController`, `atob` and a `URL` with `origin`; React
 * Native has the last by `react-native-url-polyfill`.
 *
 * @example
 * const sessionFetch = createSessionFetch({
 *   getAccessToken, // of CDP's SDK
 *   onMfaRequired: (problem) => openMfaDialog(problem),
 *   onSignInRequired: () => router.push('/sign-in'),
 *   origins: ['https://api.example.com'],
 * });
 * const response = await sessionFetch('https://api.example.com/transfers', { method: 'POST', body });
 *
 * @throws TypeError with every option that is missing, misspelt or wrong.
 * @see {@link https://fetch.spec.whatwg.org/#fetch-method | Fetch standard}, for the signature
 */
export function createSessionFetch(options: SessionFetchOptions): typeof fetch {
  const page = currentPage();
  const { origins, ...checked } = checkOptions(options, page.origin);
  // Called without an owner, or a browser refuses. The global is looked up late: it may be replaced.
  const send: typeof fetch = checked.fetch ?? ((input, init) => fetch(input, init));
  const tokens = trackAccessTokens(checked.getAccessToken);
  const remedies = createRemedies(checked, tokens);

  return async function sessionFetch(input: string | URL | Request, init?: RequestInit) {
    const given = requestOf(input);
    const url = listedUrl(given?.url ?? (input as string | URL));
    if (url === undefined || isPrivate(init, given)) return send(input, init);

    // Asked before the body is read, so that the token is that of the present user.
    const asked = tokens.current();
    asked.catch(() => undefined);
    let request = await outgoingRequest(url, given, init);
    const { signal, redirect } = request.init;
    let credentials = await abortable(asked, signal);
    const tried = new Set<string>();
    const firstSentAt = remedies.moment();
    let challengeId: string | undefined;
    for (;;) {
      const sentAt = remedies.moment();
      const response = await deliver(request, credentials, challengeId);

      const next = redirect === 'follow' && redirected(request, response);
      if (next) {
        discard(response.body);
        request = next;
        if (origins.includes(next.url.origin)) continue;
        // Without tokens from here on, even if it leads back: another origin chose the address.
        return markRedirected(await send(next.url.href, next.init));
      }
      if (request.redirects > 0) markRedirected(response);
      if (!isAnswerOf(response, request.url)) return response;

      warn(response, credentials);
      const problem = await readProblem(response);
      if (problem === undefined) return response;
      const safe = isSafe(request);
      // A redirect that `fetch` has followed itself may have come after the effect.
      const mayRepeat = safe || request.redirects > 0 || !wasFollowed(response, request.url);
      const repeatable = request.replayable && mayRepeat;
      const refused = { credentials, firstSentAt, sentAt, repeatable, safe, tried, response };
      const renewed = await remedied(problem, refused, signal);
      if (!repeatable || !renewed || !mayReplace(credentials, renewed, safe)) return response;
      discard(response.body);
      credentials = renewed;
      if (problem.action === 'approve_request') challengeId = problem.challengeId;
    }
  };

  function listedUrl(address: string | URL): URL | undefined {
    try {
      const url = new URL(address, page.base());
      return url.protocol.startsWith('http') && origins.includes(url.origin) ? url : undefined;
    } catch {
      // `fetch` gets it unchanged, and rejects it with a better message.
      return undefined;
    }
  }

  /** Sends the tokens such that no redirect takes them to another origin. */
  async function deliver(
    request: OutgoingRequest,
    credentials: Credentials,
    challengeId: string | undefined,
  ): Promise<Response> {
    const { url, init } = request;
    const { token, previous } = credentials;
    const headers = new Headers(init.headers);
    if (token !== null) await authorize(headers, request, token);
    const carriesBoth = previous !== undefined && !headers.has(PREVIOUS_ACCESS_TOKEN);
    if (carriesBoth) headers.set(PREVIOUS_ACCESS_TOKEN, previous);
    if (challengeId !== undefined) headers.set(MFA_CHALLENGE_ID, challengeId);

    const guarded: RequestInit & { cache?: string } = { ...init, headers };
    // An answer from the browser's cache would pass for one of the server.
    const isCacheable = carriesBoth && page.isReal && (guarded.cache ?? 'default') === 'default';
    if (isCacheable) guarded.cache = 'reload';
    const isApproved = headers.has(MFA_CHALLENGE_ID);
    const isGuarded = (token !== null || isApproved) && init.redirect === 'follow';
    // An approval is spent by the first try.
    const mayAskAgain = isSafe(request) && !isApproved;
    // In this mode a browser follows redirects within the origin, and fails at others.
    const isKept = page.isReal && url.origin === page.origin && !mayAskAgain;
    if (isGuarded && isKept) guarded.mode = 'same-origin';
    else if (isGuarded) guarded.redirect = 'manual';
    const response = await send(url.href, guarded);
    if (carriesBoth && isAnswerOf(response, url)) noteAnswer(credentials, response.status);
    const isHidden = isGuarded && response.type === 'opaqueredirect';
    if (token === null || !mayAskAgain || !isHidden) return response;

    // A browser removes Authorization on the way to another origin (Fetch 4.4), but not this header.
    headers.delete(PREVIOUS_ACCESS_TOKEN);
    await authorize(headers, request, token);
    return send(url.href, { ...init, headers });
  }

  async function authorize(
    headers: Headers,
    { url, init: { method, signal } }: OutgoingRequest,
    accessToken: string,
  ): Promise<void> {
    const { createProof } = checked;
    headers.set('authorization', `${createProof === undefined ? 'Bearer' : 'DPoP'} ${accessToken}`);
    if (createProof === undefined) return;
    const request = { method: sentMethod(method), url: url.origin + url.pathname, accessToken };
    headers.set('dpop', await abortable(Promise.resolve(createProof(request)), signal));
  }

  function warn(response: Response, { family: { session } }: Credentials): void {
    const secondsLeft = session.ending.firstWarning(response);
    if (secondsLeft !== undefined && session === tokens.family().session)
      notify(checked.onSessionEnding, secondsLeft);
  }

  /** Applies the remedy; undefined if that fails, or if the session ends meanwhile. */
  function remedied(
    problem: Problem,
    refused: Omit<Refused, 'signal'>,
    signal: AbortSignal | null | undefined,
  ): Promise<Credentials | undefined> {
    const { over } = refused.credentials.family.session;
    const { controller, unlink } = linkedController(signal, over.signal);
    const remedy = remedies.apply(problem, { ...refused, signal: controller.signal });
    const result = abortable(remedy, controller.signal)
      .catch(() => undefined)
      .finally(unlink);
    return abortable(result, signal);
  }

  /** Whether a refused request may be repeated with the credentials that a remedy has given. */
  function mayReplace(refused: Credentials, { family }: Credentials, safe: boolean): boolean {
    if (family !== tokens.family()) return false;
    return family === refused.family || (safe && family.session === refused.family.session);
  }
}

/** The method as `fetch` sends it: it writes these in capitals, and leaves others as they are. */
function sentMethod(method: string): string {
  return /^(delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : method;
}

/** RFC 9110, section 9.2.1: sending it twice has no more effect than sending it once. */
function isSafe({ init }: OutgoingRequest): boolean {
  return /^(GET|HEAD|OPTIONS)$/i.test(init.method);
}

/** Whether the answer is that of the origin it was asked of; a `fetch` of one's own may omit `url`. */
function isAnswerOf({ url }: Response, { origin }: URL): boolean {
  return !url || url.startsWith(`${origin}/`);
}

/** Whether the caller has set the credentials, or must not send any. */
function isPrivate(init: RequestInit | undefined, given: Request | undefined): boolean {
  const headers = new Headers(init?.headers ?? given?.headers);
  return headers.has('authorization') || (init?.mode ?? given?.mode) === 'no-cors';
}
