/**
 * A standard OpenID Connect client in a browser: it sends its user to the provider, and again with
 * what a challenge of the API names (RFC 9470), and repeats the request when the user is back.
 */
const { issuer, clientId } = await (await fetch('/config.json')).json();
const provider = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const redirectUri = `${location.origin}/`;

/** Kept for this tab: the tokens, what happened, and what is to be done when the user is back. */
const memory = {
  get: (name) => JSON.parse(sessionStorage.getItem(name) ?? 'null'),
  set: (name, value) => sessionStorage.setItem(name, JSON.stringify(value)),
};
const element = (id) => document.getElementById(id);

function show() {
  const tokens = memory.get('tokens');
  const claims = tokens && claimsOf(tokens.access_token);
  element('who').textContent = claims
    ? `Signed in as ${claims.sub}, with ${claims.amr.join(' and ')}.`
    : 'Nobody is signed in.';
  element('sign-in').hidden = claims !== null;
  for (const id of ['me', 'transfer', 'refresh', 'rotate', 'sign-out']) {
    element(id).hidden = claims === null;
  }
  element('log').replaceChildren(
    ...(memory.get('log') ?? []).map(({ title, detail }) => {
      const item = document.createElement('li');
      const text = document.createElement('pre');
      text.textContent = detail;
      item.append(title, text);
      return item;
    }),
  );
}

function log(title, detail) {
  const lines = typeof detail === 'string' ? detail : JSON.stringify(detail, null, 2);
  memory.set('log', [...(memory.get('log') ?? []), { title, detail: lines }]);
  show();
}

/** For display alone: what a token says is the API's to verify. */
function claimsOf(token) {
  const base64 = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  return JSON.parse(atob(base64));
}

async function goToProvider(parameters, thenDo) {
  const [verifier, state] = [random(), random()];
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  memory.set('underWay', { verifier, state, thenDo });
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
  const underWay = memory.get('underWay');
  if (answer.size === 0) return;
  history.replaceState(null, '', '/');
  if (!answer.has('code') || answer.get('state') !== underWay?.state) return;
  memory.set('underWay', null);
  await requestTokens('The provider sent the user back', {
    grant_type: 'authorization_code',
    redirect_uri: redirectUri,
    code: answer.get('code'),
    code_verifier: underWay.verifier,
  });
  if (underWay.thenDo === 'transfer') await transfer();
}

async function requestTokens(title, parameters) {
  const body = new URLSearchParams({ client_id: clientId, ...parameters });
  const response = await fetch(provider.token_endpoint, { method: 'POST', body });
  const answer = await response.json();
  memory.set('tokens', response.ok ? answer : null);
  log(title, response.ok ? claimsOf(answer.access_token) : answer);
}

async function call(method, path) {
  const headers = { authorization: `Bearer ${memory.get('tokens').access_token}` };
  const response = await fetch(path, { method, headers });
  const challenge = response.headers.get('www-authenticate');
  const body = JSON.stringify(await response.json(), null, 2);
  if (response.status === 401) memory.set('tokens', null);
  log(
    `${method} ${path}: ${response.status}`,
    challenge ? `WWW-Authenticate: ${challenge}\n${body}` : body,
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

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

element('sign-in').onclick = () => goToProvider({});
element('me').onclick = () => call('GET', '/me');
element('transfer').onclick = transfer;
element('refresh').onclick = () =>
  requestTokens('Refreshed', {
    grant_type: 'refresh_token',
    refresh_token: memory.get('tokens').refresh_token,
  });
element('rotate').onclick = async () => {
  await fetch(`${issuer}/demo/rotate-keys`, { method: 'POST', mode: 'no-cors' });
  log('The provider signs with a new key', 'Refresh, and see that the API takes the new token.');
};
element('sign-out').onclick = () => {
  // The tokens stay in this tab, to show that the API refuses them from now on.
  const query = new URLSearchParams({
    id_token_hint: memory.get('tokens').id_token,
    post_logout_redirect_uri: redirectUri,
  });
  location.assign(`${provider.end_session_endpoint}?${query}`);
};

show();
await comeBack();
