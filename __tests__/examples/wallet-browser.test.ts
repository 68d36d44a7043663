/**
 * The example wallet in a real browser: the whole life of a session as a user meets it. With
 * UPDATE_SCREENSHOTS=1 it takes the pictures that the READMEs show.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from 'playwright-core';
import { createTestClock, type TestClock } from 'express-wallet-session/testing';
import { createWalletApp } from '../../examples/wallet/app.js';
import { createWalletIssuer } from '../../examples/wallet/issuer.js';
import { describeWithChromium, launchChromium } from '../support/chromium.js';

const SCREENSHOTS = 'examples/wallet/screenshots';

jest.setTimeout(60_000);

describeWithChromium('The example wallet in a browser', () => {
  let browser: Browser;
  let clock: TestClock;
  let server: Server;
  let origin: string;
  let context: BrowserContext;
  /** Errors of the page. */
  let faults: string[];

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    clock = createTestClock();
    faults = [];
    server = createServer(createWalletApp({ issuer: await createWalletIssuer(clock), clock }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    context = await newContext();
  });

  afterEach(async () => {
    for (const opened of browser.contexts()) await opened.close();
    server.closeAllConnections();
    server.close();
    expect(faults).toEqual([]);
  });

  it('signs in with a one-time code that the page shows', async () => {
    const page = await open();
    await page.getByLabel('E-mail address').fill('ada@example.com');
    await page.getByRole('button', { name: 'Send me a code' }).click();
    await page.getByLabel('Code from the e-mail').fill('1');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await sees(page.getByRole('alert').getByText('That code is not right, or no longer valid.'));

    await page.getByRole('button', { name: 'Fill in' }).click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await sees(page.getByRole('heading', { name: 'Balance' }));
    await sees(page.getByText('2,403.50'));
    await sees(page.getByRole('listitem').filter({ hasText: 'Northwind Ltd' }));
    await sees(page.getByText('ada@example.com'));
    await sees(page.getByText('No authenticator app yet'));
  });

  it('sends money after setting up an authenticator app, and asks for no second code', async () => {
    const page = await signIn();
    await page.getByLabel('Amount in USDC').fill('100');
    await page.getByRole('button', { name: 'Send' }).click();
    const dialog = page.getByRole('dialog', { name: 'Set up your authenticator app' });
    await sees(dialog.getByRole('img', { name: 'QR code for your authenticator app' }));
    await dialog.getByLabel('Code from your authenticator app').fill('000 000');
    await dialog.getByRole('button', { name: 'Confirm' }).click();
    await sees(dialog.getByRole('alert').getByText('That code is not right.'));
    await confirm(dialog);

    await sees(page.getByText('100.00 USDC sent to Grace Hopper.'));
    await sees(page.getByText('2,303.50'));
    await sees(page.getByText('verified until 12:30'));

    await send(page);
    await sees(page.getByText('2,203.50'));
  });

  it('goes on for 15 minutes without an interruption, and carries MFA over', async () => {
    const page = await signIn();
    await enrol(page);
    const firstToken = await tokenSentBy(page);

    await page.getByRole('button', { name: 'Let 15 minutes pass' }).click();
    await sees(page.getByText('The access token was renewed by itself.'));
    await sees(page.getByText('The MFA session moved to the new access token.'));
    await sees(page.getByText('verified until 12:30'));
    expect(await tokenSentBy(page)).not.toBe(firstToken);

    await page.getByRole('button', { name: 'Sign', exact: true }).click();
    await sees(page.getByText(/^Signed: 0x[\da-f]{128}$/));
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('asks for a code once more when the MFA session has run out, and sends nothing without', async () => {
    const page = await signIn();
    await enrol(page);
    await page.getByRole('button', { name: 'Let the MFA session run out' }).click();
    await sees(page.getByText('The MFA session is over. The next protected operation asks again.'));
    await sees(page.getByText('not verified in this tab'));

    await send(page);
    const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
    await sees(dialog.getByText('This needs one from the last 5 minutes.'));
    await page.keyboard.press('Escape');
    await sees(page.getByText('Not confirmed, so nothing was done.'));
    await sees(page.getByText('2,403.50'));

    await send(page);
    await confirm(dialog);
    await sees(page.getByText('25.00 USDC sent to Grace Hopper.'));
  });

  it('asks for a code of its own in another tab, and the first one stays verified', async () => {
    const page = await signIn();
    await enrol(page);
    const [tab] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('link', { name: 'Open another tab' }).click(),
    ]);
    watch(tab);
    await sees(tab.getByText('not verified in this tab'));

    await send(tab);
    const dialog = tab.getByRole('dialog', { name: 'Confirm that it is you' });
    await sees(dialog.getByText('It was used already.'));
    await confirm(dialog);
    await sees(dialog.getByRole('alert').getByText('That code was used already.'));
    clock.advance(30);
    await sees(dialog.getByText('For another 30 s.'));
    await confirm(dialog);
    await sees(tab.getByText('25.00 USDC sent to Grace Hopper.'));

    await send(page);
    await sees(page.getByText('25.00 USDC sent to Grace Hopper.'));
  });

  it('keeps two tabs signed in for 7 days, on one refresh token', async () => {
    const pages = [await signIn(), await open()];
    for (const day of ['Wed 7 Jan', 'Fri 9 Jan', 'Sun 11 Jan']) {
      clock.advance(2 * 86_400);
      await pages[0]?.bringToFront();
      await pages[0]?.getByRole('button', { name: 'Let 15 minutes pass' }).click();
      for (const page of pages) {
        await sees(page.getByText(`About this tab, on ${day}`));
        await sees(page.getByText('expires in').first());
      }
    }
    for (const page of pages) await sees(page.getByText('Your session ends in 23 hours.'));
  });

  it('warns on the last day, and a new sign-in ends the warning', async () => {
    const page = await signIn();
    const warning = page.getByRole('alert').getByText(/Your session ends in 23 hours\./);
    expect(await warning.count()).toBe(0);
    await page.getByRole('button', { name: 'Go to the session’s last day' }).click();
    await sees(warning);

    await page.getByRole('button', { name: 'Sign in again' }).click();
    await sees(page.getByText('Sign in to start a new session of 7 days.'));
    await enterCode(page);
    await sees(page.getByText('ends in 7 days 0 hr'));
    expect(await warning.count()).toBe(0);
  });

  it('demands a new sign-in after 7 days, and says why', async () => {
    const page = await signIn();
    await page.getByRole('button', { name: 'Let 7 days pass' }).click();
    await sees(page.getByText('Your session has reached its 7 days.'));
    await enterCode(page);
    await sees(page.getByText('2,403.50'));
  });

  it('signs out all tabs of a browser, and no other browser', async () => {
    const [page, tab] = [await signIn(), await open()];
    const elsewhere = await signIn(await newContext());
    await sees(tab.getByRole('heading', { name: 'Balance' }));
    await page.bringToFront();
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await sees(page.getByText('You are signed out.'));
    await sees(tab.getByText('You signed out in another tab.'));

    await page.reload();
    await sees(page.getByRole('heading', { name: 'Sign in to your wallet' }));
    await send(elsewhere);
    await sees(elsewhere.getByRole('dialog'));
  });

  it('signs out everywhere: this tab, others, and other browsers', async () => {
    const [page, tab] = [await signIn(), await open()];
    const elsewhere = await signIn(await newContext());
    await sees(tab.getByRole('heading', { name: 'Balance' }));
    await page.bringToFront();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await sees(page.getByText('You are signed out in every tab and on every device.'));
    await sees(tab.getByText('You were signed out. Sign in to go on.'));
    await sees(elsewhere.getByText('You were signed out. Sign in to go on.'));

    clock.advance(1);
    await enterCode(page);
    await sees(page.getByText('2,403.50'));
  });

  it('can be used by keyboard alone, with a focus that shows', async () => {
    const page = await signIn();
    await enrol(page);
    clock.advance(300);
    await page.getByLabel('To', { exact: true }).focus();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('Alan');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toEqual(['Send', '3px solid']);

    await page.keyboard.press('Enter');
    await sees(page.getByRole('dialog'));
    await page.keyboard.press('Escape');
    await sees(page.getByText('Not confirmed, so nothing was done.'));
    expect(await focused(page)).toEqual(['Send', '3px solid']);

    await page.keyboard.press('Enter');
    await sees(page.getByText('For another'));
    await page.keyboard.type((await page.locator('#phone-code').textContent()) ?? '');
    await page.keyboard.press('Enter');
    await sees(page.getByText('25.00 USDC sent to Alan.'));
  });

  it.each([320, 390, 768, 1280])('fits a window that is %d px wide', async (width) => {
    const page = await open(await newContext({ viewport: { width, height: 700 } }));
    const isTooWide = () =>
      page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
    expect(await isTooWide()).toBe(false);
    await enterCode(page);
    await sees(page.getByRole('heading', { name: 'Balance' }));
    expect(await isTooWide()).toBe(false);
    await send(page);
    await sees(page.getByRole('dialog'));
    expect(await isTooWide()).toBe(false);
  });

  it('shows that the server is gone', async () => {
    const page = await signIn();
    server.closeAllConnections();
    server.close();
    await send(page);
    await sees(page.getByText('The wallet cannot be reached.').first());
    // Open connections are reset.
    faults = faults.filter((fault) => !/ERR_CONNECTION_(REFUSED|RESET)/.test(fault));
  });

  it('shows that the server is gone before the wallet is filled in', async () => {
    const page = await open(context);
    await page.route('**/transfers', (route) => route.abort());
    await enterCode(page);
    await sees(page.locator('#log').getByText('The wallet cannot be reached.'));
    faults = faults.filter((fault) => !fault.includes('ERR_FAILED'));
  });

  it('looks like its screenshots', async () => {
    const light = await open(await newContext({ viewport: { width: 1280, height: 1080 } }));
    await enterCode(light);
    await enrol(light);
    await send(light);
    await sees(light.getByText('25.00 USDC sent'));
    await light.getByRole('button', { name: 'Let 15 minutes pass' }).click();
    await sees(light.getByText('The MFA session moved'));
    await light.mouse.move(0, 0);
    await picture(light, 'wallet');
    await light.getByRole('button', { name: 'Go to the session’s last day' }).click();
    await sees(light.getByText('Your session ends in'));
    await light.mouse.move(0, 0);
    await picture(light, 'session-ending');

    const phone = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' } as const;
    const dark = await open(await newContext({ ...phone, deviceScaleFactor: 2 }));
    await enterCode(dark, 'grace@example.com');
    await picture(dark, 'phone');
    await send(dark);
    await sees(dark.getByRole('dialog'));
    await picture(dark, 'phone-mfa');
  });

  // ------------------------------------------------------------------ actions of users

  async function newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const opened = await browser.newContext({
      locale: 'en-GB',
      timezoneId: 'UTC',
      reducedMotion: 'reduce',
      ...options,
    });
    opened.setDefaultTimeout(10_000);
    return opened;
  }

  async function open(within: BrowserContext = context): Promise<Page> {
    const page = await within.newPage();
    watch(page);
    await page.goto(origin);
    return page;
  }

  function watch(page: Page): void {
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      // Refusals are expected; the browser logs each of them to its console.
      const isRefusal = /status of (401|403|422|429)/.test(message.text());
      if (message.type() === 'error' && !isRefusal) faults.push(message.text());
    });
  }

  async function signIn(within: BrowserContext = context): Promise<Page> {
    const page = await open(within);
    await enterCode(page);
    await sees(page.getByRole('heading', { name: 'Balance' }));
    return page;
  }

  async function enterCode(page: Page, email = 'ada@example.com'): Promise<void> {
    await page.bringToFront();
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Send me a code' }).click();
    await page.getByRole('button', { name: 'Fill in' }).click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await sees(page.getByText('You signed in.'));
  }

  async function enrol(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Set up authenticator app' }).click();
    await confirm(page.getByRole('dialog'));
    await sees(page.getByText('Your authenticator app is set up'));
  }

  async function confirm(dialog: Locator): Promise<void> {
    await sees(dialog.getByText(/\d{3} \d{3}/));
    await dialog.getByRole('button', { name: 'Fill in' }).click();
    await dialog.getByRole('button', { name: 'Confirm' }).click();
  }

  function send(page: Page): Promise<void> {
    return page.getByRole('button', { name: 'Send', exact: true }).click();
  }

  async function tokenSentBy(page: Page): Promise<string | undefined> {
    const request = await page.waitForRequest('**/me');
    return request.headers().authorization;
  }

  /** Text and outline of the focused element. */
  function focused(page: Page): Promise<unknown> {
    return page.evaluate(`(() => {
      const { textContent } = document.activeElement;
      const { outlineWidth, outlineStyle } = getComputedStyle(document.activeElement);
      return [textContent, outlineWidth + ' ' + outlineStyle];
    })()`);
  }
});

function sees(what: Locator): Promise<void> {
  return what.waitFor({ state: 'visible' });
}

/** Takes the picture, or checks that it exists. */
async function picture(page: Page, name: string): Promise<void> {
  const path = join(SCREENSHOTS, `${name}.png`);
  if (process.env.UPDATE_SCREENSHOTS === '1') await page.screenshot({ path });
  const [signature, width] = [
    readFileSync(path).subarray(1, 4),
    readFileSync(path).readUInt32BE(16),
  ];
  const scale = await page.evaluate<number>('devicePixelRatio');
  expect([signature.toString(), width]).toEqual(['PNG', (page.viewportSize()?.width ?? 0) * scale]);
}
