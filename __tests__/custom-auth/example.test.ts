/**
 * The example with an identity provider of its own: its walkthrough, and its page in a real
 * browser.
 */

import { jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { Example } from '../../examples/custom-auth/start.js';
import { walkThrough } from '../../examples/custom-auth/walkthrough.js';
import { quietly } from './oidc-provider.js';
import { describeWithChromium, launchChromium } from '../support/chromium.js';

jest.setTimeout(60_000);

let example: Example;

beforeEach(async () => {
  example = await quietly(async () => {
    const { startExample } = await import('../../examples/custom-auth/start.js');
    return startExample({ port: 0, providerPort: 0 });
  });
});

afterEach(() => example.close());

describe('The walkthrough of the example', () => {
  it('shows sign-in, step-up, refresh, a new key, and sign-out at the provider', async () => {
    const lines: string[] = [];

    await quietly(() => walkThrough(example.api, (line) => lines.push(line)));

    const answers = lines
      .filter((line) => / -> \d/.test(line) || line.startsWith('WWW-'))
      .map((line) => line.replace(/ \{.*"errorType":"(\w+)".*/, ' $1').replace(/ \{.*/, ''));
    expect(answers).toEqual([
      'GET /me -> 200',
      'POST /transfers -> 403 mfa_required',
      'WWW-Authenticate: Bearer error="insufficient_user_authentication", max_age="300", acr_values="urn:example:mfa"',
      'POST /transfers -> 201',
      'GET /me -> 200',
      'POST /transfers -> 201',
      'GET /me -> 401 session_revoked',
      'WWW-Authenticate: Bearer error="invalid_token"',
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

  beforeEach(async () => {
    page = await browser.newPage();
  });

  afterEach(() => page.close());

  afterAll(() => browser.close());

  const click = (name: string): Promise<void> => page.getByRole('button', { name }).click();
  const sees = (text: string): Promise<void> => page.getByText(text).last().waitFor();

  it('signs in, steps up at the provider, survives a new key, and signs out there', async () => {
    await page.goto(example.api);
    await click('Sign in at the provider');
    await page.getByLabel('Account').fill('<i>grace</i> & "co"');
    await click('Sign in');
    await sees('Signed in as <i>grace</i> & "co", with pwd.');

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

  it('gets no session if the code is wrong', async () => {
    await page.goto(example.api);
    await click('Sign in at the provider');
    await click('Sign in');
    await click('Send money');
    await page.getByLabel('Code').fill('no');
    await click('Sign in');

    expect(await page.locator('#phone').innerText()).toMatch(/^\d{6}$/);
    expect(new URL(page.url()).origin).toBe(example.issuer);
  });
});
