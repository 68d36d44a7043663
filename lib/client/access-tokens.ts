/**
 * Which access token to send, and which one to send along as the previous one. It knows what was
 * answered, and nothing of requests.
 */
import type { SessionFetchOptions } from './options.js';

/** What one request carries. */
export interface Credentials {
  readonly token: string | null;
  /** Set while the MFA session may still belong to an earlier token. */
  readonly previous: string | undefined;
}

export interface AccessTokens {
  current(): Promise<string | null>;
  /** A new token by force; everybody who asks meanwhile gets the same one. */
  refresh(): Promise<string | null>;
  /** The token that has come since this one; undefined if none has, null after a sign-out. */
  newerThan(token: string | null): Promise<string | null | undefined>;
  isLatest(token: string | null): boolean;
  credentials(token: string | null): Credentials;
  answered(credentials: Credentials, status: number): void;
}

export function trackAccessTokens(
  getAccessToken: SessionFetchOptions['getAccessToken'],
): AccessTokens {
  let latest: string | null = null;
  /** The token that was answered last; the first one ever seen stands in until one was. */
  let settled: string | undefined;
  let refreshing: Promise<string | null> | undefined;
  let refreshes = 0;

  function note(token: string | null): string | null {
    latest = typeof token === 'string' && token !== '' ? token : null;
    // Signed out: the next token belongs to another session.
    settled = latest === null ? undefined : (settled ?? latest);
    return latest;
  }

  async function current(): Promise<string | null> {
    const refreshed = await refreshing?.catch(() => undefined);
    if (refreshed !== undefined) return refreshed;
    const before = refreshes;
    const token = await getAccessToken({ forceRefresh: false });
    // One that a refresh has overtaken may be the old one.
    return before === refreshes ? note(token) : current();
  }

  return {
    current,

    refresh() {
      refreshing ??= Promise.resolve()
        .then(() => {
          refreshes += 1;
          return getAccessToken({ forceRefresh: true });
        })
        .then(note)
        .finally(() => {
          refreshing = undefined;
        });
      return refreshing;
    },

    async newerThan(token) {
      const now = latest === token ? await current() : latest;
      return now === token ? undefined : now;
    },

    isLatest: (token) => latest === token,

    credentials: (token) => ({
      token,
      previous: token === null || token === settled ? undefined : settled,
    }),

    answered({ token, previous }, status) {
      // 0 is a redirect that a browser does not show; the others were refused before the carry-over.
      if (previous !== undefined && previous === settled && ![0, 400, 401, 503].includes(status))
        settled = token ?? undefined;
    },
  };
}
