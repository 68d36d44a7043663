/**
 * The names that a request has already, so that a session cannot be attached under them.
 */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** Members that Express 4 and 5, their usual parsers and HTTP/2 add to a request of Node. */
const ADDED: readonly string[] = [
  ...['app', 'baseUrl', 'next', 'originalUrl', 'params', 'query', 'res', 'route', 'secret'],
  ...['accepts', 'acceptsCharsets', 'acceptsEncodings', 'acceptsLanguages', 'get', 'header', 'is'],
  ...['fresh', 'host', 'hostname', 'ip', 'ips', 'param', 'path', 'protocol', 'range', 'secure'],
  ...['stale', 'subdomains', 'xhr', 'body', 'cookies', 'signedCookies', 'file', 'files', 'rawBody'],
  ...['authority', 'scheme', 'stream'],
];

/** Whether every request of Node or Express has a member of this name. */
export function isRequestMember(name: string): boolean {
  return ADDED.includes(name) || name in new IncomingMessage(new Socket());
}
