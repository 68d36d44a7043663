/**
 * Requests to the wallet's API. `createSessionFetch` renews the access token, carries the MFA session
 * over, prompts for MFA and approvals, and sends the request again.
 */
import { createSessionFetch } from '/vendor/client.js';
import { wireFetch } from '../workbench/wire.js';
import { state } from './state.js';
import { getAccessToken } from './tokens.js';

export function connect(prompts) {
  return createSessionFetch({ getAccessToken, fetch: wireFetch, ...prompts });
}

/** @throws an error named UnreachableError if the wallet cannot be reached */
export function send(method, path, { body, headers = {}, signal, via = state.api } = {}) {
  if (via === undefined) {
    throw Object.assign(new Error('signed out'), { name: 'UnreachableError' });
  }
  return via(path, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
}

export const post = (path, body = {}, options = {}) => send('POST', path, { body, ...options });

export const problemOf = (response) =>
  response
    .clone()
    .json()
    .catch(() => ({}));

export async function messageOf(response) {
  const { detail, errorMessage } = await problemOf(response);
  return detail ?? errorMessage ?? 'Something went wrong. Try again.';
}
