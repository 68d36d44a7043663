/**
 * The Jest configurations of the documentation for CommonJS apps, run as pasted: with Jest's own
 * command, in an app that has the built package, jose and lru-cache in its `node_modules`.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { recipe } from '../support/documentation.js';

const run = promisify(execFile);
const repository = process.cwd();
/** Compiled by the recipe, so a copy at a path of its own; the rest may be links. */
const COPIED = ['jose', 'lru-cache'];
const LINKED = ['@babel', '@types', 'babel-jest', 'express', 'jest', 'supertest', 'ts-jest'];

const test = `
test('the package works under Jest in CommonJS', async () => {
  const issuer = await createTestIssuer();
  const app = express().use(validateSession({ authentication: issuer.authentication }));
  app.get('/me', (req, res) => { res.json({ userId: getSession(req).userId }); });
  const { accessToken } = await issuer.signIn('user-1');
  const { body } = await request(app).get('/me').auth(accessToken, { type: 'bearer' }).expect(200);
  expect([body, typeof redisStore]).toEqual([{ userId: 'user-1' }, 'function']);
});
`;
const required = `
const express = require('express');
const request = require('supertest');
const { getSession, validateSession } = require('express-wallet-session');
const { redisStore } = require('express-wallet-session/redis');
const { createTestIssuer } = require('express-wallet-session/testing');
`;
const imported = `
import express from 'express';
import request from 'supertest';
import { getSession, validateSession } from 'express-wallet-session';
import { redisStore } from 'express-wallet-session/redis';
import { createTestIssuer } from 'express-wallet-session/testing';
`;
const tsconfig = {
  compilerOptions: {
    target: 'es2022',
    module: 'nodenext',
    esModuleInterop: true,
    strict: true,
    skipLibCheck: true,
    allowJs: true,
    types: ['jest', 'node'],
  },
};

describe('Under Jest in a CommonJS app', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'jest-commonjs-')));
    const modules = join(folder, 'node_modules');
    const own = join(modules, 'express-wallet-session');
    await mkdir(own, { recursive: true });
    const compiler = join(repository, 'node_modules/typescript/bin/tsc');
    await run(process.execPath, [compiler, '-p', 'lib', '--outDir', join(own, 'dist')]);
    await cp('package.json', join(own, 'package.json'));
    for (const name of COPIED) {
      await cp(join('node_modules', name), join(modules, name), { recursive: true });
    }
    for (const name of [...LINKED, 'typescript']) {
      await symlink(join(repository, 'node_modules', name), join(modules, name));
    }
  }, 300_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** The exit code of `jest`, and its report. */
  async function jest(files: Readonly<Record<string, string>>): Promise<[unknown, string]> {
    const app = await mkdtemp(join(folder, 'app-'));
    await writeFile(join(app, 'package.json'), '{ "private": true }');
    for (const [name, text] of Object.entries(files)) await writeFile(join(app, name), text);
    // Without the flags of this repository's own run.
    const env: NodeJS.ProcessEnv = { ...process.env, NODE_OPTIONS: '', JEST_WORKER_ID: undefined };
    const command = join(folder, 'node_modules/jest/bin/jest.js');
    return run(process.execPath, [command], { cwd: app, env }).then(
      ({ stderr }) => [0, stderr],
      (error: unknown) => {
        const { code, stderr } = error as { code: unknown; stderr: string };
        return [code, stderr];
      },
    );
  }

  it('a JavaScript app passes with the configuration of the documentation', async () => {
    const config = recipe('jest.config.js of a JavaScript app');
    const [code, report] = await jest({
      'jest.config.js': config,
      'app.test.js': required + test,
    });
    expect([code, report]).toEqual([0, expect.stringContaining('1 passed, 1 total')]);
  }, 300_000);

  it('a TypeScript app passes with the configuration of the documentation', async () => {
    const config = recipe('jest.config.js of a TypeScript app');
    const [code, report] = await jest({
      'jest.config.js': config,
      'tsconfig.json': JSON.stringify(tsconfig),
      'app.test.ts': imported + test,
    });
    expect([code, report]).toEqual([0, expect.stringContaining('1 passed, 1 total')]);
  }, 300_000);

  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  // Later ones may require ES modules, depending on the flags of Jest.
  const onOldNode = major < 24 || (major === 24 && minor < 9) ? it : it.skip;

  onOldNode(
    'an app without the configuration fails on Node below 24.9',
    async () => {
      const [code] = await jest({ 'jest.config.js': '', 'app.test.js': required + test });
      expect(code).toBe(1);
    },
    300_000,
  );
});
