// With one subscriber of its events.
import { subscribe } from 'node:diagnostics_channel';
import { mount as mountOurs } from './ours.js';

export function mount(app, settings) {
  const counts = {};
  subscribe('express-wallet-session', ({ type }) => {
    counts[type] = (counts[type] ?? 0) + 1;
  });
  return mountOurs(app, settings);
}
