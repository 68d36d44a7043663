/**
 * The identity of another process: its keys are read over HTTP, and its routes are forwarded to it,
 * so that sign-in and factors exist once. In production a load balancer does this.
 */
import express, { Router, type RequestHandler } from 'express';
import { cdpAuthentication } from 'express-wallet-session';
import type { Identity } from './identity.js';

const FORWARDED = ['authorization', 'content-type', 'cookie', 'previous-access-token'];

export function forwardedIdentity(identityUrl: string, projectId: string): Identity {
  return {
    authentication: cdpAuthentication({
      projectId,
      jwksUri: `${identityUrl}/.well-known/jwks.json`,
    }),
    routes() {
      const router = Router();
      const body = express.text({ type: () => true, limit: '8kb' });
      router.use(['/auth', '/mfa', '/demo/phone', '/demo/clock'], body, forwardTo(identityUrl));
      return router;
    },
  };
}

function forwardTo(identityUrl: string): RequestHandler {
  return async (req, res) => {
    const headers = FORWARDED.flatMap((name): [string, string][] => {
      const value = req.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    const answer = await fetch(`${identityUrl}${req.originalUrl}`, {
      method: req.method,
      headers,
      ...(typeof req.body === 'string' && req.body !== '' && { body: req.body }),
    });
    res.status(answer.status).set('Cache-Control', 'no-store');
    for (const [name, value] of answer.headers) {
      if (['content-type', 'www-authenticate', 'retry-after'].includes(name)) res.set(name, value);
    }
    for (const cookie of answer.headers.getSetCookie()) res.append('Set-Cookie', cookie);
    res.end(Buffer.from(await answer.arrayBuffer()));
  };
}
