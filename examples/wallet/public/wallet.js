/**
 * The page of the example wallet. `createSessionFetch` renews the access token, carries the MFA
 * session over and asks for a code when the API wants one; the rest is forms and a live view.
 *
 * The access token lives in this tab's memory alone, so that each tab is a client of its own. The
 * refresh token is in an HttpOnly cookie that the tabs share and no script sees.
 */
import { createSessionFetch } from '/client.js';
import { encode } from '/qr.js';

const POLL_MILLISECONDS = 2_000;
const DAY_SECONDS = 86_400;
const UNREACHABLE = 'The wallet cannot be reached. Is “npm run example” still running?';

const element = (id) => document.getElementById(id);
const tabs = new BroadcastChannel('example-wallet');

/** Set while somebody is signed in. */
let api;
let accessToken = null;
let refreshError;
/** What `GET /me` said last, and how far the server's clock is ahead of this one. */
let known;
let clockAheadMilliseconds = 0;

// ---------------------------------------------------------------- tokens

async function getAccessToken({ forceRefresh = false } = {}) {
  return forceRefresh || accessToken === null ? refresh() : accessToken;
}

/** One tab at a time: each refresh token may be used once, and all tabs share it. */
function refresh() {
  return navigator.locks.request('refresh-token', async () => {
    const isFirst = accessToken === null;
    const response = await fetch('/auth/refresh', { method: 'POST' });
    if (!response.ok && response.status !== 401) throw new Error('the issuer cannot be reached');
    const body = await response.json();
    accessToken = body.accessToken ?? null;
    refreshError = body.code;
    if (accessToken !== null && !isFirst) note('The access token was renewed by itself.');
    return accessToken;
  });
}

function connect() {
  const sessionFetch = createSessionFetch({
    getAccessToken,
    onMfaRequired: confirmWithCode,
    onSignInRequired: (problem) => {
      // What was still on its way at a sign-out has nothing to say any more.
      if (api === sessionFetch) showSignIn(reasonToSignIn(problem));
    },
    onSessionEnding: () => {
      element('ending').hidden = false;
      note('The API warns that the session ends soon.');
      showKnown();
    },
  });
  return sessionFetch;
}

function reasonToSignIn({ errorType }) {
  if (errorType === 'session_revoked') return 'You were signed out. Sign in to go on.';
  if (errorType === 'session_expired' || refreshError === 'refresh_token_expired') {
    return 'Your session has reached its 7 days. Sign in again to go on.';
  }
  return 'You are signed out. Sign in to go on.';
}

// ---------------------------------------------------------------- requests

function post(path, body, send = api) {
  return send(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body ?? {}),
  });
}

async function messageOf(response) {
  const { detail, errorMessage } = await response.json().catch(() => ({}));
  return detail ?? errorMessage ?? 'Something went wrong. Try again.';
}

/** Runs what a form or button does: once at a time, with a message where it fails. */
function whenUsed(id, type, outcomeId, action) {
  const source = element(id);
  source.addEventListener(type, async (event) => {
    event.preventDefault();
    if (source.getAttribute('aria-busy') === 'true') return;
    source.setAttribute('aria-busy', 'true');
    if (outcomeId !== undefined) say(outcomeId, '');
    try {
      const failure = await action();
      if (failure !== undefined) say(outcomeId, failure, 'bad');
    } catch {
      if (outcomeId === undefined) note(UNREACHABLE);
      else say(outcomeId, UNREACHABLE, 'bad');
    } finally {
      source.removeAttribute('aria-busy');
    }
  });
}

function say(id, text, kind = '') {
  element(id).dataset.kind = kind;
  show(id, text);
}

/** Leaves alone what says it already, so that screen readers say it once. */
function show(id, text) {
  if (element(id).textContent !== text) element(id).textContent = text;
}

// ---------------------------------------------------------------- signing in and out

function showSignIn(notice) {
  api = undefined;
  accessToken = null;
  known = undefined;
  element('mfa-dialog').close();
  for (const id of ['wallet-view', 'account', 'ending', 'otp-form']) element(id).hidden = true;
  for (const id of ['sign-in-view', 'email-form']) element(id).hidden = false;
  for (const id of ['email-error', 'otp-error']) say(id, '');
  element('sign-in-notice').hidden = notice === undefined;
  say('sign-in-notice', notice ?? '');
  element('log').replaceChildren();
  element('email').focus();
}

async function showWallet(firstNote) {
  api = connect();
  for (const id of ['send-outcome', 'sign-outcome']) say(id, '');
  element('sign-in-view').hidden = true;
  for (const id of ['wallet-view', 'account']) element(id).hidden = false;
  note(firstNote);
  await update();
  if (api === undefined) return;
  element('main').focus({ preventScroll: true });
  scrollTo(0, 0);
}

whenUsed('email-form', 'submit', 'email-error', async () => {
  const response = await post('/auth/code', { email: element('email').value }, fetch);
  if (!response.ok) return 'No code can be sent to this address.';
  say('inbox-code', (await response.json()).code);
  element('email-form').hidden = true;
  element('otp-form').hidden = false;
  element('otp').value = '';
  element('otp').focus();
});

whenUsed('otp-form', 'submit', 'otp-error', async () => {
  const body = { email: element('email').value, code: element('otp').value.replaceAll(' ', '') };
  const response = await post('/auth/sign-in', body, fetch);
  if (!response.ok) return 'That code is not right, or no longer valid. Ask for a new one.';
  ({ accessToken } = await response.json());
  // Once the wallet is shown, nobody can see what this form says.
  await showWallet('You signed in. This tab has its first access token.').catch(() =>
    note(UNREACHABLE),
  );
});

element('other-email').addEventListener('click', () => showSignIn());
element('sign-in-again').addEventListener('click', () =>
  showSignIn('Welcome back. Sign in to start a new session of 7 days.'),
);

async function signOut(path, notice) {
  const response = await post(path);
  if (!response.ok && response.status !== 401) return note(await messageOf(response));
  await post('/auth/sign-out', {}, fetch);
  tabs.postMessage(path);
  showSignIn(notice);
}

whenUsed('sign-out', 'click', undefined, () => signOut('/sign-out', 'You are signed out.'));
whenUsed('sign-out-everywhere', 'click', undefined, () =>
  signOut('/sign-out-everywhere', 'You are signed out in every tab and on every device.'),
);

// ---------------------------------------------------------------- the wallet

async function update() {
  const [me, account] = await Promise.all([api?.('/me'), api?.('/transfers')]);
  if (!me?.ok || !account?.ok) return;
  const before = known;
  known = await me.json();
  clockAheadMilliseconds = Date.parse(known.now) - Date.now();
  noteChanges(before, known);
  showKnown();
  showAccount(await account.json());
}

function showAccount({ balance, address, transfers }) {
  element('balance').textContent = money(balance);
  element('address').textContent = `${address.slice(0, 8)}…${address.slice(-6)}`;
  element('address').title = address;
  element('history').replaceChildren(
    ...transfers.map(({ counterparty, note, amount, at }) => {
      const item = element('history-item').content.cloneNode(true);
      item.querySelector('.avatar').textContent = counterparty.slice(0, 1).toUpperCase();
      item.querySelector('.counterparty').textContent = counterparty;
      item.querySelector('.detail').textContent = [note, day(at)].filter(Boolean).join(' · ');
      item.querySelector('.amount').textContent = money(amount, 'always');
      item.querySelector('.amount').dataset.sign = amount.startsWith('-') ? 'out' : 'in';
      return item;
    }),
  );
}

whenUsed('send-form', 'submit', 'send-outcome', () => {
  const order = { to: element('to').value, amount: element('amount').value };
  return protectedOperation('/transfers', order, ({ counterparty, amount }) => {
    say('send-outcome', `${money(amount.slice(1))} USDC sent to ${counterparty}.`, 'good');
  });
});

whenUsed('sign-form', 'submit', 'sign-outcome', () =>
  protectedOperation('/signatures', { message: element('message').value }, ({ signature }) => {
    say('sign-outcome', `Signed: ${signature}`, 'good');
  }),
);

/** What needs MFA. The prompt is `createSessionFetch`'s affair; setting MFA up first is ours. */
async function protectedOperation(path, body, done) {
  let response = await post(path, body);
  if (response.status === 403 && (await problemOf(response)).errorType === 'mfa_not_enrolled') {
    if (await setUpMfa()) response = await post(path, body);
  }
  if (response.ok) done(await response.json());
  if (api !== undefined) await update();
  if (response.ok || response.status === 401) return undefined;
  return response.status === 403 ? 'Not confirmed, so nothing was done.' : messageOf(response);
}

const problemOf = (response) => response.clone().json();

// ---------------------------------------------------------------- MFA

/** What `createSessionFetch` waits for before it tries a refused request once more. */
async function confirmWithCode({ errorType, maxAgeSeconds }) {
  // Changing the app took so long that the code of the old one has expired: start again.
  if (element('mfa-dialog').open) throw new Error('the dialog is open already');
  const minutes = Math.round(maxAgeSeconds / 60);
  const verified = known?.mfa.current;
  note('The API asks for MFA.');
  await askForCode({
    title: 'Confirm that it is you',
    text:
      errorType === 'mfa_expired'
        ? `Your last code was too long ago. This needs one from the last ${minutes} minutes.`
        : `This needs a code from the last ${minutes} minutes, entered in this tab.`,
    submit: (code) => post('/mfa/totp/verify', { code }),
  });
  note(verified ? 'MFA was verified again.' : 'MFA is verified, in this tab.');
}

/** Whether the user went through with it. */
async function setUpMfa() {
  const response = await post('/mfa/totp');
  if (!response.ok) {
    if (response.status !== 403) note(await messageOf(response));
    return false;
  }
  const { uri, secret } = await response.json();
  drawQrCode(uri);
  element('secret').textContent = secret.replaceAll(/.{4}(?=.)/g, '$& ');
  try {
    await askForCode({
      title: 'Set up your authenticator app',
      text: 'Scan this with an app such as Google Authenticator or 1Password, then type its code.',
      enrolment: true,
      submit: (code) => post('/mfa/totp/confirm', { code }),
    });
  } catch {
    return false;
  }
  note('Your authenticator app is set up, and MFA is verified, in this tab.');
  return true;
}

whenUsed('set-up-mfa', 'click', undefined, async () => {
  await setUpMfa();
  await update();
});

/** What the dialog is open for. */
let prompt;

/** Resolves once a code was accepted, rejects if the user cancels. */
function askForCode({ title, text, enrolment = false, submit }) {
  const dialog = element('mfa-dialog');
  show('mfa-title', title);
  show('mfa-text', text);
  element('enrolment').hidden = !enrolment;
  say('mfa-error', '');
  element('mfa-code').value = '';
  dialog.showModal();
  element('mfa-code').focus();

  showPhone();
  const phone = setInterval(showPhone, 1_000);
  return new Promise((resolve, reject) => {
    prompt = { submit, accepted: resolve };
    dialog.onclose = () => {
      clearInterval(phone);
      reject(new Error('cancelled'));
    };
  });
}

whenUsed('mfa-form', 'submit', 'mfa-error', async () => {
  const response = await prompt.submit(element('mfa-code').value);
  if (!response.ok) {
    element('mfa-code').select();
    return messageOf(response);
  }
  prompt.accepted();
  element('mfa-dialog').close();
});

for (const button of document.querySelectorAll('[data-fill]')) {
  button.addEventListener('click', () => {
    element(button.dataset.fill).value = element(button.dataset.from).textContent;
    element(button.dataset.fill).focus();
  });
}

element('mfa-cancel').addEventListener('click', () => element('mfa-dialog').close());

async function showPhone() {
  const response = await api?.('/demo/phone').catch(() => undefined);
  if (!response?.ok) return;
  const { code, used, nextInSeconds } = await response.json();
  show('phone-code', `${code.slice(0, 3)} ${code.slice(3)}`);
  const moved =
    clockAheadMilliseconds > 15_000 ? ' A real phone does not know that time was moved.' : '';
  show(
    'phone-note',
    used
      ? `It was used already. The next one comes in ${nextInSeconds} s.`
      : `For another ${nextInSeconds} s.${moved}`,
  );
}

function drawQrCode(text) {
  const { data, size } = encode(text, { border: 3 });
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  const squares = data.flatMap((row, y) =>
    row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')),
  );
  path.setAttribute('d', squares.join(''));
  element('qr').setAttribute('viewBox', `0 0 ${size} ${size}`);
  element('qr').replaceChildren(path);
}

// ---------------------------------------------------------------- what the server knows

const secondsUntil = (date) => Math.max(0, (Date.parse(date) - serverNow()) / 1000);
const serverNow = () => Date.now() + clockAheadMilliseconds;

function showKnown() {
  if (known === undefined) return;
  const { session, mfa } = known;
  const tokenLeft = secondsUntil(session.expiresAt);
  const mfaLeft = mfa.current === null ? 0 : secondsUntil(mfa.current.expiresAt);
  const sessionLeft = secondsUntil(session.endsAt);
  show('account-name', known.email);
  show('server-time', moment(serverNow()));
  element('server-time').dateTime = new Date(serverNow()).toISOString();

  showFact('token', tokenLeft > 0 ? 'good' : '', tokenLeft, {
    value: tokenLeft > 0 ? `expires in ${duration(tokenLeft)}` : 'has expired',
    note: 'Renewed by itself when it has expired',
  });
  showFact('mfa', mfaLeft > 0 ? 'good' : '', mfaLeft, {
    value:
      mfaLeft > 0 ? `verified until ${time(mfa.current.expiresAt)}` : 'not verified in this tab',
    note:
      mfaLeft > 0
        ? `${duration(mfaLeft)} left; no refresh moves it`
        : mfa.enrolled
          ? 'Asked for when you send or sign'
          : 'No authenticator app yet',
  });
  showFact('session', sessionLeft > DAY_SECONDS ? 'good' : 'warning', sessionLeft, {
    value: `ends in ${duration(sessionLeft)}`,
    note: `On ${moment(session.endsAt)}; no refresh moves it`,
  });

  const wait = duration(sessionLeft, { parts: 1, unitDisplay: 'long' });
  show('ending-title', `Your session ends in ${wait}.`);
  show('set-up-mfa', mfa.enrolled ? 'Change authenticator app' : 'Set up authenticator app');
  element('pass-mfa').disabled = mfaLeft === 0;
  element('pass-to-last-day').disabled = sessionLeft <= DAY_SECONDS;
}

function showFact(name, kind, left, { value, note: text }) {
  element(`fact-${name}`).dataset.kind = kind;
  show(`${name}-value`, value);
  show(`${name}-note`, text);
  element(`${name}-left`).value = left;
}

function noteChanges(before, now) {
  const [was, is] = [before?.mfa.current, now.mfa.current];
  if (was && !is) note('The MFA session is over. The next protected operation asks again.');
  const isNewToken = before !== undefined && before.session.tokenId !== now.session.tokenId;
  if (isNewToken && was && is && was.verifiedAt === is.verifiedAt) {
    note('The MFA session moved to the new access token. Its end stays where it was.');
  }
}

/** The latest first, and no more than one can take in. */
function note(text) {
  const item = document.createElement('li');
  const at = document.createElement('time');
  at.textContent = time(serverNow());
  item.append(at, ` ${text}`);
  element('log').prepend(item);
  while (element('log').children.length > 6) element('log').lastChild.remove();
}

// ---------------------------------------------------------------- time

function passTime(id, text, secondsToPass) {
  whenUsed(id, 'click', undefined, async () => {
    const response = await post('/demo/clock', { seconds: Math.ceil(secondsToPass()) });
    if (!response.ok) return;
    clockAheadMilliseconds = Date.parse((await response.json()).now) - Date.now();
    note(text);
    tabs.postMessage('/demo/clock');
    await update();
  });
}

// A little more, since expired tokens are tolerated for 5 seconds.
passTime('pass-15-minutes', '15 minutes passed.', () => 15 * 60 + 10);
passTime(
  'pass-mfa',
  'Time passed until the MFA session ran out.',
  () => secondsUntil(known.mfa.current.expiresAt) + 1,
);
passTime(
  'pass-to-last-day',
  'The session’s last day began.',
  () => secondsUntil(known.session.endsAt) - DAY_SECONDS + 1,
);
passTime('pass-7-days', '7 days passed.', () => 7 * DAY_SECONDS);

tabs.onmessage = async ({ data }) => {
  if (api === undefined) return;
  if (data !== '/sign-out') return update();
  // The session's refresh token has ended; this tab's own access token ends here.
  await post('/sign-out');
  showSignIn('You signed out in another tab.');
};

// ---------------------------------------------------------------- words

const UNITS = [
  ['day', DAY_SECONDS],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** The biggest units that say something: "6 days 23 hr". */
function duration(seconds, { parts = 2, unitDisplay = 'short' } = {}) {
  let left = Math.floor(seconds);
  const counts = UNITS.map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return { unit, count };
  });
  const first = counts.findIndex(({ count }) => count > 0);
  return counts
    .slice(first, first === -1 ? undefined : first + parts)
    .map(({ unit, count }) =>
      new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay }).format(count),
    )
    .join(' ');
}

const money = (amount, signDisplay = 'auto') =>
  new Intl.NumberFormat('en', { minimumFractionDigits: 2, signDisplay }).format(amount);
const dateText = (options) => (date) =>
  new Intl.DateTimeFormat('en-GB', options).format(new Date(date));
const time = dateText({ hour: '2-digit', minute: '2-digit' });
const day = dateText({ weekday: 'short', day: 'numeric', month: 'short' });
const moment = dateText({
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

// ---------------------------------------------------------------- start

setInterval(showKnown, 1_000);
setInterval(() => api !== undefined && update().catch(() => undefined), POLL_MILLISECONDS);
try {
  if ((await refresh()) === null) showSignIn();
  else await showWallet('This tab has an access token of its own, so MFA is not verified in it.');
} catch {
  showSignIn(UNREACHABLE);
}
