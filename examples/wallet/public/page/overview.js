/** Balance, history, the address to receive at. */
import { element, enableCopying, fromTemplate, show, showRows } from './dom.js';
import { day, exactMoment, METHODS, money, nameOf, shortAddress } from './format.js';
import { drawQrCode } from './qr-code.js';
import { room } from './rooms.js';
import { state, whenUpdated } from './state.js';

let shownTransfers;

export function enableOverview() {
  enableCopying();
  whenUpdated(showAccount);
  room('receive', () => {
    show('receive-address', state.address);
    element('receive-copy').dataset.copy = state.address;
    drawQrCode('receive-qr', state.address);
  });
}

function showAccount() {
  const { balance, address, transfers } = state.account;
  show('balance', money(balance));
  show('address', shortAddress(address));
  element('copy-address').dataset.copy = address;
  show('account-name', state.known.email);
  show('account-kind', state.known.session.authentication === 'cdp' ? 'CDP' : 'Custom');
  const latest = JSON.stringify(transfers);
  if (latest !== shownTransfers) element('history').replaceChildren(...transfers.map(item));
  shownTransfers = latest;
}

function item(transfer) {
  const { counterparty, note, amount, at } = transfer;
  const name = nameOf(counterparty);
  const entry = fromTemplate('history-item', {
    avatar: name.slice(0, 1).toUpperCase(),
    name,
    detail: [note, day(at)].filter(Boolean).join(' · '),
    amount: money(amount, 'always'),
  });
  entry.querySelector('[data-slot="amount"]').dataset.sign = amount.startsWith('-') ? 'out' : 'in';
  showRows(entry.querySelector('dl'), transferRows(transfer));
  return entry;
}

/** The receipt: a transfer in full, with its MFA or approval. */
export function transferRows({ id, amount, counterparty, note, at, authorisation }) {
  const isOut = amount.startsWith('-');
  return [
    ['Amount', money(amount.replace('-', ''))],
    [isOut ? 'To' : 'From', nameOf(counterparty)],
    ['Address', counterparty.address, { code: true }],
    ...(note ? [['Note', note]] : []),
    ['Time', exactMoment(at)],
    ['Transfer', id, { code: true }],
    ...(authorisation ? authorisationRows(authorisation) : []),
  ];
}

function authorisationRows({ kind, method, challengeId, digest, approvedAt, verifiedAt }) {
  const factor = METHODS[method] ?? method;
  if (kind === 'mfa') return [['Admitted by', `MFA, ${factor}, ${exactMoment(verifiedAt)}`]];
  return [
    ['Admitted by', `Approval, ${factor}, ${exactMoment(approvedAt)}`],
    ['Approval', challengeId, { code: true }],
    ['Digest', digest, { code: true }],
  ];
}
