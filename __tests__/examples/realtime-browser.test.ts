/**
 * The page of the realtime example in a real browser: tokens, tabs, renewals and ends.
 */
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { createRealtimeServer } from '../../examples/realtime/app.js';
import { createIdentity } from '../../examples/realtime/identity.js';
import { createMovableClock } from '../../examples/wallet/clock.js';
import { describeWithChromium, launchChromium } from '../support/chromium.js';
import { listen, type Listening } from '../support/listen.js';

describeWithChromium('The realtime example in a browser', () => {
  let browser: Browser;
  let context: BrowserContext;
  let server: Listening;
  let faults: string[];
  /** Addresses of all requests and sockets. */
  let addresses: string[];

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    // It runs, because the page compares it with the browser's.
    const clock = createMovableClock();
    server = await listen(createRealtimeServer({ identity: await createIdentity(clock), clock }));
    context = await browser.newContext();
    faults = [];
    addresses = [];
  });

  afterEach(async () => {
    await context.close();
    await server.close();
    expect(faults).toEqual([]);
  });

  it('shows a live balance and a feed, and the same in a second tab', async () => {
    const [first, second] = [await signIn(), await openTab()];
    await sees(second.getByText('1000.00'));
    await sees(second.getByText('open').nth(1));
    await first.getByRole('button', { name: 'Receive 5 USDC' }).click();
    for (const page of [first, second]) {
      await sees(page.getByText('1005.00'));
      await sees(page.getByRole('listitem').getByText('5.00 USDC, Grace Hopper'));
    }
  });

  it.each(['WebSocket message', 'GraphQL mutation'])(
    'sends money by %s after setting up an authenticator app',
    async (transport) => {
      const page = await signIn();
      await page.getByLabel(transport).check();
      await page.getByRole('button', { name: 'Send', exact: true }).click();
      await confirm(page, 'Set up your authenticator app');
      await sees(page.getByText('25.00 USDC sent to Grace.'));
      await sees(page.getByText('975.00'));
      await sees(page.getByText('Refused: mfa_not_enrolled, enroll_mfa.'));
    },
  );

  it('renews the token in a message: the socket stays open, and MFA with it', async () => {
    const page = await signIn();
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await confirm(page, 'Set up your authenticator app');
    await sees(page.getByText('975.00'));
    await page.getByRole('button', { name: 'Let 14 minutes pass' }).click();
    await sees(page.getByText('The access token was renewed in a message'));
    await sees(page.getByText(/expires in 14:\d\d/));
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await sees(page.getByText('950.00'));
    await sees(page.getByText('open').nth(1));
    expect(await page.getByText('was closed').count()).toBe(0);
  });

  it.each(['First message', 'Ticket, for one use'])(
    'connects again with a fresh token, sent as: %s',
    async (how) => {
      const page = await signIn();
      await page.getByLabel(how).check();
      await sees(page.getByText('open').nth(1));
      await page.getByRole('button', { name: 'Let 20 minutes pass' }).click();
      await sees(page.getByText('was closed: token_expired. The access token expired'));
      await sees(page.getByText('The page got a fresh token and connects again.'));
      await sees(page.getByText('open').nth(1));
      await page.getByRole('button', { name: 'Receive 5 USDC' }).click();
      await sees(page.getByRole('listitem').getByText('5.00 USDC, Grace Hopper'));
      expect(addresses.filter((address) => address.includes('eyJ'))).toEqual([]);
      expect(addresses.some((address) => address.includes('/live?ticket='))).toBe(
        how !== 'First message',
      );
    },
  );

  it('signs every tab out within 2 s, and says why in words', async () => {
    const [first, second] = [await signIn(), await openTab()];
    await sees(second.getByText('open').nth(1));
    await first.getByRole('button', { name: 'Sign out everywhere' }).click();
    await second
      .getByText('You signed out everywhere, in this tab or in another one.')
      .first()
      .waitFor({ timeout: 2000 });
    await sees(second.getByRole('heading', { name: 'Sign in' }));
    await sees(first.getByText('You signed out everywhere.'));
  });

  it('asks to sign in after 7 days, and says why', async () => {
    const page = await signIn();
    await page.getByRole('button', { name: 'Let 7 days pass' }).click();
    await sees(page.getByRole('heading', { name: 'Sign in' }));
    await sees(page.getByText(/Your session has reached its 7 days|You are signed out/).first());
  });

  it('can be used by keyboard, in the dark, on a narrow screen', async () => {
    const page = await signIn({ colorScheme: 'dark', viewport: { width: 320, height: 640 } });
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(width).toBe(320);
    await page.getByLabel('Amount in USDC').focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Set up your authenticator app' });
    await sees(dialog);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await sees(page.getByText('needs MFA'));
    const dark = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    expect(dark).toBe('rgb(12, 16, 24)');
  });

  it('opens no socket from a page of another origin', async () => {
    const foreign = await listen((_req, res) => res.end('<title>Foreign</title>'));
    try {
      const page = await openTab(foreign.url);
      const closed = await page.evaluate<number>(
        `new Promise((resolve) => {
          const socket = new WebSocket('ws://localhost:${server.port}/live');
          socket.onclose = ({ code }) => resolve(code);
          socket.onopen = () => resolve(0);
        })`,
      );
      expect(closed).toBe(1006);
    } finally {
      await foreign.close();
    }
  });

  async function openTab(url = `http://localhost:${server.port}`): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => addresses.push(request.url()));
    page.on('websocket', (socket) => addresses.push(socket.url()));
    await page.goto(url);
    return page;
  }

  async function signIn(options?: Parameters<Browser['newContext']>[0]): Promise<Page> {
    if (options !== undefined) {
      await context.close();
      context = await browser.newContext(options);
    }
    const page = await openTab();
    await page.getByLabel('E-mail address').fill('ada@example.com');
    await page.getByRole('button', { name: 'Send me a code' }).click();
    await sees(page.getByText(/the e-mail says \d{6}/));
    const code = await page.locator('#email-code').textContent();
    await page.getByLabel('Code from the e-mail').fill(code ?? '');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await sees(page.getByText('1000.00'));
    await sees(page.getByText('open').nth(1));
    return page;
  }

  async function confirm(page: Page, name: string): Promise<void> {
    const dialog = page.getByRole('dialog', { name });
    await sees(dialog.getByText(/shows \d{6}\./));
    const shown = await dialog.getByText(/shows \d{6}\./).textContent();
    await dialog
      .getByLabel('Code from your authenticator app')
      .fill(/\d{6}/.exec(shown ?? '')?.[0] ?? '');
    await dialog.getByRole('button', { name: 'Confirm' }).click();
  }
});

function sees(what: Locator): Promise<void> {
  return what.waitFor({ state: 'visible', timeout: 10_000 });
}
