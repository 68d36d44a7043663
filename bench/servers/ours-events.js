// With a subscriber of its events, or without.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mount as mountOurs } from './ours.js';

export function mount(app, settings) {
  const counts = {};
  const count = ({ type }) => {
    counts[type] = (counts[type] ?? 0) + 1;
  };
  return {
    ...mountOurs(app, settings),
    setSubscribed(isSubscribed) {
      const change = isSubscribed ? subscribe : unsubscribe;
      change('express-wallet-session', count);
    },
  };
}
