/**
 * The access token, in this tab's memory alone, so that each tab is a client of its own. The refresh
 * token is in an HttpOnly cookie that the tabs of a device share and no script sees.
 */
import { authPath, device } from './device.js';
import { wireFetch } from '../workbench/wire.js';

let accessToken = null;
let refreshError;
let onOtherUser = () => undefined;

export async function getAccessToken({ forceRefresh = false } = {}) {
  return forceRefresh || accessToken === null ? refresh() : accessToken;
}

/** One tab at a time: each refresh token may be used once, and all tabs share it. */
export function refresh() {
  return navigator.locks.request(`${device.name}.refresh-token`, async () => {
    const response = await wireFetch(authPath('refresh'), { method: 'POST' });
    if (!response.ok && response.status !== 401) {
      throw Object.assign(new Error('no answer of the issuer'), { name: 'UnreachableError' });
    }
    const body = await response.json();
    const before = accessToken;
    accessToken = body.accessToken ?? null;
    refreshError = body.code;
    // Another user signed in in another tab, and the cookie is theirs now.
    if (before !== null && accessToken !== null && userOf(before) !== userOf(accessToken)) {
      accessToken = null;
      onOtherUser();
    }
    return accessToken;
  });
}

export function setAccessToken(token) {
  accessToken = token;
  refreshError = undefined;
}

/** Whether the last refresh failed because the session has reached its 7 days. */
export const hasReachedItsEnd = () => refreshError === 'refresh_token_expired';

export function whenOtherUser(listener) {
  onOtherUser = listener;
}

function userOf(token) {
  const payload = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  const { iss, sub } = JSON.parse(atob(payload));
  return JSON.stringify([iss, sub]);
}
