/**
 * MFA in this tab: asks for a code of the authenticator app, which is set up first if the user has not enrolled.
 */
import { post, sessionFetch } from './tokens.js';

const element = (id) => document.getElementById(id);
const dialog = element('mfa');

/** The purpose of the open dialog. */
let submit;
let confirmed = false;

/** @returns whether the user has given a good code */
export async function verifyMfa() {
  const { enrolled } = await (await sessionFetch('/mfa/totp')).json();
  if (!enrolled && !(await post('/mfa/totp')).ok) return false;
  element('mfa-title').textContent = enrolled
    ? 'Confirm that it is you'
    : 'Set up your authenticator app';
  element('mfa-text').textContent = enrolled
    ? 'Sending money wants a code from the last 30 minutes.'
    : 'In this demo it is on a phone already. Type the code that it shows.';
  submit = (code) => post(enrolled ? '/mfa/totp/verify' : '/mfa/totp/confirm', { code });
  return ask();
}

export function closeMfa() {
  dialog.close();
}

function ask() {
  confirmed = false;
  element('mfa-code').value = '';
  element('mfa-error').textContent = '';
  element('phone-code').textContent = '…';
  dialog.showModal();
  element('mfa-code').focus();
  showPhone();
  const phone = setInterval(showPhone, 1_000);
  return new Promise((resolve) => {
    dialog.onclose = () => {
      clearInterval(phone);
      resolve(confirmed);
    };
  });
}

element('mfa-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const response = await submit(element('mfa-code').value).catch(() => undefined);
  confirmed = response?.ok === true;
  if (confirmed) dialog.close();
  else {
    const problem = await response?.json();
    element('mfa-error').textContent = problem?.detail ?? 'The server cannot be reached.';
    element('mfa-code').select();
  }
});

element('mfa-cancel').addEventListener('click', () => dialog.close());

async function showPhone() {
  const response = await sessionFetch('/demo/phone').catch(() => undefined);
  if (!response?.ok) return;
  const { code, used, nextInSeconds } = await response.json();
  const shown = used ? `a used code, and the next one in ${nextInSeconds} s` : code;
  if (element('phone-code').textContent !== shown) element('phone-code').textContent = shown;
}
