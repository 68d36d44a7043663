/**
 * The feed of this tab: `fetch` reads the stream with the token in its header; `EventSource`, which
 * can send no header, with a ticket in its address.
 */
import { sessionFetch, ticket } from './tokens.js';

/**
 * @param on `open()`, `payment(payment)`, `end(errorType)`: the feed is closed
 * @param lastId the id of the last payment that is known
 * @returns closes it
 */
export async function openFeed(withTicket, on, lastId) {
  return withTicket ? openEventSource(on) : openStream(on, lastId);
}

async function openEventSource(on) {
  const source = new EventSource(`/feed?ticket=${await ticket()}`);
  const end = (errorType) => {
    // It would connect again by itself, with a ticket that is spent.
    source.close();
    on.end(errorType);
  };
  source.onopen = () => on.open();
  source.addEventListener('payment', ({ data }) => on.payment(JSON.parse(data)));
  source.addEventListener('end', ({ data }) => end(JSON.parse(data).errorType));
  source.onerror = () => end('connection_lost');
  return () => source.close();
}

async function openStream(on, lastId) {
  const aborted = new AbortController();
  const { signal } = aborted;
  const response = await sessionFetch('/feed', { headers: { 'Last-Event-ID': lastId }, signal });
  if (!response.ok) {
    const problem = await response.json();
    throw Object.assign(new Error(problem.detail), problem);
  }
  on.open();
  read(response.body, on).then(
    (errorType) => signal.aborted || on.end(errorType),
    () => signal.aborted || on.end('connection_lost'),
  );
  return () => aborted.abort();
}

/** @returns the reason of its end */
async function read(body, on) {
  let text = '';
  for (const reader = body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return 'connection_lost';
    const blocks = (text + value).split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/m.exec(block) ?? [];
      if (event === 'payment') on.payment(JSON.parse(data));
      if (event === 'end') return JSON.parse(data).errorType;
    }
  }
}
