/**
 * The example with an identity provider of its own: its start, its walkthrough, and its page in a
 * real browser.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startExample, type Example } from '../../examples/custom-auth/start.js';
import { walkThrough } from '../../examples/custom-auth/walkthrough.js';
import { describeWithChromium, launchChromium } from '../support/chromium.js';
import { untilPrinted } from '../support/until-printed.js';
import { quietly } from './oidc-provider.js';

jest.setTimeout(60_000);

const ALGS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519';

/** In the page: takes the key pairs from IndexedDB and tries to export the private key. */
const EXPORT_KEY = `(async () => {
  const done = (request) => new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  const database = await done(indexedDB.open('wallet'));
  const pairs = await done(database.transaction('keys').objectStore('keys').getAll());
  const [{ privateKey }] = pairs;
  const exported = await crypto.subtle.exportKey('jwk', privateKey).then(String, ({ name }) => name);
  return { pairs: pairs.length, extractable: privateKey.extractable, exported };
})()`;

let example: Example;

beforeEach(async () => {
  example = await startExample({ port: 0, providerPort: 0 });
});

afterEach(() => example.close());

it('The example starts by its command without a warning, and listens on this machine alone', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/custom-auth/server.ts'], {
    env: { ...process.env, NODE_OPTIONS: '', PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk) => (complaints += String(chunk)));
  const printed = await untilPrinted(child, child.stdout, 'To see everything');
  const [api, provider] = printed.match(/(?<=http:\/\/localhost:)\d+/g) ?? [];
  expect((await fetch(`http://127.0.0.1:${api}/config.json`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${provider}/jwks`)).status).toBe(200);
  await expect(fetch(`http://127.0.0.2:${api}/config.json`)).rejects.toThrow('fetch failed');
  await expect(fetch(`http://127.0.0.2:${provider}/jwks`)).rejects.toThrow('fetch failed');
  child.kill();
  await once(child, 'exit');
  expect(complaints).toBe('');
});

it('The key of the provider of the example is changed by signed-in users alone', async () => {
  const response = await fetch(`${example.api}/demo/rotate-keys`, { method: 'POST' });
  expect([response.status, await response.json()]).toMatchObject([
    401,
    { errorType: 'token_missing' },
  ]);
  const path = `${example.issuer}/demo/rotate-keys`;
  expect((await fetch(path, { method: 'POST' })).status).toBe(404);
});

describe('The walkthrough of the example', () => {
  it('shows sign-in, a stolen token, step-up, refresh, a new key, and sign-out at the provider', async () => {
    const lines: string[] = [];

    await quietly(() => walkThrough(example.api, (line) => lines.push(line)));

    const answers = lines
      .filter((line) => / -> \d/.test(line) || line.startsWith('WWW-'))
      .map((line) =>
        line
          .replace(/ \{.*"errorType":"(\w+)".*/, ' $1')
          .replace(/ \{.*/, '')
          .trim(),
      );
    const stepUp =
      'error="insufficient_user_authentication", max_age="300", acr_values="urn:example:mfa"';
    expect(answers).toEqual([
      'GET /me -> 200',
      'GET /me -> 401 dpop_proof_invalid',
      `WWW-Authenticate: DPoP error="invalid_dpop_proof", algs="${ALGS}"`,
      'GET /me -> 401 dpop_proof_invalid',
      `WWW-Authenticate: DPoP error="invalid_dpop_proof", algs="${ALGS}"`,
      'POST /transfers -> 403 mfa_required',
      `WWW-Authenticate: Bearer ${stepUp}, DPoP ${stepUp}, algs="${ALGS}"`,
      'POST /transfers -> 201',
      'GET /me -> 200',
      'POST /demo/rotate-keys -> 204',
      'POST /transfers -> 201',
      'GET /me -> 401 session_revoked',
      `WWW-Authenticate: Bearer error="invalid_token", DPoP error="invalid_token", algs="${ALGS}"`,
    ]);
    const headers = lines.filter((line) => line.startsWith('{"alg"'));
    const kids = headers.map((line) => (JSON.parse(line) as { kid: string }).kid);
    expect(new Set(kids).size).toBe(2);
  });
});

describeWithChromium('The page of the example', () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  /** What the browser complains of, such as a script that the policy of the page forbids. */
  let complaints: string[];

  beforeEach(async () => {
    complaints = [];
    // A context has an IndexedDB of its own.
    page = await (await browser.newContext()).newPage();
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
        complaints.push(message.text());
      }
    });
    await page.goto(example.api);
  });

  afterEach(async () => {
    await page.context().close();
    expect(complaints).toEqual([]);
  });

  afterAll(() => browser.close());

  const click = (name: string): Promise<void> => page.getByRole('button', { name }).click();
  const sees = (text: string): Promise<void> => page.getByText(text).last().waitFor();

  async function signIn(account: string): Promise<void> {
    await click('Sign in at the provider');
    await page.getByLabel('Account').fill(account);
    await click('Sign in');
    await sees(`Signed in as ${account}, with pwd.`);
  }

  it('signs in, steps up at the provider, survives a new key, and signs out there', async () => {
    await signIn('<i>grace</i> & "co"');

    await click('Send money');
    await page.getByLabel('Code').fill(await page.locator('#phone').innerText());
    expect(await page.getByLabel('Account').inputValue()).toBe('<i>grace</i> & "co"');
    await click('Sign in');
    await sees('POST /transfers: 201');
    await sees('Signed in as <i>grace</i> & "co", with pwd and otp.');

    await click('Let the provider change its key');
    await sees('The provider signs with a new key');
    await click('Refresh the access token');
    await sees('Refreshed');
    await click('Who am I?');
    await sees('GET /me: 200');
    await click('Send money');
    await page.getByText('POST /transfers: 201').nth(1).waitFor();

    await quietly(async () => {
      await click('Sign out at the provider');
      await click('Sign out');
      await sees('Signed in as');
    });
    await click('Who am I?');
    await sees('GET /me: 401');
    await sees('"errorType": "session_revoked"');
    await sees('Nobody is signed in.');
  });

  it('keeps its key in IndexedDB over reloads, and no script can export it', async () => {
    await signIn('grace');
    await page.reload();
    await click('Who am I?');
    await sees('GET /me: 200');
    const key = await page.evaluate(EXPORT_KEY);
    expect(key).toEqual({ pairs: 1, extractable: false, exported: 'InvalidAccessError' });
  });

  it('has the same key in two tabs that were opened at once', async () => {
    const context = await browser.newContext();
    const tabs = await Promise.all([context.newPage(), context.newPage()]);
    await Promise.all(tabs.map((tab) => tab.goto(example.api)));
    await Promise.all(tabs.map((tab) => tab.getByRole('button', { name: 'Sign in' }).waitFor()));
    page = tabs[1];
    await signIn('grace');
    const bound = await page.evaluate<string>(`sessionStorage.getItem('tokens')`);
    await tabs[0].evaluate(`sessionStorage.setItem('tokens', ${JSON.stringify(bound)})`);
    await tabs[0].reload();
    page = tabs[0];
    await click('Who am I?');
    await sees('GET /me: 200');
  });

  it('loses nothing to a thief of its tokens: neither opens the API, and the refresh token is bound too', async () => {
    await signIn('grace');
    await click('Use the token without its key');
    await sees('GET /me with the token alone: 401');
    await sees('GET /me with the token and another key: 401');
    await click('Who am I?');
    await sees('GET /me: 200');

    const stolen = JSON.parse(await page.evaluate<string>(`sessionStorage.getItem('tokens')`)) as {
      access_token: string;
      refresh_token: string;
    };
    for (const scheme of ['Bearer', 'DPoP']) {
      const answer = await fetch(`${example.api}/me`, {
        headers: { authorization: `${scheme} ${stolen.access_token}` },
      });
      expect([answer.status, await answer.json()]).toMatchObject([
        401,
        { errorType: 'dpop_proof_invalid' },
      ]);
    }
    const refreshed = await fetch(`${example.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: stolen.refresh_token,
        client_id: 'wallet-page',
      }),
    });
    expect(refreshed.status).toBe(400);
  });

  it('gets no session if the code is wrong, and no more attempts after five', async () => {
    await click('Sign in at the provider');
    await click('Sign in');
    await click('Send money');
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await page.getByLabel('Code').fill('no');
      await click('Sign in');
      await sees('That code is not right.');
    }
    const right = await page.locator('#phone').innerText();
    expect(right).toMatch(/^\d{6}$/);
    await page.getByLabel('Code').fill(right);
    await click('Sign in');
    await sees('Too many attempts. Try again in 5 minutes.');
    expect(new URL(page.url()).origin).toBe(example.issuer);
  });

  it('can be used by keyboard alone, and follows the colour scheme of the system', async () => {
    const styleOf = (element: string, property: string): Promise<string> =>
      page.evaluate(`getComputedStyle(document.${element}).${property}`);
    const background = (): Promise<string> => styleOf('body', 'backgroundColor');
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await background()).not.toBe(light);

    // The page shows it when it works.
    await page.getByRole('button', { name: 'Sign in at the provider' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await styleOf('activeElement', 'outlineStyle')).toBe('solid');
    await page.keyboard.press('Enter');
    await page.getByLabel('Password').press('Enter');
    await sees('Signed in as ada, with pwd.');
  });
});
