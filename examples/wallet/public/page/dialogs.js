/**
 * Dialogs over the wallet alone: the workbench beside it stays in sight and in use, which a modal
 * dialog would not allow. The rest of the wallet is inert meanwhile, and so is a dialog below another.
 */
import { element } from './dom.js';

/** The open dialogs, the topmost last, each with the element that had the focus before. */
const open = [];

export function openDialog(dialog) {
  if (dialog.open) return;
  open.push({ dialog, opener: document.activeElement });
  settle();
  dialog.show();
  dialog.addEventListener('close', closed, { once: true });
}

function closed({ target }) {
  const index = open.findIndex(({ dialog }) => dialog === target);
  if (index === -1) return;
  const [{ opener }] = open.splice(index, 1);
  settle();
  const hadFocus =
    document.activeElement === document.body || target.contains(document.activeElement);
  if (hadFocus && opener?.isConnected && opener !== document.body) opener.focus();
}

export function closeDialogs() {
  for (const { dialog } of [...open].reverse()) dialog.close();
}

function settle() {
  const top = open.at(-1)?.dialog;
  element('wallet').inert = top !== undefined;
  for (const { dialog } of open) dialog.inert = dialog !== top;
}

document.addEventListener('keydown', ({ key }) => {
  // The event of a close comes later than the next key may.
  if (key === 'Escape') open.findLast(({ dialog }) => dialog.open)?.dialog.close();
});

for (const button of document.querySelectorAll('dialog [data-close]')) {
  button.addEventListener('click', () => button.closest('dialog').close());
}
