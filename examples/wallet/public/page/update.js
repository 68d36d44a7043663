/** Reads session, account and approvals, now and every two seconds. */
import { send } from './api.js';
import { noteReachable } from './connection.js';
import { isUnreachable } from './dom.js';
import { noteServerTime, notifyUpdated, state } from './state.js';

const POLL_MILLISECONDS = 2_000;

/** Never rejects: it says itself that the wallet cannot be reached. */
export async function update() {
  const { api } = state;
  if (api === undefined) return;
  try {
    const answers = await Promise.all(
      ['/me', '/transfers', '/approvals'].map((path) => send('GET', path)),
    );
    noteReachable(true);
    if (answers.some(({ ok }) => !ok) || api !== state.api) return;
    const [known, account, approvals] = await Promise.all(answers.map((answer) => answer.json()));
    Object.assign(state, { known, account, approvals, address: account.address });
    noteServerTime(known.now);
    notifyUpdated();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    noteReachable(state.api === undefined);
  }
}

export function keepUpdated() {
  setInterval(update, POLL_MILLISECONDS);
  addEventListener('online', update);
}
