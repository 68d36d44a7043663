/**
 * The frame of every page of the example, and the wallet's own page with its script in one file.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import express, { Router } from 'express';

const PUBLIC = join(import.meta.dirname, 'public');
const STYLE = readFileSync(join(PUBLIC, 'page.css'), 'utf8');

/** A page of the provider, which looks like the wallet's. */
export function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
<body class="provider"><main class="card">
${main}
</main></body>
</html>`;
}

export function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * The wallet's page. `page.js` imports packages by name, as in any frontend with a bundler. No other
 * script runs in it: one could use the key of the browser while the page is open.
 *
 * @param issuer the one other origin that the page may talk to
 */
export function walletPage(issuer: string): Router {
  const { outputFiles } = buildSync({
    entryPoints: [join(PUBLIC, 'page.js')],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  });
  const script = outputFiles[0]?.text ?? '';
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    `connect-src 'self' ${issuer}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  const router = Router();
  router.use((_req, res, next) => {
    res.set({
      'Content-Security-Policy': policy,
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    });
    next();
  });
  router.get('/page.js', (_req, res) => {
    res.type('text/javascript').send(script);
  });
  router.use(express.static(PUBLIC));
  return router;
}
