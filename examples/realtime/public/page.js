/**
 * The page: signs in, keeps a WebSocket and a feed open while the session lasts, and says in plain
 * words why they ended.
 */
import { openFeed } from './feed.js';
import { openLiveSocket } from './live-socket.js';
import { closeMfa, verifyMfa } from './mfa.js';
import { forget, post, refresh, requestCode, signIn, tokens } from './tokens.js';

/** How long before its end the token is renewed. */
const RENEW_BEFORE_MS = 90_000;

const REASONS = {
  token_expired: 'The access token expired before it was renewed.',
  token_invalid: 'The access token was refused.',
  token_missing: 'No access token came in time.',
  session_expired: 'Your session has reached its 7 days. Sign in to start a new one.',
  session_revoked: 'You signed out everywhere, in this tab or in another one.',
  store_unavailable: 'The server cannot tell at the moment if you are still signed in.',
  verification_unavailable: 'The server cannot check access tokens at the moment.',
  connection_lost: 'The connection was lost.',
  signed_out: 'You signed out everywhere.',
  refresh_refused: 'You are signed out. Sign in to go on.',
};
const SIGN_IN_AGAIN = ['session_expired', 'session_revoked', 'token_invalid', 'token_missing'];

const element = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
const tabs = new BroadcastChannel('realtime-example');

let socket;
let closeFeed;
let lastPaymentId = 0;
/** How far the server's clock is ahead of this one, and when the token ends by the server's. */
let clockAheadMs = 0;
let expiresAtMs = 0;
/** Counts the connections: messages of an earlier one are ignored. */
let generation = 0;

// ---------------------------------------------------------------- connections

async function connect() {
  disconnect();
  const mine = ++generation;
  const withTicket = chosen('with') === 'ticket';
  const when = (action) => (value) => mine === generation && action(value);
  element('socket-state').textContent = 'connecting';
  element('feed-state').textContent = 'connecting';
  try {
    const opened = await openLiveSocket(withTicket, {
      session: when(showSession),
      balance: when((balance) => (element('balance').textContent = balance)),
      end: when((errorType) => ended('socket', errorType)),
    });
    if (mine !== generation) return opened.close();
    socket = opened;
    await connectFeed(withTicket, when);
  } catch (error) {
    if (mine === generation) ended('socket', error.errorType ?? 'connection_lost');
  }
}

async function connectFeed(withTicket, when) {
  const on = {
    open: when(() => (element('feed-state').textContent = 'open')),
    payment: when(showPayment),
    end: when((errorType) => ended('feed', errorType)),
  };
  const opened = await openFeed(withTicket, on, lastPaymentId);
  if (when(() => true)()) closeFeed = opened;
  else opened();
}

function disconnect() {
  generation += 1;
  socket?.close();
  closeFeed?.();
  socket = undefined;
  closeFeed = undefined;
}

/** Both end with the session, so the first one that says so speaks for both. */
async function ended(name, errorType) {
  disconnect();
  for (const id of ['socket-state', 'feed-state']) element(id).textContent = `closed: ${errorType}`;
  note(`The ${name} was closed: ${errorType}. ${REASONS[errorType] ?? ''}`);
  if (SIGN_IN_AGAIN.includes(errorType)) return showSignIn(errorType);
  const mine = generation;
  if (errorType !== 'token_expired') await new Promise((resolve) => setTimeout(resolve, 2_000));
  if (mine !== generation) return undefined;
  try {
    if ((await refresh()) === null) return showSignIn('refresh_refused');
    note('The page got a fresh token and connects again.');
    return await connect();
  } catch {
    return mine === generation ? ended(name, 'connection_lost') : undefined;
  }
}

// ---------------------------------------------------------------- tokens

function showSession({ userId, expiresAt, now }) {
  element('socket-state').textContent = 'open';
  element('user').textContent = userId;
  clockAheadMs = now - Date.now();
  expiresAtMs = Date.parse(expiresAt);
  showToken();
}

const tokenLeftMs = () => expiresAtMs - Date.now() - clockAheadMs;

function showToken() {
  const seconds = Math.max(0, Math.round(tokenLeftMs() / 1000));
  const text = `expires in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  element('token-state').textContent = text;
}

/** Renews the token in a message, before the old one ends: the socket stays open. */
async function renew() {
  if ((await refresh()) === null) return;
  socket?.renew();
  note('The access token was renewed in a message; the socket stayed open.');
}

setInterval(() => {
  if (socket === undefined) return;
  showToken();
  if (tokenLeftMs() < RENEW_BEFORE_MS && tokenLeftMs() > 0) renewOnce();
}, 500);

let isRenewing = false;
function renewOnce() {
  if (isRenewing) return;
  isRenewing = true;
  renew()
    .catch(() => note('The token cannot be renewed at the moment.'))
    .finally(() => setTimeout(() => (isRenewing = false), 2_000));
}

// ---------------------------------------------------------------- money

element('send-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const order = { to: element('to').value, amount: element('amount').value };
  const attempt = chosen('by') === 'socket' ? sendByMessage : sendByGraphQL;
  say('send-outcome', '');
  let { transfer, problem } = await attempt(order);
  // Both transports give the same problem, so there is one remedy.
  if (problem?.action === 'verify_mfa' || problem?.action === 'enroll_mfa') {
    note(`Refused: ${problem.errorType}, ${problem.action}.`);
    if (await verifyMfa()) ({ transfer, problem } = await attempt(order));
  }
  const failure = problem?.detail ?? REASONS[problem?.errorType] ?? 'Nothing was sent.';
  say('send-outcome', transfer ? `${order.amount} USDC sent to ${order.to}.` : failure);
});

const sendByMessage = async (order) =>
  (await socket?.sendMoney(order)) ?? { problem: { errorType: 'connection_lost' } };

async function sendByGraphQL(variables) {
  const query =
    'mutation ($to: String!, $amount: String!) { send(to: $to, amount: $amount) { id } }';
  const response = await post('/graphql', { query, variables });
  if (!response.ok) return { problem: await response.json() };
  const { data, errors } = await response.json();
  return { transfer: data?.send, problem: errors?.[0].extensions };
}

function showPayment({ id, counterparty, amount, at }) {
  if (id <= lastPaymentId) return;
  lastPaymentId = id;
  const item = document.createElement('li');
  item.textContent = `${amount} USDC, ${counterparty}, ${new Date(at).toLocaleTimeString('en')}`;
  element('payments').prepend(item);
}

// ---------------------------------------------------------------- signing in and out

function showSignIn(reason) {
  disconnect();
  forget();
  closeMfa();
  lastPaymentId = 0;
  element('payments').replaceChildren();
  for (const id of ['live', 'account', 'code-form']) element(id).hidden = true;
  for (const id of ['sign-in', 'email-form']) element(id).hidden = false;
  say('notice', REASONS[reason] ?? '');
  element('notice').hidden = reason === undefined;
  element('email').focus();
}

function showLive() {
  element('sign-in').hidden = true;
  element('notice').hidden = true;
  for (const id of ['live', 'account']) element(id).hidden = false;
  void connect();
}

whenUsed('email-form', 'submit', 'sign-in-error', async () => {
  element('email-code').textContent = await requestCode(element('email').value);
  element('email-form').hidden = true;
  element('code-form').hidden = false;
  element('code').value = '';
  element('code').focus();
});

whenUsed('code-form', 'submit', 'sign-in-error', async () => {
  await signIn(element('email').value, element('code').value.trim());
  element('log').replaceChildren();
  note('You signed in.');
  showLive();
});

whenUsed('sign-out', 'click', 'demo-error', async () => {
  const response = await post('/sign-out-everywhere');
  if (!response.ok && response.status !== 401) throw new Error((await response.json()).detail);
  showSignIn('signed_out');
  await fetch('/auth/sign-out', { method: 'POST' });
});

// ---------------------------------------------------------------- the demo

whenUsed('deposit', 'click', 'demo-error', () => post('/demo/deposit'));

for (const button of document.querySelectorAll('[data-seconds]')) {
  button.addEventListener('click', async () => {
    say('demo-error', '');
    const response = await post('/demo/clock', { seconds: Number(button.dataset.seconds) });
    const { now, detail } = await response.json();
    if (!response.ok) return say('demo-error', detail);
    tabs.postMessage(now);
    return moveTime(now);
  });
}

for (const choice of document.querySelectorAll('input[name=with]')) {
  choice.addEventListener('change', () => void connect());
}

tabs.onmessage = ({ data }) => moveTime(data);

function moveTime(now) {
  clockAheadMs = now - Date.now();
  showToken();
}

/** Runs the action of a form or button: once at a time, with a message if it fails. */
function whenUsed(id, type, outcomeId, action) {
  let isRunning = false;
  element(id).addEventListener(type, async (event) => {
    event.preventDefault();
    if (isRunning) return;
    isRunning = true;
    say(outcomeId, '');
    await action().catch((error) => say(outcomeId, error.message));
    isRunning = false;
  });
}

function say(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

function note(text) {
  const item = document.createElement('li');
  item.textContent = text;
  element('log').append(item);
  element('log').scrollTop = element('log').scrollHeight;
}

// A tab that is opened beside another one is signed in by the cookie that they share.
refresh().then(
  (token) => (token === null ? showSignIn() : showLive()),
  () => showSignIn('connection_lost'),
);
