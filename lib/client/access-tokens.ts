/**
 * The access token to send, the previous one to send with it, and the session that both belong to.
 */
import type { SessionFetchOptions } from './options.js';
import { TokenFamily } from './token-family.js';
import { abortable } from './waiting.js';

/** The tokens that one request is sent with. */
export interface Credentials {
  readonly token: string | null;
  /** Set as long as the MFA session may belong to an earlier token. */
  readonly previous: string | undefined;
  readonly family: TokenFamily;
}

export interface AccessTokens {
  /** The family of the token that was seen last. */
  family(): TokenFamily;
  /** The token that was seen last, without asking the app. */
  latest(): Credentials;
  /** Asks the app for the current token; waits for a refresh of this session if one is running. */
  current(): Promise<Credentials>;
  /** Asks the app for a new token. A result that arrives after the session has ended is ignored. */
  refresh(of: TokenFamily, onSignedOut: () => void): Promise<void>;
}

export function trackAccessTokens(
  getAccessToken: SessionFetchOptions['getAccessToken'],
): AccessTokens {
  let family = new TokenFamily(null);
  /** Calls of `getAccessToken` are numbered, because their answers may overtake each other. */
  let lastCall = 0;
  let newestAnswer = 0;

  let previousCall: Promise<unknown> | undefined;

  function ask(forceRefresh: boolean): Promise<string | null> {
    // CDP's function renews a token near its end in each call, also in calls side by side. But a
    // refresh token works once, so a second renewal at the same time may end the session.
    const turn = Date.now() >= family.renewalTime ? previousCall : undefined;
    const call = askAfter(turn, forceRefresh);
    previousCall = call.catch(() => undefined);
    return call;
  }

  async function askAfter(
    turn: Promise<unknown> | undefined,
    forceRefresh: boolean,
  ): Promise<string | null> {
    if (turn !== undefined) await turn;
    const token = await getAccessToken({ forceRefresh });
    return typeof token === 'string' && token !== '' ? token : null;
  }

  function take(token: string | null, isRefreshed: boolean): void {
    if (token === family.token) return;
    const isOwn = family.owns(token);
    if (isOwn === true || (isOwn === undefined && isRefreshed)) {
      family.renew(token);
      return;
    }
    const { session } = family;
    family = new TokenFamily(token, isOwn === undefined ? session : undefined);
    if (isOwn === false) session.over.abort();
  }

  function latest(): Credentials {
    return credentialsOf(family);
  }

  return {
    family: () => family,
    latest,

    async current() {
      const call = (lastCall += 1);
      const askedIn = family;
      const token = await ask(false);

      const { refresh, session } = family;
      if (refresh.running !== undefined && family.owns(token) !== false)
        await abortable(refresh.running, session.over.signal).catch(() => undefined);

      if (call < newestAnswer && token !== family.token) {
        if (family === askedIn && family.owns(token) === true) return latest();
        // The answer is about an earlier session than the present one.
        if (family !== askedIn || token !== null) return credentialsOf(new TokenFamily(token));
      }
      newestAnswer = Math.max(newestAnswer, call);
      take(token, false);
      return latest();
    },

    async refresh(of, onSignedOut) {
      const token = await ask(true);
      if (family !== of) return;
      newestAnswer = lastCall += 1;
      if (token === null) onSignedOut();
      take(token, true);
    },
  };
}

function credentialsOf(family: TokenFamily): Credentials {
  const { token, session } = family;
  const { answeredToken } = session;
  const isSettled = token === null || answeredToken === null || token === answeredToken;
  return { token, previous: isSettled ? undefined : answeredToken, family };
}

/** Statuses without a carry-over, or of a gateway; 0 is a redirect that a browser hides. */
const UNANSWERED = /^(0|400|401|408|425|429|5..)$/;

/** Notes the answer to a request that carried both tokens. */
export function noteAnswer({ token, previous, family }: Credentials, status: number): void {
  const { session } = family;
  if (previous === session.answeredToken && !UNANSWERED.test(String(status)))
    session.answeredToken = token;
}
