/** The means of a demonstration: time that passes, another tab, another device, a help desk. */
import { messageOf, post } from '../page/api.js';
import { device, tabs } from '../page/device.js';
import { openDialog } from '../page/dialogs.js';
import { element, toast, whenUsed } from '../page/dom.js';
import { DAY_SECONDS } from '../page/format.js';
import { signOut } from '../page/sign-in.js';
import { noteServerTime, secondsUntil, state } from '../page/state.js';
import { update } from '../page/update.js';

export function enableStory() {
  // A little more, since expired tokens are tolerated for 5 seconds.
  passTime('pass-15-minutes', '15 minutes passed.', () => 15 * 60 + 10);
  passTime(
    'pass-mfa',
    'The MFA session ran out.',
    () => secondsUntil(state.known.mfa.current.expiresAt) + 1,
  );
  passTime(
    'pass-to-last-day',
    'The session’s last day began.',
    () => secondsUntil(state.known.session.endsAt) - DAY_SECONDS + 1,
  );
  passTime('pass-7-days', '7 days passed.', () => 7 * DAY_SECONDS);

  element('another-tab').href = device.sameDevice;
  element('another-device').href = device.otherDevice;

  whenUsed('reset-factors', 'click', undefined, async () => {
    const response = await post('/demo/reset-factors');
    if (!response.ok) return messageOf(response);
    toast('The help desk removed all factors. Their verifications are void.');
    await update();
  });

  element('sign-out-everywhere').addEventListener('click', () =>
    openDialog(element('everywhere-dialog')),
  );
  whenUsed('everywhere-form', 'submit', 'everywhere-error', () =>
    signOut('/sign-out-everywhere', 'You are signed out in every tab and on every device.'),
  );
}

function passTime(id, text, secondsToPass) {
  whenUsed(id, 'click', undefined, async () => {
    const response = await post('/demo/clock', { seconds: Math.ceil(secondsToPass()) });
    if (!response.ok) return response.status === 401 ? undefined : messageOf(response);
    noteServerTime((await response.json()).now);
    toast(text);
    tabs.postMessage({ path: '/demo/clock' });
    await update();
  });
}
