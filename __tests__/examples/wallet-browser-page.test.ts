/**
 * The page of the example wallet as such: keyboard, names, sizes, Back, reload, an outage, the
 * workbench. With UPDATE_SCREENSHOTS=1 it takes the pictures that the READMEs show.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeWithChromium } from '../support/chromium.js';
import { eventually } from '../support/eventually.js';
import {
  button,
  confirmTotp,
  dialog,
  enrol,
  enterCode,
  gone,
  review,
  sees,
  useBrowserWallet,
} from './wallet-in-browser.js';

const SCREENSHOTS = 'examples/wallet/screenshots';

jest.setTimeout(60_000);

describeWithChromium('The page of the example wallet', () => {
  const kit = useBrowserWallet();

  it('can be used by keyboard alone, with a focus that shows and comes back', async () => {
    const page = await kit.wallet.signIn();
    await enrol(page);
    await button(page, 'Send').focus();
    await page.keyboard.press('Enter');
    await sees(dialog(page, 'Send'));
    await page.getByLabel('Contact or address').focus();
    await page.keyboard.type('Alan Turing');
    await page.keyboard.press('Tab');
    await page.keyboard.type('250');
    await page.keyboard.press('Enter');
    await sees(dialog(page, 'Review'));
    expect(await focused(page)).toEqual(['Approve and send', '3px solid']);

    await page.keyboard.press('Enter');
    await sees(page.getByText('Used already.'));
    kit.wallet.clock.advance(31);
    await sees(page.getByText('For another'));
    await page.keyboard.type((await page.locator('.phone output').textContent()) ?? '');
    await page.keyboard.press('Enter');
    await sees(dialog(page, 'Sent'));
    expect(await focused(page)).toEqual(['Done', '3px solid']);
    await page.keyboard.press('Enter');
    await gone(dialog(page, 'Sent'));
    await eventually(async () => {
      expect(await focused(page)).toEqual(['Send', '3px solid']);
    });

    // The workbench is in use while a dialog is open, and the wallet below it is not.
    await page.keyboard.press('Enter');
    expect(
      await page.locator('#wallet').evaluate((wallet) => (wallet as { inert?: boolean }).inert),
    ).toBe(true);
    await page.locator('#wire summary').first().focus();
    await page.keyboard.press('Enter');
    await sees(page.locator('#wire pre').getByText('idempotency-key:'));
    await page.keyboard.press('Escape');
    await gone(dialog(page, 'Send'));
  });

  it('gives each control a name for screen readers', async () => {
    const page = await kit.wallet.signIn();
    await enrol(page);
    const unnamed: unknown[] = [];
    const look = async () => {
      const devtools = await page.context().newCDPSession(page);
      const { nodes } = await devtools.send('Accessibility.getFullAXTree');
      const isControl = /^(button|link|textbox|checkbox|radio|dialog|progressbar|meter|image)$/i;
      for (const { role, name, ignored } of nodes) {
        if (!ignored && isControl.test(String(role?.value)) && !String(name?.value ?? ''))
          unnamed.push(role?.value);
      }
    };
    await look();
    for (const [open, title] of [
      ['Send', 'Send'],
      ['Receive', 'Receive'],
      ['Sign', 'Sign a message'],
      ['Add a factor', 'Add a factor'],
    ] as const) {
      await button(page, open).click();
      await sees(dialog(page, title));
      await look();
      await page.keyboard.press('Escape');
      await gone(dialog(page, title));
    }
    expect(unnamed).toEqual([]);
  });

  it.each([320, 390, 768, 1280])('fits a window that is %d px wide', async (width) => {
    const context = await kit.wallet.newContext({ viewport: { width, height: 700 } });
    const page = await kit.wallet.open(context);
    const isTooWide = () =>
      page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
    expect(await isTooWide()).toBe(false);
    await enterCode(page);
    expect(await isTooWide()).toBe(false);
    await button(await review(page, '250'), 'Approve and send').click();
    await sees(dialog(page, 'Add a factor'));
    expect(await isTooWide()).toBe(false);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');

    const drawer = button(page, /^Workbench, latest request: POST/);
    if (width < 960) {
      expect(await drawer.getAttribute('aria-expanded')).toBe('false');
      await drawer.click();
      await sees(button(page, 'Let 15 minutes pass'));
      expect(await isTooWide()).toBe(false);
      await page.keyboard.press('Escape');
      await gone(button(page, 'Let 15 minutes pass'));
    } else {
      await sees(button(page, 'Let 15 minutes pass'));
      expect(await drawer.isVisible()).toBe(false);
    }
  });

  it('Back closes a dialog, a reload keeps it, and the session', async () => {
    const page = await kit.wallet.signIn();
    await button(page, 'Receive').click();
    await sees(dialog(page, 'Receive'));
    await page.reload();
    await sees(dialog(page, 'Receive'));
    await page.goBack();
    await gone(dialog(page, 'Receive'));
    await sees(page.getByText('2,403.50 USDC'));
    await page.goForward();
    await button(dialog(page, 'Receive'), 'Close').click();
    await gone(dialog(page, 'Receive'));
    await page.waitForURL((url) => url.hash === '');
  });

  it('says that the wallet cannot be reached for as long as it cannot', async () => {
    const page = await kit.wallet.signIn();
    const banner = page.getByText('The wallet cannot be reached. This page tries again by itself.');
    await page.context().setOffline(true);
    await sees(banner);
    await button(page, 'Sign').click();
    await button(page, 'Sign it').click();
    await sees(page.getByText('The wallet cannot be reached. Try again; nothing goes out twice.'));
    await page.context().setOffline(false);
    await gone(banner);
    await button(page, 'Sign it').click();
    await sees(dialog(page, 'Add a factor'));

    // Nor when the page is opened.
    const late = await page.context().newPage();
    await late.route('**/auth/refresh', (route) => route.abort());
    await late.goto(kit.wallet.origin);
    await sees(late.getByText('The wallet cannot be reached.'));
    await late.unroute('**/auth/refresh');
    await sees(late.getByText('2,403.50 USDC'));
    await gone(late.getByText('The wallet cannot be reached.'));
    await late.close();

    // Nor while the wallet is filled in: nothing of the user before shows.
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await button(page, 'Sign out').click();
    await sees(page.getByText('You are signed out.'));
    await page.route('**/transfers', (route) => route.abort());
    await button(page, 'Send me a code').click();
    await button(page, 'Fill in').click();
    await button(page, 'Sign in').click();
    await sees(banner);
    expect(await page.getByRole('heading', { name: 'Balance' }).isVisible()).toBe(false);
    await page.unroute('**/transfers');
    await sees(page.getByRole('heading', { name: 'Balance' }));
    kit.wallet.expectFaults(/ERR_(INTERNET_DISCONNECTED|FAILED)/);
  });

  it('shows the wire with secrets shortened', async () => {
    const page = await kit.wallet.signIn();
    await enrol(page);
    await button(await review(page, '250'), 'Approve and send').click();
    await sees(dialog(page, 'Approve this transfer'));
    const tokens: string[] = [];
    page.on('request', (request) => tokens.push(request.headers().authorization ?? ''));
    await page.waitForRequest('**/me');
    for (const line of await page.locator('#wire summary').all()) await line.click();
    const shown = await page.locator('#wire').innerText();
    expect(shown).toContain('authorization: Bearer eyJ');
    expect(shown).toMatch(/"challengeId": "\d+\.[\w-]{1,4}….{4} \(\d+ characters\)"/);
    expect(shown).toMatch(/x-mfa-challenge-id: \d+\.[\w-]{1,4}…/);
    expect(shown).toMatch(/"code": "••••••"/);
    expect(shown).not.toMatch(/eyJ[\w-]{20,}|"code": "\d|otpauth:|\d+\.[\w-]{43}/);
    expect(tokens.join()).toMatch(/Bearer eyJ/);
  });

  it('shows the audit trail, and verifies its chain', async () => {
    const page = await kit.wallet.signIn();
    await enrol(page);
    await button(await review(page, '25'), 'Send').click();
    await sees(dialog(page, 'Sent'));
    await page.getByText('Audit trail').click();
    const trail = page.locator('#audit-lines');
    await sees(trail.getByText('wallet.sent'));
    expect(await trail.locator('li').first().innerText()).toMatch(/wallet\.sent\s+25\.00 USDC/);
    await trail.locator('summary').first().click();
    await sees(trail.getByText('"previous":'));
    await button(page, 'Verify the chain').click();
    await sees(page.getByText(/^Intact: \d+ lines, each with the hash/));
  });

  it('moves nothing if motion is unwanted, and follows the colour scheme', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await kit.wallet.signIn(await kit.wallet.newContext({ colorScheme }));
      const [background, moving] = await page.evaluate<[string, number]>(`[
        getComputedStyle(document.documentElement).backgroundColor,
        document.getAnimations().length,
      ]`);
      expect([background, moving]).toEqual([
        colorScheme === 'light' ? 'rgb(244, 246, 250)' : 'rgb(11, 15, 22)',
        0,
      ]);
      await page.context().close();
    }
  });

  it('looks like its screenshots', async () => {
    const size = { viewport: { width: 1280, height: 900 } };
    const light = await kit.wallet.signIn(await kit.wallet.newContext(size));
    await enrol(light);
    await button(await review(light, '250'), 'Approve and send').click();
    await sees(light.getByText('Used already.'));
    kit.wallet.clock.advance(31);
    await sees(light.getByText('For another'));
    await gone(light.locator('#toast'));
    await picture(light, 'wallet');
    await confirmTotp(dialog(light, 'Approve this transfer'));
    await sees(dialog(light, 'Sent'));
    await picture(light, 'receipt');

    const phone = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' } as const;
    const dark = await kit.wallet.signIn(
      await kit.wallet.newContext({ ...phone, deviceScaleFactor: 2 }),
      'grace@example.com',
    );
    await picture(dark, 'phone');
    await button(dark, /^Workbench/).click();
    await sees(button(dark, 'Let 15 minutes pass'));
    await picture(dark, 'phone-workbench');
  });

  /** Text and outline of the focused element. */
  function focused(page: Page): Promise<unknown> {
    return page.evaluate(`(() => {
      const { innerText } = document.activeElement;
      const { outlineWidth, outlineStyle } = getComputedStyle(document.activeElement);
      return [innerText.trim(), outlineWidth + ' ' + outlineStyle];
    })()`);
  }
});

/** Takes the picture, or checks that it exists. */
async function picture(page: Page, name: string): Promise<void> {
  const path = join(SCREENSHOTS, `${name}.png`);
  await page.mouse.move(0, 0);
  if (process.env.UPDATE_SCREENSHOTS === '1') await page.screenshot({ path });
  const [signature, width] = [
    readFileSync(path).subarray(1, 4),
    readFileSync(path).readUInt32BE(16),
  ];
  const scale = await page.evaluate<number>('devicePixelRatio');
  expect([signature.toString(), width]).toEqual(['PNG', (page.viewportSize()?.width ?? 0) * scale]);
}
