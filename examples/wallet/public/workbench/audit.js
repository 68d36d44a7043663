/** The audit trail: decisions of the library and deeds of the wallet, as in the chained file. */
import { post, send } from '../page/api.js';
import { element, fromTemplate, say, show, whenUsed } from '../page/dom.js';
import { time } from '../page/format.js';
import { whenUpdated } from '../page/state.js';
import { shortenBody } from './shorten.js';

let shownHead;

export function enableAudit() {
  const details = element('audit');
  whenUpdated(() => details.open && showTrail());
  details.addEventListener('toggle', () => details.open && showTrail());
  whenUsed('audit-verify', 'click', 'audit-verified', async () => {
    const response = await post('/demo/audit/verify');
    if (!response.ok) return 'The trail cannot be read.';
    const { isIntact, lines, line, complaint } = await response.json();
    if (!isIntact) return `Line ${line} ${complaint}.`;
    say(
      'audit-verified',
      `Intact: ${lines} lines, each with the hash of the one before it.`,
      'good',
    );
  });
}

async function showTrail() {
  const response = await send('GET', '/demo/audit').catch(() => undefined);
  if (!response?.ok) return;
  const { head, lines } = await response.json();
  if (head?.hash === shownHead) return;
  shownHead = head?.hash;
  show(
    'audit-head',
    head === null ? 'No line yet.' : `Line ${head.seq}, hash ${head.hash.slice(0, 12)}…`,
  );
  const list = element('audit-lines');
  const open = new Set(
    [...list.querySelectorAll('details[open]')].map(
      ({ parentElement }) => parentElement.dataset.seq,
    ),
  );
  list.replaceChildren(
    ...lines.map((line) => {
      const { type, at, ...facts } = line.event;
      const entry = fromTemplate('audit-line', { time: time(at), type, says: saysOf(facts) });
      entry.dataset.seq = line.seq;
      entry.querySelector('pre').textContent = JSON.stringify(shortenBody(line), null, 2);
      entry.querySelector('details').open = open.has(String(line.seq));
      return entry;
    }),
  );
}

function saysOf({ errorType, method, kind, amount, everywhere, description, ageSeconds }) {
  return [
    errorType,
    method,
    kind,
    amount === undefined ? description?.amount : `${amount} USDC`,
    everywhere === true ? 'everywhere' : undefined,
    ageSeconds === undefined ? undefined : `verified ${Math.round(ageSeconds)} s ago`,
  ]
    .filter(Boolean)
    .join(' · ');
}
