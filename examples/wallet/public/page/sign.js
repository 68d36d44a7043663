/** Signing a message: MFA of the last 30 minutes is enough. */
import { messageOf, post } from './api.js';
import { element, say, show, showRows, whenUsed } from './dom.js';
import { exactMoment } from './format.js';
import { protectedOperation } from './protected-operation.js';
import { openRoom, room } from './rooms.js';
import { update } from './update.js';

export function enableSigning() {
  room('sign', () => showStep('message'));
  element('open-sign').addEventListener('click', () => openRoom('sign'));
  whenUsed('sign-form', 'submit', 'sign-error', async () => {
    const message = element('message').value;
    const { response } = await protectedOperation(() => post('/signatures', { message }));
    await update();
    if (response.status === 401) return undefined;
    if (!response.ok) {
      return response.status === 403
        ? 'Not confirmed, so nothing was signed.'
        : messageOf(response);
    }
    const signed = await response.json();
    showRows(element('signature-rows'), [
      ['Message', signed.message],
      ['Address', signed.address, { code: true }],
      ['Signature', signed.signature, { code: true }],
      ['Time', exactMoment(signed.at)],
    ]);
    showStep('signature');
    element('signature-done').focus();
  });
}

function showStep(step) {
  for (const id of ['message', 'signature']) element(`sign-${id}`).hidden = id !== step;
  say('sign-error', '');
  show('sign-title', step === 'message' ? 'Sign a message' : 'Signed');
}
