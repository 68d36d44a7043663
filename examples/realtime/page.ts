/**
 * The web page: plain files and the client library as a browser module, under a content security
 * policy that allows no other script. `connect-src 'self'` covers the WebSocket.
 */
import { join } from 'node:path';
import express, { Router } from 'express';
import { browserModule, pageHeaders } from '../wallet/wallet-page.js';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function page(): Router {
  const router = Router();
  router.use(pageHeaders(CONTENT_SECURITY_POLICY));
  const client = browserModule('express-wallet-session/client');
  router.get('/client.js', (_req, res) => {
    res.type('text/javascript').send(client);
  });
  router.use(express.static(join(import.meta.dirname, 'public')));
  return router;
}
