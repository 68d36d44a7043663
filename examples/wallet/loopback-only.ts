/**
 * The example hands out the codes that are meant for its users, and each client may move its clock, so
 * it answers this machine alone. The `Host` is checked too: a page of another site that points its
 * own name at 127.0.0.1 (DNS rebinding) is refused.
 */
import type { RequestHandler } from 'express';
import { ApiProblem } from './api-problem.js';

const HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);
const ADDRESS = /^(?:::ffff:)?127\.|^::1$/;

export const loopbackOnly: RequestHandler = (req, _res, next) => {
  const host = (req.get('Host') ?? '').replace(/:\d+$/, '').toLowerCase();
  if (!HOSTS.has(host) || !ADDRESS.test(req.socket.remoteAddress ?? '')) {
    throw new ApiProblem(403, 'loopback_only', 'This example answers http://localhost alone.');
  }
  next();
};
