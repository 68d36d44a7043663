/**
 * Sessions in the example wallet, in a browser: seven days of them, several tabs, devices and users,
 * with both kinds of authentication.
 */
import { jest } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { describeWithChromium } from '../support/chromium.js';
import {
  button,
  confirmTotp,
  dialog,
  enrol,
  enterCode,
  finishSignIn,
  gone,
  review,
  sees,
  useBrowserWallet,
  wire,
} from './wallet-in-browser.js';

jest.setTimeout(60_000);

describeWithChromium('Sessions in the example wallet', () => {
  const kit = useBrowserWallet();
  let context: BrowserContext;

  beforeEach(async () => {
    context = await kit.wallet.newContext();
  });

  async function another(page: Page, link: string): Promise<Page> {
    const [tab] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('link', { name: link }).click(),
    ]);
    kit.wallet.watch(tab);
    return tab;
  }

  it('five wrong sign-in codes void the code, and a new one signs in', async () => {
    const page = await kit.wallet.open(context);
    await button(page, 'Send me a code').click();
    const code = page.getByLabel('Code from the e-mail');
    for (let wrong = 1; wrong < 5; wrong += 1) {
      await code.fill(String(wrong));
      await button(page, 'Sign in').click();
      await sees(page.getByText('That code is not right, or no longer valid.'));
    }
    await code.fill('5');
    await button(page, 'Sign in').click();
    await sees(page.getByText('Five wrong codes: this code is void. Ask for a new one.'));
    await gone(page.getByText('Your inbox shows'));
    await gone(code);
    await button(page, 'Send a new code').click();
    await gone(page.getByText('Five wrong codes'));
    await finishSignIn(page);
  });

  it('15 minutes pass unnoticed: the token is renewed, and MFA carried over', async () => {
    const page = await kit.wallet.signIn(context);
    await enrol(page);
    await sees(page.getByText(/MFA of the last 30 min: (30 min|29 min \d+ sec) left/));
    await button(page, 'Let 15 minutes pass').click();
    await sees(page.getByText(/MFA of the last 30 min: 14 min \d+ sec left/));
    await sees(page.getByText('MFA of the last 5 min: asks'));

    await button(page, 'Sign').click();
    await button(page, 'Sign it').click();
    await sees(dialog(page, 'Signed').getByText(/^0x[\da-f]{128}$/));
    await button(page, 'Done').click();
    const lines = await wire(page);
    expect(lines.slice(0, 2)).toEqual(['POST /signatures → 201', 'POST /cdp/auth/refresh → 200']);
    expect(lines.filter((line) => line.includes('token_expired'))).not.toEqual([]);
    // The first reads with the new token bring the old one.
    await page.getByLabel('Reads too').check();
    await sees(page.locator('#wire').getByText('brings the previous token'));
  });

  it('MFA runs out, and the next transfer asks again', async () => {
    const page = await kit.wallet.signIn(context);
    await enrol(page);
    await button(page, 'Let MFA run out').click();
    await sees(page.getByText('The MFA session ran out.'));
    await sees(page.getByText('MFA of the last 30 min: asks'));
    await button(await review(page, '1'), 'Send').click();
    const confirm = dialog(page, 'Confirm that it is you');
    await sees(confirm.getByText('MFA was verified too long ago.'));
    await page.keyboard.press('Escape');
    await sees(page.getByText('Not confirmed, so nothing was sent.'));
    await button(dialog(page, 'Review'), 'Send').click();
    await confirmTotp(confirm);
    await sees(dialog(page, 'Sent'));
  });

  it('the last day warns, and "Sign in again" is for the same user, after a reload too', async () => {
    const page = await kit.wallet.signIn(context, 'grace@example.com');
    await button(page, 'The session’s last day').click();
    await sees(page.getByRole('alert').getByText('Your session ends in 23 hours.'));
    await page.reload();
    await sees(page.getByRole('alert').getByText('Your session ends in 23 hours.'));
    await button(page, 'Sign in again').click();
    await sees(page.getByText('A code is on its way to grace@example.com.'));
    await finishSignIn(page);
    await sees(page.getByText(/^(7 days 0 hr|6 days 23 hr); no refresh moves it/));
    await sees(page.getByText('grace@example.com'));
    await gone(page.getByText('Your session ends in'));
  });

  it('7 days pass, and a new sign-in is demanded, which says why', async () => {
    const page = await kit.wallet.signIn(context);
    await button(page, 'Let 7 days pass').click();
    await sees(page.getByText('Your session has reached its 7 days.'));
    expect(await page.getByLabel('E-mail address').inputValue()).toBe('ada@example.com');
    await enterCode(page);
    await sees(page.getByText('2,403.50 USDC'));
  });

  it('CDP: a tab has MFA of its own, and cannot approve what another one asked for', async () => {
    const page = await kit.wallet.signIn(context);
    await enrol(page);
    const tab = await another(page, 'Another tab');
    await sees(tab.getByText('MFA of the last 5 min: asks'));
    await page.bringToFront();
    await button(await review(page, '250'), 'Approve and send').click();
    await sees(dialog(page, 'Approve this transfer'));

    await tab.bringToFront();
    await sees(tab.getByText('the API will refuse it here'));
    await button(tab, 'Try to approve it here').click();
    const attempt = dialog(tab, 'Approve this transfer');
    await button(attempt, 'Skip the wait').click();
    await confirmTotp(attempt);
    await sees(attempt.getByText('This challenge is no longer open here.'));
    expect((await wire(tab))[0]).toMatch(/totp → 410 mfa_flow_expired · start_over$/);

    await page.bringToFront();
    await confirmTotp(dialog(page, 'Approve this transfer'));
    await sees(dialog(page, 'Sent'));
  });

  it('custom: tabs share MFA, and another device approves what was asked for here', async () => {
    const page = await kit.wallet.signIn(context, 'grace@example.com', 'custom');
    await enrol(page);
    await sees(page.getByText('MFA belongs to the user, on every device.'));
    const tab = await another(page, 'Another tab');
    await sees(tab.getByText(/MFA of the last 5 min: \d/));
    await tab.close();

    const phone = await another(page, 'Another device');
    await sees(phone.getByText('Second device'));
    await button(phone, 'Send me a code').click();
    await sees(phone.getByText('A code is on its way to grace@example.com.'));
    await finishSignIn(phone);
    await page.bringToFront();
    await button(await review(page, '250'), 'Approve and send').click();
    await sees(page.getByText('Or approve it on another device of yours.'));

    await phone.bringToFront();
    await sees(phone.getByText('MFA is shared by your devices'));
    kit.wallet.clock.advance(31);
    await button(phone, 'Review and approve').click();
    const approval = dialog(phone, 'Approve this transfer');
    await sees(approval.getByText('250.00 USDC'));
    await gone(approval.getByText('This page is waiting.'));
    await confirmTotp(approval);
    await sees(phone.getByText('The other page sends it now.'));
    await page.bringToFront();
    await sees(dialog(page, 'Sent').getByText(/^Approval, authenticator app, /));
    await gone(phone.getByText('Waiting for an approval'));
  });

  it('tabs are signed out together, other browsers are not; or everywhere, when confirmed', async () => {
    const [page, tab] = [await kit.wallet.signIn(context), await kit.wallet.open(context)];
    const elsewhere = await kit.wallet.signIn();
    await sees(tab.getByRole('heading', { name: 'Balance' }));
    await page.bringToFront();
    await button(page, 'Sign out').click();
    await sees(page.getByText('You are signed out.'));
    await sees(tab.getByText('You signed out in another tab.'));
    await page.reload();
    await sees(page.getByRole('heading', { name: 'Sign in to your wallet' }));

    await enterCode(page);
    await button(page, 'Sign out everywhere').click();
    const confirm = dialog(page, 'Sign out everywhere?');
    await button(confirm, 'Stay signed in').click();
    await gone(confirm);
    await sees(elsewhere.getByText('2,403.50 USDC'));
    await button(page, 'Sign out everywhere').click();
    await button(confirm, 'Sign out everywhere').click();
    await sees(page.getByText('You are signed out in every tab and on every device.'));
    await sees(elsewhere.getByText('You were signed out. Sign in to go on.'));
  });

  it('two users in one browser: the tab of the first one says that it is over', async () => {
    const page = await kit.wallet.signIn(context);
    const tab = await kit.wallet.open(context);
    await button(tab, 'Sign out').click();
    await sees(tab.getByRole('heading', { name: 'Sign in to your wallet' }));
    await sees(page.getByText('You signed out in another tab.'));
    await enterCode(page);

    // The second one signs in over the first one's cookie, without a sign-out.
    await tab.route('**/auth/refresh', (route) => route.fulfill({ status: 401, json: {} }));
    await tab.reload();
    await sees(tab.getByRole('heading', { name: 'Sign in to your wallet' }));
    await tab.unroute('**/auth/refresh');
    await enterCode(tab, 'grace@example.com');
    await page.bringToFront();
    await button(page, 'Let 15 minutes pass').click();
    await sees(page.getByText('Another user signed in, in another tab of this browser.'));
    await sees(tab.getByText('grace@example.com'));
  });

  it('the factors are reset by the help desk, and the next transfer sets up a new one', async () => {
    const page = await kit.wallet.signIn(context);
    await enrol(page);
    await button(page, 'Reset the factors').click();
    await sees(page.getByText('The help desk removed all factors.'));
    await sees(page.getByText('None yet. Sending and signing need one'));
    await button(await review(page, '1'), 'Send').click();
    await sees(dialog(page, 'Add a factor').getByText('you have none yet'));
    await button(dialog(page, 'Add a factor'), 'Cancel').click();
    await sees(page.getByText('Not confirmed, so nothing was sent.'));
  });
});
