/** The factors of the user: listed, added and removed. */
import { startRegistration } from '/vendor/webauthn.js';
import { messageOf, post, problemOf, send } from './api.js';
import { openDialog } from './dialogs.js';
import { element, fromTemplate, say, show, toast, whenUsed } from './dom.js';
import { moment } from './format.js';
import { hidePhone, showPhone } from './phone.js';
import { drawQrCode } from './qr-code.js';
import { state, whenUpdated } from './state.js';
import { update } from './update.js';

const NAMES = { totp: 'Authenticator app', passkey: 'Passkey' };
/** A passkey belongs to a name, and 127.0.0.1 is none. */
const canUsePasskeys = 'PublicKeyCredential' in window && location.hostname === 'localhost';

let shownFactors;
/** Told how setting up the first factor ended. */
let onSetUp = () => undefined;

export function enableFactors() {
  element('set-up-dialog').addEventListener('close', () => {
    hidePhone();
    onSetUp(false);
  });
  element('no-passkeys').hidden = canUsePasskeys;
  element('set-up-passkey').disabled = !canUsePasskeys;
  whenUpdated(showFactors);
  whenUsed('add-factor', 'click', undefined, async () => {
    await openSetUp();
  });
  whenUsed('set-up-passkey', 'click', 'set-up-error', addPasskey);
  whenUsed('set-up-totp', 'click', 'set-up-error', beginTotp);
  whenUsed('totp-form', 'submit', 'totp-error', confirmTotp);
}

/** @returns whether the user went through with it */
export function setUpFirstFactor() {
  return openSetUp('This needs a second factor, and you have none yet. Choose one.');
}

function openSetUp(text = 'Choose a factor to add. Earlier verifications are void then.') {
  show('set-up-text', text);
  element('set-up-choice').hidden = false;
  element('totp-form').hidden = true;
  say('set-up-error', '');
  openDialog(element('set-up-dialog'));
  return new Promise((resolve) => {
    onSetUp = resolve;
  });
}

async function finished(text) {
  // The next prompt has to know the new factor.
  await update();
  onSetUp(true);
  element('set-up-dialog').close();
  toast(text);
}

async function addPasskey() {
  const options = await post('/factors/passkey/options');
  if (!options.ok) return refusalOf(options);
  let registration;
  try {
    registration = await startRegistration({ optionsJSON: await options.json() });
  } catch (error) {
    return error.name === 'InvalidStateError'
      ? 'This device has a passkey for your wallet already.'
      : 'No passkey was added. Try again.';
  }
  const response = await post('/factors/passkey', registration);
  if (!response.ok) return refusalOf(response);
  await finished('Passkey added, and MFA verified with it.');
}

async function beginTotp() {
  const response = await post('/factors/totp');
  if (!response.ok) return refusalOf(response);
  const { uri, secret } = await response.json();
  drawQrCode('totp-qr', uri);
  show('totp-secret', secret.replaceAll(/.{4}(?=.)/g, '$& '));
  element('set-up-choice').hidden = true;
  element('totp-form').hidden = false;
  element('totp-code').value = '';
  showPhone('totp-phone');
  element('totp-code').focus();
}

async function confirmTotp() {
  const response = await post('/factors/totp/confirm', { code: element('totp-code').value });
  if (!response.ok) {
    element('totp-code').select();
    return refusalOf(response);
  }
  await finished('Authenticator app set up, and MFA verified with it.');
}

async function refusalOf(response) {
  return response.status === 403
    ? 'Not confirmed, so nothing was changed.'
    : (await problemOf(response)).detail;
}

function showFactors() {
  const { factors } = state.known.mfa;
  element('no-factors').hidden = factors.length > 0;
  const latest = JSON.stringify(factors);
  if (latest === shownFactors) return;
  shownFactors = latest;
  element('factors').replaceChildren(
    ...factors.map(({ id, kind, addedAt, lastUsedAt }) => {
      const entry = fromTemplate('factor', {
        name: NAMES[kind],
        used: `Added ${moment(addedAt)}, used ${moment(lastUsedAt)}`,
      });
      const button = entry.querySelector('button');
      button.setAttribute('aria-label', `Remove ${NAMES[kind].toLowerCase()}`);
      button.addEventListener('click', () => remove(id, kind, button));
      return entry;
    }),
  );
}

async function remove(id, kind, button) {
  button.disabled = true;
  const response = await send('DELETE', `/factors/${encodeURIComponent(id)}`).catch(
    () => undefined,
  );
  button.disabled = false;
  if (response?.ok) toast(`${NAMES[kind]} removed. Its verifications are void.`);
  else if (response?.status === 403) toast('Not confirmed, so nothing was removed.');
  else if (response !== undefined) toast(await messageOf(response));
  await update();
}
