/**
 * The web page: plain files and the client library as a browser module, under a content security
 * policy that allows no other script. `connect-src 'self'` covers the WebSocket.
 */
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import express, { Router } from 'express';

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
  router.use((_req, res, next) => {
    res.set({
      'Content-Security-Policy': CONTENT_SECURITY_POLICY,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    });
    next();
  });
  const { outputFiles } = buildSync({
    stdin: {
      contents: "export * from 'express-wallet-session/client';",
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  router.get('/client.js', (_req, res) => {
    res.type('text/javascript').send(outputFiles[0]?.text ?? '');
  });
  router.use(express.static(join(import.meta.dirname, 'public')));
  return router;
}
