/**
 * The example wallet in the machine's Chromium: opened, signed in to, sent with, as users do it.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  Browser,
  BrowserContext,
  BrowserContextOptions,
  Locator,
  Page,
} from 'playwright-core';
import type { TestClock } from 'express-wallet-session/testing';
import { launchChromium } from '../support/chromium.js';
import { createWallet, type Kind } from './wallet-user.js';

/** Refusals are expected; the browser logs each of them to its console. */
const REFUSAL = /status of (401|403|409|410|422|429)/;

export class BrowserWallet {
  readonly clock: TestClock;
  readonly origin: string;
  readonly #browser: Browser;
  readonly #server: Server;
  #faults: string[] = [];

  private constructor(browser: Browser, server: Server, clock: TestClock) {
    this.#browser = browser;
    this.#server = server;
    this.clock = clock;
    this.origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  }

  static async open(browser: Browser): Promise<BrowserWallet> {
    const { app, clock } = await createWallet();
    const server = createServer(app);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new BrowserWallet(browser, server, clock);
  }

  /** @throws if the pages had errors */
  async close(): Promise<void> {
    for (const context of this.#browser.contexts()) await context.close();
    this.#server.closeAllConnections();
    this.#server.close();
    expect(this.#faults).toEqual([]);
  }

  /** Another browser: other cookies, another storage. */
  async newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.#browser.newContext({
      locale: 'en-GB',
      timezoneId: 'UTC',
      reducedMotion: 'reduce',
      ...options,
    });
    context.setDefaultTimeout(20_000);
    return context;
  }

  async open(within?: BrowserContext, path = '/'): Promise<Page> {
    const page = await (within ?? (await this.newContext())).newPage();
    this.watch(page);
    await page.goto(this.origin + path);
    return page;
  }

  watch(page: Page): void {
    page.on('pageerror', (error) => this.#faults.push(error.message));
    page.on('console', (message) => {
      const isFault = message.type() === 'error' && !REFUSAL.test(message.text());
      if (isFault) this.#faults.push(message.text());
    });
  }

  /** Errors that a test has caused itself. */
  expectFaults(pattern: RegExp): void {
    this.#faults = this.#faults.filter((fault) => !pattern.test(fault));
  }

  async signIn(within?: BrowserContext, email?: string, kind: Kind = 'cdp'): Promise<Page> {
    const page = await this.open(within);
    await enterCode(page, email, kind);
    return page;
  }
}

/** Opens one browser for a file, and a wallet for each test. */
export function useBrowserWallet(): { readonly wallet: BrowserWallet } {
  const kit = {} as { browser: Browser; wallet: BrowserWallet };
  beforeAll(async () => {
    kit.browser = await launchChromium();
  }, 60_000);
  afterAll(() => kit.browser.close());
  beforeEach(async () => {
    kit.wallet = await BrowserWallet.open(kit.browser);
  });
  afterEach(() => kit.wallet.close());
  return kit;
}

export function sees(what: Locator): Promise<void> {
  return what.filter({ visible: true }).first().waitFor();
}

export function gone(what: Locator): Promise<void> {
  return what.filter({ visible: true }).first().waitFor({ state: 'hidden' });
}

export const button = (page: Page | Locator, name: string | RegExp): Locator =>
  page.getByRole('button', { name, exact: typeof name === 'string' });

export const dialog = (page: Page, name: string): Locator => page.getByRole('dialog', { name });

/** The requests of the page that the workbench shows, the latest first. */
export function wire(page: Page): Promise<string[]> {
  return page
    .locator('#wire summary')
    .allInnerTexts()
    .then((lines) => lines.map((line) => line.replaceAll(/\s+/g, ' ').trim()));
}

export async function enterCode(
  page: Page,
  email = 'ada@example.com',
  kind: Kind = 'cdp',
): Promise<void> {
  await page.bringToFront();
  await page.locator(`#kind-${kind}`).check();
  await page.getByLabel('E-mail address').fill(email);
  await button(page, 'Send me a code').click();
  await finishSignIn(page);
}

/** With the code that the demonstration's inbox shows. */
export async function finishSignIn(page: Page): Promise<void> {
  await button(page, 'Fill in').click();
  await button(page, 'Sign in').click();
  await sees(page.getByRole('heading', { name: 'Balance' }));
}

/** Sets up an authenticator app, ahead of any need for it. */
export async function enrol(page: Page): Promise<void> {
  await button(page, 'Add a factor').click();
  await button(page, /^Authenticator app/).click();
  await confirmTotp(dialog(page, 'Add a factor'));
  await gone(dialog(page, 'Add a factor'));
  await sees(button(page, 'Remove authenticator app'));
}

export async function confirmTotp(within: Locator): Promise<void> {
  await sees(within.getByText(/\d{3} \d{3}/));
  await button(within, 'Fill in').click();
  await button(within, 'Confirm').click();
}

/** Writes an order, and asks for its review. */
export async function review(page: Page, amount: string, to = 'Grace Hopper'): Promise<Locator> {
  await button(page, 'Send').click();
  const order = dialog(page, 'Send');
  await order.getByLabel('Contact or address').fill(to);
  await order.getByLabel('Amount in USDC').fill(amount);
  await button(order, 'Review').click();
  return dialog(page, 'Review');
}
