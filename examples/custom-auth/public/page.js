/**
 * A standard OpenID Connect client in a browser, whose tokens are bound to a key of this browser
 * (DPoP, RFC 9449). It sends its user to the provider, and again with the demands of the API's
 * challenge (RFC 9470), and repeats the request when the user is back.
 */
import { generateKeyPair, generateProof } from 'dpop';
import { createSessionFetch } from 'express-wallet-session/client';
import { ownKeyPair } from './key-pair.js';

const { issuer, clientId } = await (await fetch('/config.json')).json();
const provider = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const keyPair = await ownKeyPair();
const redirectUri = `${location.origin}/`;

/** Kept for this tab: the tokens, the log, and the request to repeat when the user is back. */
const memory = {
  get: (name) => JSON.parse(sessionStorage.getItem(name) ?? 'null'),
  set: (name, value) => sessionStorage.setItem(name, JSON.stringify(value)),
};
const element = (id) => document.getElementById(id);

const sessionFetch = fetchWith(keyPair);

/** A `fetch` that sends the access token, with a proof by this key. */
function fetchWith(keys) {
  return createSessionFetch({
    async getAccessToken({ forceRefresh }) {
      if (forceRefresh) await refresh();
      return memory.get('tokens')?.access_token ?? null;
    },
    createProof: ({ method, url, accessToken }) =>
      generateProof(keys, url, method, undefined, accessToken),
  });
}

function show() {
  const tokens = memory.get('tokens');
  const claims = tokens && claimsOf(tokens.access_token);
  element('who').textContent = claims
    ? `Signed in as ${claims.sub}, with ${claims.amr.join(' and ')}.`
    : 'Nobody is signed in.';
  element('sign-in').hidden = claims !== null;
  for (const id of ['me', 'transfer', 'refresh', 'steal', 'rotate', 'sign-out']) {
    element(id).hidden = claims === null;
  }
  const entries = memory.get('log') ?? [];
  element('nothing').hidden = entries.length > 0;
  element('log').replaceChildren(
    ...entries.map(({ title, detail, isGood }, index) => {
      const item = document.createElement('li');
      item.className = isGood ? 'good' : 'bad';
      const details = document.createElement('details');
      details.open = index === 0;
      const summary = document.createElement('summary');
      summary.textContent = title;
      const text = document.createElement('pre');
      text.textContent = detail;
      details.append(summary, text);
      item.append(details);
      return item;
    }),
  );
}

/** The last entry stands on top. */
function log(title, detail, isGood = true) {
  const lines = typeof detail === 'string' ? detail : JSON.stringify(detail, null, 2);
  memory.set('log', [{ title, detail: lines, isGood }, ...(memory.get('log') ?? [])]);
  show();
}

/** For display alone: the API verifies the token. */
function claimsOf(token) {
  const base64 = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function goToProvider(parameters, thenDo) {
  const [verifier, state] = [random(), random()];
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  memory.set('pending', { verifier, state, thenDo });
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    state,
    code_challenge: base64url(new Uint8Array(hash)),
    code_challenge_method: 'S256',
    ...parameters,
  });
  location.assign(`${provider.authorization_endpoint}?${query}`);
}

async function comeBack() {
  const answer = new URLSearchParams(location.search);
  const pending = memory.get('pending');
  if (answer.size === 0) return;
  history.replaceState(null, '', '/');
  if (!answer.has('code') || answer.get('state') !== pending?.state) return;
  memory.set('pending', null);
  await requestTokens('The provider sent the user back', {
    grant_type: 'authorization_code',
    redirect_uri: redirectUri,
    code: answer.get('code'),
    code_verifier: pending.verifier,
  });
  if (pending.thenDo === 'transfer') await transfer();
}

/** The proof binds the tokens to the key (RFC 9449 section 5). */
async function requestTokens(title, parameters) {
  const { token_endpoint: url } = provider;
  const body = new URLSearchParams({ client_id: clientId, ...parameters });
  const headers = { dpop: await generateProof(keyPair, url, 'POST') };
  const response = await fetch(url, { method: 'POST', body, headers });
  const answer = await response.json();
  memory.set('tokens', response.ok ? answer : null);
  log(title, response.ok ? claimsOf(answer.access_token) : answer, response.ok);
}

function refresh() {
  return requestTokens('Refreshed', {
    grant_type: 'refresh_token',
    refresh_token: memory.get('tokens').refresh_token,
  });
}

async function call(method, path, { send = sessionFetch, headers, title } = {}) {
  const response = await send(path, { method, headers });
  const challenge = response.headers.get('www-authenticate');
  const answer = await response.text();
  const body = answer === '' ? '' : JSON.stringify(JSON.parse(answer), null, 2);
  log(
    `${title ?? `${method} ${path}`}: ${response.status}`,
    challenge ? `WWW-Authenticate: ${challenge}\n${body}` : body,
    response.ok,
  );
  return response;
}

async function transfer() {
  const response = await call('POST', '/transfers');
  const challenge = response.headers.get('www-authenticate') ?? '';
  if (!challenge.includes('insufficient_user_authentication')) return;
  const parameters = [...challenge.matchAll(/(acr_values|max_age)="([^"]*)"/g)];
  await goToProvider(Object.fromEntries(parameters.map((part) => part.slice(1))), 'transfer');
}

async function me() {
  const response = await call('GET', '/me');
  if (response.status !== 401) return;
  memory.set('tokens', null);
  show();
}

/** The two options of a thief: to send the token as it is, or with a key of its own. */
async function steal() {
  const { access_token: token } = memory.get('tokens');
  await call('GET', '/me', {
    send: fetch,
    headers: { authorization: `Bearer ${token}` },
    title: 'GET /me with the token alone',
  });
  await call('GET', '/me', {
    send: fetchWith(await generateKeyPair('ES256')),
    title: 'GET /me with the token and another key',
  });
}

async function rotate() {
  await call('POST', '/demo/rotate-keys');
  log('The provider signs with a new key', 'Refresh, and see that the API takes the new token.');
}

function signOut() {
  // The tokens stay in this tab, to show that the API refuses them from now on.
  const query = new URLSearchParams({
    id_token_hint: memory.get('tokens').id_token,
    post_logout_redirect_uri: redirectUri,
  });
  location.assign(`${provider.end_session_endpoint}?${query}`);
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

const actions = { 'sign-in': () => goToProvider({}), transfer, me, refresh, steal, rotate };
for (const [id, action] of Object.entries({ ...actions, 'sign-out': signOut })) {
  element(id).onclick = () => action();
}

show();
await comeBack();
