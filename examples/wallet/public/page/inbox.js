/** Approvals that were asked for in another tab or on another device. */
import { element, fromTemplate, toast } from './dom.js';
import { approve } from './factor-prompt.js';
import { countdown } from './format.js';
import { state, whenUpdated } from './state.js';
import { update } from './update.js';

let shown;

export function enableInbox() {
  whenUpdated(() => {
    const pending = state.approvals.filter(
      (asked) => asked.state === 'pending' && !asked.askedHere,
    );
    const latest = JSON.stringify(pending.map(({ id }) => id));
    if (latest !== shown) element('inbox-list').replaceChildren(...pending.map(entryOf));
    shown = latest;
    element('approvals').hidden = pending.length === 0;
    for (const { id, expiresInSeconds } of pending) {
      const entry = element('inbox-list').querySelector(`[data-id="${id}"]`);
      entry.querySelector('[data-slot="ends"]').textContent = countdown(expiresInSeconds);
    }
  });
}

function entryOf(asked) {
  const { id, description } = asked;
  const isShared = state.known.session.mfa.scope === 'user';
  const entry = fromTemplate('inbox-item', {
    amount: description.amount,
    to: description.to,
    rule: isShared
      ? 'Asked for elsewhere. MFA is shared by your devices, so you can approve it here.'
      : 'Asked for in another tab. With CDP, MFA belongs to one tab: the API will refuse it here.',
  });
  entry.dataset.id = id;
  const button = entry.querySelector('button');
  button.textContent = isShared ? 'Review and approve' : 'Try to approve it here';
  button.addEventListener('click', async () => {
    const outcome = await approve({
      challengeId: id,
      description,
      expiresInSeconds: asked.expiresInSeconds,
      askedElsewhere: true,
    });
    if (outcome === 'approved') toast('Approved. The other page sends it now.');
    await update();
  });
  return entry;
}
