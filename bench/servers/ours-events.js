// With a subscriber of its events that comes and goes, so that both are measured in one process.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { customAuthentication, getSession, validateSession } from '../../dist/index.js';

const CHANNEL = 'express-wallet-session';

export function mount(app, { issuer, audience, jwksUri }) {
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication }));
  const counts = {};
  const count = ({ type }) => {
    counts[type] = (counts[type] ?? 0) + 1;
  };
  return {
    userIdOf: (req) => getSession(req).userId,
    setSubscribed(isSubscribed) {
      unsubscribe(CHANNEL, count);
      if (isSubscribed) subscribe(CHANNEL, count);
    },
  };
}
