/**
 * The web page: plain files, packages as browser modules, and a content
 * security policy under which nothing else runs.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import express, { Router, type RequestHandler } from 'express';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Packages that the page imports, from node_modules. */
const MODULES = {
  'client.js': 'express-wallet-session/client',
  'qr.js': 'uqr',
  'webauthn.js': '@simplewebauthn/browser',
};

const require = createRequire(import.meta.url);

export function walletPage(): Router {
  const router = Router();
  router.use(pageHeaders(CONTENT_SECURITY_POLICY));

  for (const [file, name] of Object.entries(MODULES)) {
    const script = browserModule(name);
    router.get(`/vendor/${file}`, (_req, res) => {
      res.type('text/javascript').send(script);
    });
  }
  const font = require.resolve('@fontsource-variable/inter/files/inter-latin-wght-normal.woff2');
  router.get('/inter.woff2', (_req, res) => {
    res.sendFile(font);
  });
  router.use(express.static(join(import.meta.dirname, 'public')));
  return router;
}

/** The headers of a page whose content security policy is this. */
export function pageHeaders(contentSecurityPolicy: string): RequestHandler {
  return (_req, res, next) => {
    res.set({
      'Content-Security-Policy': contentSecurityPolicy,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    });
    next();
  };
}

/** One package as one file that a browser can import. */
export function browserModule(name: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents: `export * from '${name}';`, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}
