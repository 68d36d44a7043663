/**
 * Asks for a factor: for MFA of the session, or for the approval of one request, which it describes
 * first. One prompt at a time; `createSessionFetch` sees to that.
 */
import { startAuthentication } from '/vendor/webauthn.js';
import { messageOf, post, problemOf, send } from './api.js';
import { openDialog } from './dialogs.js';
import { element, say, show, showRows, toast, whenUsed } from './dom.js';
import { countdown } from './format.js';
import { hidePhone, showPhone } from './phone.js';
import { state } from './state.js';
import { update } from './update.js';

const POLL_MILLISECONDS = 1_500;

/** The purpose of the open dialog. */
let prompt;

/** For `onMfaRequired`: resolves once a factor was verified, rejects if the user cancels. */
export function verifyMfa({ errorType, maxAgeSeconds }) {
  const minutes = Math.round(maxAgeSeconds / 60);
  const isCdp = state.known?.session.mfa.scope === 'client';
  return ask({
    title: 'Confirm that it is you',
    text:
      errorType === 'mfa_expired'
        ? `MFA was verified too long ago. This needs one of the last ${minutes} minutes.`
        : `This needs MFA of the last ${minutes} minutes${isCdp ? ', in this tab' : ''}.`,
    path: '/mfa',
  });
}

/**
 * Approves one challenge.
 *
 * @returns 'approved', 'denied', 'cancelled', or 'again' if the challenge is void and the user wants
 *   a new one
 */
export async function approve({
  challengeId,
  description,
  expiresInSeconds,
  signal,
  askedElsewhere = false,
}) {
  try {
    await ask({
      title: 'Approve this transfer',
      text: askedElsewhere
        ? 'Asked for in another tab or on another device. Read it first.'
        : 'Read it first. The approval is for this transfer alone, and for one use.',
      askedElsewhere,
      path: `/approvals/${challengeId}`,
      challengeId,
      description,
      endsAt: Date.now() + expiresInSeconds * 1000,
      signal,
    });
    return 'approved';
  } catch (reason) {
    return reason.outcome ?? 'cancelled';
  }
}

function ask(given) {
  const dialog = element('factor-dialog');
  if (dialog.open) return Promise.reject(new Error('the dialog is open already'));
  const { title, text, challengeId, description, signal, askedElsewhere } = given;
  show('factor-title', title);
  show('factor-text', text);
  element('factor-request').hidden = challengeId === undefined;
  if (challengeId !== undefined) showRows(element('factor-description'), rowsOf(description));
  // Only the page that asked follows an approval elsewhere.
  const isShared =
    challengeId !== undefined && !askedElsewhere && state.known?.session.mfa.scope === 'user';
  element('factor-elsewhere').hidden = !isShared;
  showFactors();
  openDialog(dialog);
  focusFactor();

  return new Promise((resolve, reject) => {
    prompt = { ...given, resolve, outcome: 'cancelled' };
    const timers = [setInterval(showCountdown, 250)];
    if (isShared) timers.push(setInterval(followElsewhere, POLL_MILLISECONDS));
    showCountdown();
    const end = () => {
      prompt.outcome = 'expired';
      dialog.close();
    };
    signal?.addEventListener('abort', end);
    dialog.onclose = () => {
      timers.forEach(clearInterval);
      hidePhone();
      signal?.removeEventListener('abort', end);
      reject(Object.assign(new Error('not confirmed'), { outcome: prompt.outcome }));
    };
  });
}

/** The server's description, all of it, in its words. */
export function rowsOf(description) {
  const LABELS = { action: 'Action', amount: 'Amount', to: 'To', address: 'Address', note: 'Note' };
  const names = [...new Set([...Object.keys(LABELS), ...Object.keys(description)])];
  return names
    .filter((name) => name in description)
    .map((name) => [LABELS[name] ?? name, String(description[name]), { code: name === 'address' }]);
}

function showFactors() {
  const kinds = new Set(state.known?.mfa.factors.map(({ kind }) => kind));
  element('factor-passkey').hidden = !kinds.has('passkey');
  element('factor-form').hidden = !kinds.has('totp');
  element('factor-or').hidden = kinds.size < 2;
  element('factor-void').hidden = true;
  element('factor-choices').hidden = false;
  element('factor-code').value = '';
  say('factor-error', '');
  if (kinds.has('totp')) showPhone('factor-phone');
}

function focusFactor() {
  const [form, passkey] = [element('factor-form'), element('factor-passkey')];
  if (!form.hidden) element('factor-code').focus();
  else if (!passkey.hidden) passkey.focus();
}

function showCountdown() {
  if (prompt.endsAt === undefined) return;
  show('factor-ends', countdown((prompt.endsAt - Date.now()) / 1000));
}

function succeed() {
  prompt.resolve();
  element('factor-dialog').close();
}

/** @returns the message to the user if the factor was refused */
async function verify(response) {
  if (response.ok) return succeed();
  const { status } = response;
  const isVoid = prompt.challengeId !== undefined && (status === 422 || status === 410);
  if (!isVoid) {
    element('factor-code').select();
    return messageOf(response);
  }
  element('factor-choices').hidden = true;
  element('factor-void').hidden = false;
  element('factor-again').focus();
  const { errorType } = await problemOf(response);
  return errorType === 'mfa_invalid_code'
    ? 'That was not accepted, and each challenge has one attempt: this one is void.'
    : 'This challenge is no longer open here.';
}

async function followElsewhere() {
  const { challengeId } = prompt;
  const response = await send('GET', '/approvals').catch(() => undefined);
  if (!response?.ok || prompt.challengeId !== challengeId) return;
  const asked = (await response.json()).find(({ id }) => id === challengeId);
  if (!element('factor-dialog').open) return;
  if (asked?.state === 'approved') succeed();
  if (asked?.state === 'denied') {
    toast('Denied on another device.');
    prompt.outcome = 'denied';
    element('factor-dialog').close();
  }
}

export function enableFactorPrompt() {
  whenUsed('factor-form', 'submit', 'factor-error', async () =>
    verify(await post(`${prompt.path}/totp`, { code: element('factor-code').value })),
  );
  whenUsed('factor-passkey', 'click', 'factor-error', async () => {
    const options = await post(`${prompt.path}/passkey/options`);
    if (!options.ok) return verify(options);
    let assertion;
    try {
      assertion = await startAuthentication({ optionsJSON: await options.json() });
    } catch {
      return 'No passkey was used. Try again.';
    }
    return verify(await post(`${prompt.path}/passkey`, assertion));
  });
  element('factor-cancel').addEventListener('click', async () => {
    const { challengeId } = prompt;
    element('factor-dialog').close();
    if (challengeId === undefined) return;
    await send('DELETE', `/approvals/${challengeId}`).catch(() => undefined);
    await update();
  });
  element('factor-again').addEventListener('click', () => {
    prompt.outcome = 'again';
    element('factor-dialog').close();
  });
}
