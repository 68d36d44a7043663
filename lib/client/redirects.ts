/**
 * Following a redirect by hand, as the Fetch standard does (4.4, HTTP-redirect fetch), so that the
 * tokens do not reach an origin that is not listed.
 */
import { MFA_CHALLENGE_ID, PREVIOUS_ACCESS_TOKEN } from '../protocol.js';
import type { OutgoingRequest } from './outgoing-request.js';

/** The limit of the Fetch standard. */
const MAX_REDIRECTS = 20;

const FOR_ONE_ORIGIN = new Set([
  'cookie',
  'dpop',
  'host',
  'proxy-authorization',
  PREVIOUS_ACCESS_TOKEN,
  MFA_CHALLENGE_ID.toLowerCase(),
]);

/**
 * The request that a redirect asks for; undefined if the answer is no redirect, or one that a
 * browser hides.
 * @throws TypeError if `fetch` would fail.
 */
export function redirected(
  { url: from, init, replayable, redirects }: OutgoingRequest,
  response: Response,
): OutgoingRequest | undefined {
  const { status } = response;
  const location = response.headers.get('location');
  if (location === null || !/30[12378]/.test(String(status))) return undefined;

  const url = new URL(location, from);
  const becomesGet =
    status < 304 && (status === 303 ? /^(?!GET|HEAD)/i : /^POST/i).test(init.method);
  const isPossible = url.protocol.startsWith('http') && (becomesGet || replayable);
  if (!isPossible || redirects === MAX_REDIRECTS) throw new TypeError('Redirect failed');

  const isElsewhere = url.origin !== from.origin;
  const kept = [...init.headers].filter(
    ([name]) =>
      !(isElsewhere && FOR_ONE_ORIGIN.has(name)) && !(becomesGet && name.startsWith('content-')),
  );
  const changes = becomesGet ? { method: 'GET', body: null } : {};
  return {
    url,
    init: { ...init, headers: new Headers(kept), ...changes },
    replayable: becomesGet || replayable,
    redirects: redirects + 1,
  };
}

/** Makes the answer say that it was redirected, as after `fetch` has followed. */
export function markRedirected(response: Response): Response {
  return Object.defineProperty(response, 'redirected', { value: true });
}

/** Whether `fetch` has followed a redirect itself, contrary to its instructions. */
export function wasFollowed(response: Partial<Response>, { href }: URL): boolean {
  // React Native has only the address of the end.
  return response.redirected ?? Boolean(response.url && response.url !== href.replace(/#.*/, ''));
}
