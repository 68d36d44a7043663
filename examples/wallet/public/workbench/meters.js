/** The demand of each operation, and how long the present verification serves it. */
import { element, show } from '../page/dom.js';
import { countdown, duration, money, moment } from '../page/format.js';
import { secondsUntil, serverNow, state, whenUpdated } from '../page/state.js';

const DAY_SECONDS = 86_400;

export function enableMeters() {
  whenUpdated(showMeters);
  setInterval(showMeters, 1_000);
}

function showMeters() {
  if (state.known === undefined) return;
  const { session, mfa, demands } = state.known;
  const isShared = session.mfa.scope === 'user';
  show('server-time', moment(serverNow()));
  show(
    'mfa-scope',
    isShared
      ? 'Custom authentication: MFA belongs to the user, on every device.'
      : 'CDP: MFA belongs to the access token, so to this tab. A refresh carries it over.',
  );

  const tokenLeft = secondsUntil(session.expiresAt);
  meter(
    'token',
    tokenLeft,
    900,
    tokenLeft > 0 ? `${duration(tokenLeft)}, then renewed` : 'renewed with the next request',
  );
  const sessionLeft = secondsUntil(session.endsAt);
  meter(
    'session',
    sessionLeft,
    604_800,
    `${duration(sessionLeft)}; no refresh moves it`,
    sessionLeft <= DAY_SECONDS,
  );

  const { above } = demands.approve;
  show('meter-send-name', `Send up to ${money(above)}`);
  show('meter-approve-name', `Send above ${money(above)}`);
  for (const [name, { maxAgeSeconds }] of [
    ['send', demands.send],
    ['sign', demands.sign],
  ]) {
    const left = mfaLeft(mfa.current, maxAgeSeconds);
    const wanted = `MFA of the last ${maxAgeSeconds / 60} min`;
    meter(
      name,
      left,
      maxAgeSeconds,
      left > 0 ? `${wanted}: ${duration(left)} left` : `${wanted}: asks`,
    );
  }
  const pending = state.approvals.find((asked) => asked.state === 'pending');
  meter(
    'approve',
    pending?.expiresInSeconds ?? 0,
    300,
    pending
      ? `its own approval: asked, ${countdown(pending.expiresInSeconds)} left`
      : 'its own approval: asks each time',
  );

  element('pass-mfa').disabled = mfa.current === null;
  element('pass-to-last-day').disabled = sessionLeft <= DAY_SECONDS;
  element('reset-factors').disabled = mfa.factors.length === 0;
}

function mfaLeft(current, maxAgeSeconds) {
  if (current === null) return 0;
  const byAge = Date.parse(current.verifiedAt) / 1000 + maxAgeSeconds - serverNow() / 1000;
  return Math.max(0, Math.min(byAge, secondsUntil(current.expiresAt)));
}

function meter(name, left, max, text, isWarning = false) {
  const bar = element(`meter-${name}`);
  bar.max = max;
  bar.value = Math.min(left, max);
  bar.dataset.kind = isWarning ? 'warning' : left > 0 ? 'good' : '';
  show(`meter-${name}-text`, text);
}
