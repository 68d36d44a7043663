/** The requests as lines, the latest first; opened, a line shows headers and body. */
import { element, fromTemplate } from '../page/dom.js';
import { clearRecords, isBackground, records, whenRecorded } from './wire.js';
import { shortenBody, shortenHeader } from './shorten.js';

/** The lines that stand already, by the id of their record. */
const lines = new Map();

export function enableWireView() {
  whenRecorded(showRecords);
  element('wire-reads').addEventListener('change', showRecords);
  element('wire-clear').addEventListener('click', clearRecords);
  showRecords();
}

function showRecords() {
  const withReads = element('wire-reads').checked;
  const shown = records.filter((record) => withReads || !isBackground(record));
  element('wire-empty').hidden = shown.length > 0;
  for (const id of lines.keys()) {
    if (!records.some((record) => record.id === id)) lines.delete(id);
  }
  const items = shown.map((record) => lineOf(record));
  const list = element('wire');
  // One by one, so that a line that stands keeps its focus and is not marked as new again.
  items.forEach((item, index) => {
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  });
  while (list.childElementCount > items.length) list.lastElementChild.remove();
  const latest = shown[0];
  element('wire-latest').textContent = latest === undefined ? 'nothing yet' : textOf(latest);
}

function lineOf(record) {
  const known = lines.get(record.id);
  if (known !== undefined && known.isComplete) return known.item;
  const isComplete = record.status !== undefined || record.failure !== undefined;
  const fresh = fromTemplate('wire-line', {
    request: `${record.method} ${shortPath(record.path)}`,
    answer: record.failure ?? (isComplete ? String(record.status) : '…'),
    says: saysOf(record).join(' · '),
  });
  fresh.dataset.kind = kindOf(record);
  const details = fresh.querySelector('details');
  details.addEventListener('toggle', () => {
    if (details.open) details.querySelector('.wire-detail').replaceChildren(...messagesOf(record));
  });
  if (known === undefined) lines.set(record.id, { item: fresh, isComplete });
  else {
    known.item.replaceChildren(...fresh.childNodes);
    Object.assign(known.item.dataset, fresh.dataset);
    known.isComplete = isComplete;
    return known.item;
  }
  return fresh;
}

function textOf(record) {
  const answer = record.failure ?? record.status ?? '…';
  const says = saysOf(record);
  return [`${record.method} ${shortPath(record.path)} → ${answer}`, ...says].join(' · ');
}

/** "mfa_required · approve_request · expires in 5 min" */
function saysOf({ request, response }) {
  const { errorType, action, expiresInSeconds, code, authorisation } = response?.body ?? {};
  const sent = request.headers;
  return [
    errorType,
    action,
    typeof code === 'string' && /_/.test(code) ? code : undefined,
    expiresInSeconds === undefined ? undefined : `expires in ${minutes(expiresInSeconds)}`,
    authorisation && `admitted by ${authorisation.kind === 'mfa' ? 'MFA' : 'its approval'}`,
    sent['x-mfa-challenge-id'] && !authorisation && 'with an approval',
    sent['previous-access-token'] && 'brings the previous token',
    response?.headers['session-ends-in'] && 'warns: Session-Ends-In',
  ].filter(Boolean);
}

function minutes(seconds) {
  return seconds >= 60 ? `${Math.round(seconds / 60)} min` : `${seconds} s`;
}

function kindOf({ status, failure }) {
  if (failure !== undefined) return 'failed';
  if (status === undefined) return 'waiting';
  if (status < 400) return 'good';
  return status === 403 || status === 401 ? 'asks' : 'refused';
}

/** Ids in a path are secrets of the user. */
const shortPath = (path) =>
  path.replace(
    /^(\/(?:approvals|factors)\/)([^/]{16,})/,
    (_all, room, id) => `${room}${id.slice(0, 6)}…`,
  );

function messagesOf({ method, path, request, status, response, failure, milliseconds }) {
  const answer =
    failure ?? (status === undefined ? '…' : `HTTP ${status}, after ${milliseconds} ms`);
  return [
    message('Request', `${method} ${shortPath(path)}`, request),
    message('Answer', answer, response),
  ];
}

function message(title, firstLine, { headers = {}, body } = {}) {
  const part = fromTemplate('wire-message', { title });
  const head = Object.entries(headers)
    .sort()
    .map(([name, value]) => `${name}: ${shortenHeader(name, value)}`);
  const text = [firstLine, ...head];
  if (body !== undefined) {
    text.push(
      '',
      typeof body === 'string' ? body.slice(0, 400) : JSON.stringify(shortenBody(body), null, 2),
    );
  }
  part.querySelector('pre').textContent = text.join('\n');
  return part;
}
