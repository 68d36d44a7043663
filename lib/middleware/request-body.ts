/**
 * The body of a request as it was parsed, for a digest of the request. A body that the client sent
 * must never be taken for none.
 */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { bodyMaterial, NO_BODY } from '../approval/digest.js';
import { SessionError } from '../errors.js';

/** A request on which a body parser may have left the body. */
interface ParsedRequest extends IncomingMessage {
  readonly body?: unknown;
  /** Set by body-parser 1.x once it has read the body. */
  readonly _body?: unknown;
}

const MULTIPART = /^multipart\//i;
const JSON_OR_FORM = /^application\/(?:x-www-form-urlencoded|(?:[^;]*\+)?json)\s*(?:;|$)/i;

/**
 * The material of the parsed body.
 *
 * @throws SessionError `invalid_request` if the body was not parsed, or is `multipart/*`
 * @throws ConfigurationError if the parsed value is no JSON
 */
export function parsedBodyMaterial(req: ParsedRequest): string {
  const { body } = req;
  const mediaType = req.headers['content-type'] ?? '';
  if (MULTIPART.test(mediaType)) {
    throw unbound('a multipart body has files beside its fields. Give `bind`.');
  }
  const isPlaceholder = isEmptyObject(body);
  if (!announcesBody(req)) {
    return body === undefined || isPlaceholder ? NO_BODY : bodyMaterial(body, SOURCE);
  }
  if (!isRead(req)) {
    throw unbound(
      'no body parser read it. Mount one for its media type ahead of requireApproval(), such as express.json(), or give `bind`.',
    );
  }
  // body-parser 1.x leaves `{}` behind for media types that it does not parse.
  const isParsed = !isPlaceholder || req._body === true || JSON_OR_FORM.test(mediaType);
  if (body === undefined || !isParsed) {
    throw unbound('it was read, but `req.body` does not hold it. Give `bind`.');
  }
  return bodyMaterial(body, SOURCE);
}

const SOURCE = 'requireApproval(): the parsed body, without `bind`,';

function announcesBody(req: IncomingMessage): boolean {
  const { 'transfer-encoding': transferEncoding, 'content-length': length } = req.headers;
  if (transferEncoding !== undefined) return true;
  if (length !== undefined) return Number(length) !== 0;
  return req.httpVersionMajor >= 2 && mayCarryBody(req as unknown as Http2ServerRequest);
}

/** HTTP/2 needs neither header; the stream ends with its headers, or later. */
function mayCarryBody({ stream, readableDidRead }: Http2ServerRequest): boolean {
  // A stream that ended without having been read had no data.
  const wasRead = readableDidRead || stream.readableDidRead;
  return !stream.endAfterHeaders && !(stream.readableEnded && !wasRead);
}

/** Whether somebody has read the body to its end: over HTTP/2, from the request or its stream. */
function isRead(req: IncomingMessage): boolean {
  if (req.readableEnded || req.httpVersionMajor < 2) return req.readableEnded;
  const { stream, readableDidRead } = req as unknown as Http2ServerRequest;
  return !readableDidRead && stream.readableDidRead && stream.readableEnded;
}

function isEmptyObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length === 0;
}

function unbound(reason: string): SessionError {
  return new SessionError('invalid_request', {
    detail: 'The body of this request cannot be approved in this form.',
    cause: new Error(`the body cannot be bound to an approval: ${reason}`),
  });
}
