/**
 * The recipes for testing an app, extracted and run as pasted.
 */
import { readFile } from 'node:fs/promises';
import express, { type Express } from 'express';
import {
  getSession,
  requireMfa,
  validateSession,
  type SessionOptions,
} from 'express-wallet-session';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';
import request from 'supertest';

const page = await readFile('docs/testing.md', 'utf8');
const [setUp = '', ...recipes] = [...page.matchAll(/```js\n(.*?)```/gs)].map(
  ([, code]) => code ?? '',
);

function createApp(options: SessionOptions): Express {
  const app = express();
  app.use(validateSession(options));
  app.get('/me', (req, res) => {
    res.json(getSession(req));
  });
  app.post('/mfa/verify', async (req, res) => {
    await getSession(req).mfa.start({ method: 'totp' });
    res.status(204).end();
  });
  app.post('/transfers', requireMfa(), (_req, res) => {
    res.status(201).end();
  });
  return app;
}

function run(code: string): Promise<void> {
  const names = ['createTestClock', 'createTestIssuer', 'createApp', 'request', 'expect'];
  const body = `return (async () => { ${code} })();`;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the code is the documentation's own
  const recipe = new Function(...names, body) as (...values: unknown[]) => Promise<void>;
  return recipe(createTestClock, createTestIssuer, createApp, request, expect);
}

describe('A recipe for testing an app', () => {
  const withoutImports = setUp.replace(/^import .*$/gm, '');
  const titled = recipes.map(
    (code) => [/^\/\/ (.*)$/m.exec(code)?.[1] ?? 'untitled', code] as const,
  );

  it('is there for each thing that happens to a session', () => {
    expect(titled.map(([title]) => title)).toEqual([
      "My user's access token expired.",
      'The session reached its 7 days.',
      'The MFA session ran out.',
      'The identity provider is down.',
    ]);
  });

  it.each(titled)('works as pasted: %s', async (_title, code) => {
    expect(code.trim().split('\n').length).toBeLessThan(10);
    await run(withoutImports + code);
    // Without its call of the clock or the issuer the recipe must fail.
    await expect(
      run(`${withoutImports}clock.advance = () => {}; issuer.setOutage = () => {};${code}`),
    ).rejects.toThrow();
  });

  it('shows the answer that its comment names', async () => {
    const comments = recipes.flatMap((code) => [...code.matchAll(/expect\((\d+)\); \/\/ (\w+)/g)]);
    expect(comments.map(([, status, type]) => `${status ?? ''} ${type ?? ''}`)).toEqual([
      '401 token_expired',
      '401 session_expired',
      '403 mfa_expired',
      '503 verification_unavailable',
    ]);
    for (const code of recipes) {
      const [, type = ''] = /expect\(\d+\); \/\/ (\w+)/.exec(code) ?? [];
      const strict = code.replace(
        /expect\((\d+)\); \/\/ \w+/g,
        `expect($1).expect(({ body }) => { expect(body.errorType).toBe('${type}'); });`,
      );
      await run(withoutImports + strict);
    }
  });
});
