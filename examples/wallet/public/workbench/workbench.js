/** The workbench: beside the wallet, and on a phone in a drawer below it. */
import { element } from '../page/dom.js';
import { enableAudit } from './audit.js';
import { enableMeters } from './meters.js';
import { enableStory } from './story.js';
import { enableWireView } from './wire-view.js';

export function enableWorkbench() {
  enableWireView();
  enableMeters();
  enableAudit();
  enableStory();
  const toggle = element('workbench-toggle');
  const setOpen = (isOpen) => {
    toggle.setAttribute('aria-expanded', String(isOpen));
    document.body.classList.toggle('workbench-open', isOpen);
    if (isOpen) element('workbench').focus({ preventScroll: true });
  };
  toggle.addEventListener('click', () => setOpen(toggle.getAttribute('aria-expanded') !== 'true'));
  element('workbench').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || toggle.getAttribute('aria-expanded') !== 'true') return;
    // The dialog of the wallet stays open.
    event.stopPropagation();
    setOpen(false);
    toggle.focus();
  });
}
