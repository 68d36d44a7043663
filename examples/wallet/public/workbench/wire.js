/**
 * A `fetch` that records the wire: each request that the page really sends, retries
 * and refreshes included.
 */
const MAX_RECORDS = 80;

export const records = [];
const listeners = [];
export const whenRecorded = (listener) => listeners.push(listener);
const notify = () => listeners.forEach((listener) => listener());

let lastId = 0;

/** @throws an error named UnreachableError if there is no connection */
export async function wireFetch(input, init) {
  const request = new Request(input, init);
  const record = {
    id: (lastId += 1),
    method: request.method,
    path: new URL(request.url).pathname,
    request: { headers: headersOf(request), body: await bodyOf(request.clone()) },
  };
  add(record);
  const sentAt = performance.now();
  try {
    const response = await fetch(request);
    const milliseconds = Math.round(performance.now() - sentAt);
    const answer = { headers: headersOf(response), body: await bodyOf(response.clone()) };
    // All at once, since a line is written when its status is there.
    Object.assign(record, { status: response.status, milliseconds, response: answer });
    return response;
  } catch (error) {
    record.failure = error.name === 'AbortError' ? 'given up by the page' : 'no connection';
    if (error.name === 'AbortError') throw error;
    throw Object.assign(new Error('no connection'), { name: 'UnreachableError', cause: error });
  } finally {
    notify();
  }
}

export function clearRecords() {
  records.length = 0;
  notify();
}

function add(record) {
  records.unshift(record);
  // Reads by the clock must not drive out the user's requests.
  while (records.length > MAX_RECORDS) {
    const oldestRead = records.findLastIndex(isBackground);
    records.splice(oldestRead === -1 ? records.length - 1 : oldestRead, 1);
  }
  notify();
}

/** A read of the page's own that went well. */
export function isBackground({ method, status }) {
  return method === 'GET' && (status === undefined || status < 400);
}

function headersOf({ headers }) {
  return Object.fromEntries(headers);
}

async function bodyOf(message) {
  const text = await message.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
