/**
 * The tokens of this tab: the access token in memory, the refresh token in an HttpOnly cookie that
 * the tabs share. `sessionFetch` is for requests; sockets get the tokens from here.
 */
import { createSessionFetch } from '/client.js';

let accessToken = null;
let previousAccessToken;

/** The present token, and the one that it replaced: its MFA session moves to the new one. */
export const tokens = () => ({ accessToken, previousAccessToken });

export const sessionFetch = createSessionFetch({
  getAccessToken: async ({ forceRefresh }) => (forceRefresh ? refresh() : accessToken),
});

/** One tab at a time: each refresh token may be used once. @returns null: sign in */
export function refresh() {
  return navigator.locks.request('refresh-token', async () => {
    const response = await fetch('/auth/refresh', { method: 'POST' });
    if (!response.ok && response.status !== 401) throw new Error('The issuer cannot be reached.');
    const { accessToken: fresh } = await response.json();
    if (fresh !== undefined) take(fresh);
    return fresh ?? null;
  });
}

function take(fresh) {
  previousAccessToken = accessToken ?? undefined;
  accessToken = fresh;
}

export function forget() {
  accessToken = null;
  previousAccessToken = undefined;
}

/** @returns the code that a real issuer would send */
export async function requestCode(email) {
  const response = await post('/auth/code', { email }, fetch);
  if (!response.ok) throw new Error('No code can be sent to this address.');
  return (await response.json()).code;
}

export async function signIn(email, code) {
  const response = await post('/auth/sign-in', { email, code }, fetch);
  if (!response.ok) throw new Error('That code is not right, or no longer valid.');
  forget();
  take((await response.json()).accessToken);
}

export function post(path, body = {}, send = sessionFetch) {
  return send(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** A single-use stand-in for the token, for addresses. */
export async function ticket() {
  const response = await post('/tickets');
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.detail), body);
  return body.ticket;
}
