/**
 * The WebSocket of this tab: sends the token in the first message, or a ticket in the address, and a
 * fresh token in a message before the old one ends.
 */
import { ticket, tokens } from './tokens.js';

/**
 * @param withTicket the token is sent as a ticket in the address, not in the first message
 * @param on `session(message)`, `balance(amount)`, `end(errorType)`: the socket is closed
 */
export async function openLiveSocket(withTicket, on) {
  const address = new URL('/live', location.href.replace(/^http/, 'ws'));
  if (withTicket) address.searchParams.set('ticket', await ticket());
  const socket = new WebSocket(address);
  /** The callbacks that wait for an answer, by the id of the message. */
  const waiting = new Map();

  function send(message, answered) {
    const id = crypto.randomUUID();
    if (answered !== undefined) waiting.set(id, answered);
    socket.send(JSON.stringify({ ...message, id }));
  }

  socket.onopen = () => {
    if (!withTicket) send({ type: 'token', ...tokens() });
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'session') on.session(message);
    else if (message.type === 'balance') on.balance(message.balance);
    else waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  };
  socket.onclose = ({ code, reason }) => {
    for (const answered of waiting.values())
      answered({ problem: { errorType: 'connection_lost' } });
    on.end(code === 4401 ? reason : 'connection_lost');
  };

  return {
    /** @returns `{ transfer }` or `{ problem }` */
    sendMoney: (order) =>
      new Promise((resolve) => {
        if (socket.readyState === WebSocket.OPEN) send({ type: 'send', ...order }, resolve);
        else resolve({ problem: { errorType: 'connection_lost' } });
      }),
    renew() {
      if (socket.readyState === WebSocket.OPEN) send({ type: 'token', ...tokens() });
    },
    close() {
      socket.onclose = null;
      socket.onmessage = null;
      socket.close();
    },
  };
}
