/** Signing in by a one-time code, with the authentication that one chooses; signing out. */
import { messageOf, post } from './api.js';
import { authentication, authPath, device, lastEmail, rememberSignIn, tabs } from './device.js';
import { clearToast, element, say, show, whenUsed } from './dom.js';
import { closeDialogs } from './dialogs.js';
import { state } from './state.js';
import { setAccessToken } from './tokens.js';
import { wireFetch } from '../workbench/wire.js';

const MAX_WRONG_CODES = 5;
const overWire = { via: wireFetch };

let wrongCodes = 0;
let onSignedIn;

export function showSignIn(notice) {
  Object.assign(state, { api: undefined, known: undefined, account: undefined, approvals: [] });
  setAccessToken(null);
  closeDialogs();
  clearToast();
  document.body.dataset.view = 'sign-in';
  element('ending').hidden = true;
  showStep('email-form');
  show('sign-in-notice', notice ?? '');
  element('email').value = lastEmail() ?? 'ada@example.com';
  element(`kind-${authentication()}`).checked = true;
  element('email').focus();
}

/** The same user again: a code is on its way, and nothing has to be typed but that. */
export function signInAgain(notice) {
  showSignIn(notice);
  element('email-form').requestSubmit();
}

export function enableSignIn(signedIn) {
  onSignedIn = signedIn;
  element('device').hidden = !device.isSecond;

  whenUsed('email-form', 'submit', 'email-error', requestCode);
  whenUsed('new-code', 'click', 'otp-error', requestCode);
  whenUsed('otp-form', 'submit', 'otp-error', enterCode);
  element('other-email').addEventListener('click', () => showSignIn());
  element('fill-otp').addEventListener('click', () => {
    element('otp').value = element('inbox-code').textContent;
    element('otp').focus();
  });
}

async function requestCode() {
  const kind = chosenKind();
  const email = element('email').value.trim();
  const response = await post(authPath('code', kind), { email }, overWire);
  if (!response.ok) return 'No code can be sent to this address.';
  wrongCodes = 0;
  show('inbox-code', (await response.json()).code);
  show('otp-email', email);
  showStep('otp-form');
  element('otp').value = '';
  element('otp').focus();
}

async function enterCode() {
  const kind = chosenKind();
  const email = element('otp-email').textContent;
  const code = element('otp').value.replaceAll(' ', '');
  const response = await post(authPath('sign-in', kind), { email, code }, overWire);
  if (!response.ok) {
    wrongCodes += 1;
    element('otp').select();
    if (wrongCodes < MAX_WRONG_CODES) return 'That code is not right, or no longer valid.';
    // The issuer has dropped it, so it is no use to show it any longer.
    showStep('otp-form', { isVoid: true });
    element('new-code').focus();
    return 'Five wrong codes: this code is void. Ask for a new one.';
  }
  setAccessToken((await response.json()).accessToken);
  rememberSignIn(kind, email);
  await onSignedIn();
}

function chosenKind() {
  return document.querySelector('[name="authentication"]:checked').value;
}

function showStep(form, { isVoid = false } = {}) {
  for (const id of ['email-form', 'otp-form']) element(id).hidden = id !== form;
  for (const id of ['inbox', 'enter-otp']) element(id).hidden = isVoid;
  element('new-code').classList.toggle('primary', isVoid);
  for (const id of ['email-error', 'otp-error']) say(id, '');
}

export async function signOut(path, notice) {
  const response = await post(path);
  if (!response.ok && response.status !== 401) return messageOf(response);
  await post(authPath('sign-out'), {}, overWire);
  tabs.postMessage({ path, authentication: authentication() });
  showSignIn(notice);
}
