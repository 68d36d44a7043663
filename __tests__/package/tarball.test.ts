/**
 * The published package, installed into a small app: by `import` and by `require()`, on Express 4
 * and on Express 5.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
// Without the Node flags of this repository's tests.
const env = { ...process.env, NODE_OPTIONS: '', npm_config_node_options: '' };

const app = `
async function main() {
  const issuer = await createTestIssuer();
  const server = express()
    .use(validateSession({ authentication: issuer.authentication }))
    .get('/me', (req, res) => { res.json({ userId: getSession(req).userId }); })
    .post('/transfers', requireMfa(), (req, res) => { res.status(201).end(); })
    .listen(0, '127.0.0.1', async () => {
      const { accessToken } = await issuer.signIn('user-1');
      const ask = createSessionFetch({
        getAccessToken: async () => accessToken,
        origins: ['http://127.0.0.1:' + server.address().port],
      });
      const at = (path) => 'http://127.0.0.1:' + server.address().port + path;
      const me = await ask(at('/me'));
      const transfer = await ask(at('/transfers'), { method: 'POST' });
      console.log(JSON.stringify([
        me.status, await me.json(), transfer.status, (await transfer.json()).errorType,
        typeof redisStore, typeof recordMetrics(),
      ]));
      server.close();
      server.closeAllConnections();
    });
}
main();
`;

const imports = {
  import: {
    file: 'app.mjs',
    source: `
import express from 'express';
import { validateSession, requireMfa, getSession } from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import { redisStore } from 'express-wallet-session/redis';
import { createSessionFetch } from 'express-wallet-session/client';
import { recordMetrics } from 'express-wallet-session/opentelemetry';
import 'express-wallet-session/augment';
`,
  },
  'require()': {
    file: 'app.cjs',
    source: `
const express = require('express');
const { validateSession, requireMfa, getSession } = require('express-wallet-session');
const { createTestIssuer } = require('express-wallet-session/testing');
const { redisStore } = require('express-wallet-session/redis');
const { createSessionFetch } = require('express-wallet-session/client');
const { recordMetrics } = require('express-wallet-session/opentelemetry');
require('express-wallet-session/augment');
`,
  },
};

describe('The published package', () => {
  let folder: string;
  let tarball: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'express-wallet-session-'));
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
      env,
    });
    tarball = join(folder, stdout.trim().split('\n').at(-1) ?? '');
  }, 120_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  describe.each(['4', '5'])('in an app with Express %s', (major) => {
    let appFolder: string;

    beforeAll(async () => {
      appFolder = await mkdtemp(join(folder, 'app-'));
      await writeFile(join(appFolder, 'package.json'), '{ "private": true }');
      const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
      const peers = [`express@${major}`, '@opentelemetry/api@1'];
      await run('npm', ['install', ...flags, tarball, ...peers], { cwd: appFolder, env });
    }, 120_000);

    it.each(Object.entries(imports))('works by %s', async (_how, { file, source }) => {
      await writeFile(join(appFolder, file), source + app);
      const { stdout, stderr } = await run(process.execPath, [file], { cwd: appFolder, env });
      expect(JSON.parse(stdout)).toEqual([
        200,
        { userId: 'user-1' },
        403,
        'mfa_required',
        'function',
        'function',
      ]);
      expect(stderr).toBe('');
    });

    it('brings jose and lru-cache, and no test or source files', async () => {
      const lock = JSON.parse(await readFile(join(appFolder, 'package-lock.json'), 'utf8')) as {
        packages: Record<string, { dependencies?: Record<string, string> }>;
      };
      const { dependencies = {} } = lock.packages['node_modules/express-wallet-session'] ?? {};
      expect(Object.keys(dependencies).sort()).toEqual(['jose', 'lru-cache']);
      const files = await readdir(join(appFolder, 'node_modules/express-wallet-session'));
      expect(files.sort()).toEqual([
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'dist',
        'package.json',
      ]);
    });
  });
});
