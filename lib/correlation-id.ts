/**
 * The id that an answer, its log lines and its events share.
 */
import { randomUUID } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { CORRELATION_ID, REQUEST_ID } from './protocol.js';
import { nodeHeaders, type RequestHeaders } from './request-headers.js';

/** The ids that were made up: an answer and its log lines carry the same one. */
const madeIds = new WeakMap<object, string>();

/** The id that a request brings if it is harmless, else a new one, which stays with the request. */
export function correlationIdOf(req: { readonly headers: RequestHeaders } | undefined): string {
  if (req === undefined) return randomUUID();
  // Node's own are in its form, and a look at each of their names costs each event.
  const headers = req instanceof IncomingMessage ? req.headers : nodeHeaders(req.headers);
  for (const given of [headers[CORRELATION_ID], headers[REQUEST_ID]]) {
    if (typeof given === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(given)) return given;
  }
  const made = madeIds.get(req) ?? randomUUID();
  madeIds.set(req, made);
  return made;
}
