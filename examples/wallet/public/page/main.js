/** Puts the page together, and starts it. */
import { connect, post } from './api.js';
import { noteReachable } from './connection.js';
import { authentication, tabs } from './device.js';
import { element, isUnreachable, show, whenUsed } from './dom.js';
import { approve, enableFactorPrompt, verifyMfa } from './factor-prompt.js';
import { enableFactors } from './factors.js';
import { duration } from './format.js';
import { enableInbox } from './inbox.js';
import { enableOverview } from './overview.js';
import { noteOutcome } from './protected-operation.js';
import { openAddressedRoom, openRoom } from './rooms.js';
import { enableSending } from './send.js';
import { enableSignIn, showSignIn, signInAgain, signOut } from './sign-in.js';
import { enableSigning } from './sign.js';
import { secondsUntil, state, whenUpdated } from './state.js';
import { hasReachedItsEnd, refresh, whenOtherUser } from './tokens.js';
import { keepUpdated, update } from './update.js';
import { enableWorkbench } from '../workbench/workbench.js';

const RETRY_MILLISECONDS = 2_000;

async function showWallet() {
  const api = connect({
    onMfaRequired: verifyMfa,
    async onApprovalRequired({ challengeId, description, expiresInSeconds }, { signal }) {
      noteOutcome(await approve({ challengeId, description, expiresInSeconds, signal }));
    },
    onSignInRequired(problem) {
      // An answer that was on its way at a sign-out belongs to the session before.
      if (state.api === api) showSignIn(reasonToSignIn(problem));
    },
    onSessionEnding() {
      if (state.api === api) element('ending').hidden = false;
    },
  });
  state.api = api;
  element('ending').hidden = true;
  await update();
  if (state.known === undefined) return;
  element('main').focus({ preventScroll: true });
  scrollTo(0, 0);
  openAddressedRoom();
}

function reasonToSignIn({ errorType }) {
  if (errorType === 'session_revoked') return 'You were signed out. Sign in to go on.';
  if (errorType === 'session_expired' || hasReachedItsEnd()) {
    return 'Your session has reached its 7 days. Sign in again to go on.';
  }
  return 'You are signed out. Sign in to go on.';
}

enableOverview();
enableFactorPrompt();
enableFactors();
enableInbox();
enableSending();
enableSigning();
enableSignIn(showWallet);
enableWorkbench();

element('open-receive').addEventListener('click', () => openRoom('receive'));
element('sign-in-again').addEventListener('click', () =>
  signInAgain('Sign in to start a new session of 7 days.'),
);
whenUsed('sign-out', 'click', undefined, () => signOut('/sign-out', 'You are signed out.'));
whenOtherUser(() => showSignIn('Another user signed in, in another tab of this browser.'));
whenUpdated(() => {
  // Not earlier, since the page still holds the data of the user before.
  document.body.dataset.view = 'wallet';
  const left = secondsUntil(state.known.session.endsAt);
  const wait = duration(left, { parts: 1, unitDisplay: 'long' });
  show('ending-title', `Your session ends in ${wait}.`);
});

tabs.onmessage = async ({ data }) => {
  if (state.known === undefined) return;
  if (data.path !== '/sign-out') return void update();
  if (data.authentication !== authentication()) return;
  // The session's refresh token has ended; this tab's own access token ends here.
  await post('/sign-out').catch(() => undefined);
  showSignIn('You signed out in another tab.');
};

keepUpdated();
await start();

async function start() {
  try {
    const token = await refresh();
    noteReachable(true);
    if (token === null) showSignIn();
    else await showWallet();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    noteReachable(false);
    setTimeout(start, RETRY_MILLISECONDS);
  }
}
