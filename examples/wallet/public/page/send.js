/**
 * Sending: the order, a review that shows exactly the server's description, the factor, the receipt.
 * One idempotency key for each order, so that no click sends twice.
 */
import { messageOf, post, problemOf, send } from './api.js';
import { element, fromTemplate, say, show, showRows, whenUsed } from './dom.js';
import { rowsOf } from './factor-prompt.js';
import { money } from './format.js';
import { transferRows } from './overview.js';
import { protectedOperation } from './protected-operation.js';
import { openRoom, room } from './rooms.js';
import { state } from './state.js';
import { update } from './update.js';

let order;
let idempotencyKey;

export function enableSending() {
  room('send', () => {
    showStep('order');
    showContacts();
    showDemand();
  });
  element('open-send').addEventListener('click', () => openRoom('send'));
  element('amount').addEventListener('input', showDemand);
  element('review-back').addEventListener('click', () => {
    showStep('order');
    element('amount').focus();
  });
  element('send-dialog').addEventListener('close', () => {
    if (isShown('receipt')) element('order-form').reset();
  });
  whenUsed('order-form', 'submit', 'order-error', review);
  whenUsed('review-form', 'submit', 'review-error', submit);
}

async function review() {
  const [to, amount, note] = ['to', 'amount', 'note'].map((id) => element(id).value.trim());
  const response = await post('/transfers/review', { to, amount, note });
  if (!response.ok) {
    const { field } = await problemOf(response);
    if (field !== undefined) element(field).focus();
    return response.status === 401 ? undefined : messageOf(response);
  }
  const { description, demands } = await response.json();
  order = { to, amount, note };
  idempotencyKey = crypto.randomUUID();
  showRows(element('review-description'), rowsOf(description));
  const isLarge = demands === 'approval';
  element('review-demand').dataset.demand = demands;
  show(
    'review-demand',
    isLarge
      ? 'Above 100 USDC: you approve this very transfer with a factor. The approval opens nothing else.'
      : 'Up to 100 USDC: MFA of the last 5 minutes is enough. You are asked if there is none.',
  );
  show('review-submit', isLarge ? 'Approve and send' : 'Send');
  showStep('review');
  element('review-submit').focus();
}

/** The same request each time: after a factor, a new challenge, or an answer that got lost. */
async function submit() {
  const { response, outcome } = await protectedOperation(() =>
    send('POST', '/transfers', { body: order, headers: { 'Idempotency-Key': idempotencyKey } }),
  );
  await update();
  if (response.ok) return showReceipt(await response.json(), 'Sent');
  const { errorType, transfer } = await problemOf(response);
  if (errorType === 'already_sent') return showReceipt(transfer, 'Sent before, and only once');
  if (response.status === 401) return undefined;
  if (outcome === 'expired') return 'The five minutes to approve it are over, so nothing was sent.';
  if (outcome === 'denied') return 'Denied, so nothing was sent.';
  return response.status === 403 ? 'Not confirmed, so nothing was sent.' : messageOf(response);
}

function showReceipt(transfer, title) {
  show('receipt-title', title);
  show('receipt-amount', money(transfer.amount.replace('-', '')));
  const rows = transferRows(transfer).filter(([term]) => term !== 'Amount');
  showRows(element('receipt-rows'), rows);
  showStep('receipt');
  element('receipt-done').focus();
}

const STEPS = ['order', 'review', 'receipt'];
const isShown = (step) => !element(`send-${step}`).hidden;

function showStep(step) {
  for (const id of STEPS) element(`send-${id}`).hidden = id !== step;
  for (const id of ['order-error', 'review-error']) say(id, '');
  element('send-dialog').setAttribute('aria-labelledby', `${step}-title`);
}

/** Names the demand of the amount ahead of the review. */
function showDemand() {
  const { above } = state.known.demands.approve;
  const isLarge = Number(element('amount').value) > Number(above);
  element('order-demand').dataset.demand = isLarge ? 'approval' : 'mfa';
  show(
    'order-demand',
    isLarge
      ? `Above ${money(above)}, each transfer is approved by itself.`
      : `Up to ${money(above)}, MFA of the last 5 minutes is enough.`,
  );
}

async function showContacts() {
  if (element('contacts').childElementCount > 0) return;
  const response = await send('GET', '/contacts').catch(() => undefined);
  if (!response?.ok) return;
  const contacts = await response.json();
  element('contacts').replaceChildren(
    ...contacts.map(({ name }) => {
      const chip = fromTemplate('contact', { avatar: name.slice(0, 1), name });
      chip.querySelector('button').addEventListener('click', () => {
        element('to').value = name;
        element('amount').focus();
      });
      return chip;
    }),
  );
}
