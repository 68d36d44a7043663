/**
 * Money in the example wallet, in a browser: order, review, factor, receipt; what sends once, and
 * what sends nothing.
 */
import { jest } from '@jest/globals';
import { addVirtualAuthenticator, describeWithChromium } from '../support/chromium.js';
import {
  button,
  confirmTotp,
  dialog,
  enrol,
  gone,
  review,
  sees,
  useBrowserWallet,
  wire,
} from './wallet-in-browser.js';

jest.setTimeout(60_000);

describeWithChromium('Money in the example wallet', () => {
  const kit = useBrowserWallet();

  it('up to 100 USDC: reviewed, MFA asked for once, sent, with a receipt', async () => {
    const page = await kit.wallet.signIn();
    let reviewed = await review(page, '100');
    await sees(reviewed.getByText('100.00 USDC', { exact: true }));
    await sees(reviewed.getByText('MFA of the last 5 minutes is enough.'));
    await button(reviewed, 'Send').click();

    // The first factor is set up on the way.
    await button(page, /^Authenticator app/).click();
    const setUp = dialog(page, 'Add a factor');
    await sees(setUp.getByRole('img', { name: 'QR code for your authenticator app' }));
    await setUp.getByLabel('Code from your authenticator app').fill('000 000');
    await button(setUp, 'Confirm').click();
    await sees(setUp.getByRole('alert').getByText('That code is not right.'));
    await confirmTotp(setUp);

    const receipt = dialog(page, 'Sent');
    await sees(receipt.getByText(/^MFA, authenticator app, /));
    await button(receipt, 'Done').click();
    await sees(page.getByText('2,303.50 USDC'));

    reviewed = await review(page, '1.5');
    await button(reviewed, 'Send').click();
    await sees(receipt.getByText('1.50 USDC'));
    await button(receipt, 'Done').click();
    await sees(page.getByText('2,302.00 USDC'));
    await page.getByText('−1.50 USDC').click();
    await sees(page.locator('.history').getByText(/^MFA, authenticator app, /));
    expect((await wire(page)).slice(0, 8)).toEqual([
      'POST /transfers → 201 admitted by MFA',
      'POST /transfers/review → 200',
      'POST /transfers → 201 admitted by MFA',
      'POST /factors/totp/confirm → 200',
      'POST /factors/totp/confirm → 422 mfa_invalid_code · start_over',
      'POST /factors/totp → 201',
      'POST /transfers → 403 mfa_not_enrolled · enroll_mfa',
      'POST /transfers/review → 200',
    ]);
  });

  it('above 100 USDC: a wrong code voids its challenge, the next one sends, once', async () => {
    const page = await kit.wallet.signIn();
    await enrol(page);
    const reviewed = await review(page, '1234.5');
    await sees(reviewed.getByText('1,234.50 USDC'));
    await sees(reviewed.getByText('you approve this very transfer'));
    await button(reviewed, 'Approve and send').click();

    const approval = dialog(page, 'Approve this transfer');
    await sees(approval.getByText('1,234.50 USDC'));
    await sees(approval.getByText('Grace Hopper'));
    await sees(approval.getByText(/^0x[\da-f]{40}$/));
    await approval.getByLabel('Code from your authenticator app').fill('000000');
    await button(approval, 'Confirm').click();
    await sees(approval.getByText('this one is void'));
    kit.wallet.clock.advance(31);
    await button(approval, 'Ask for a new challenge').click();
    await sees(approval.getByText('For another'));
    await confirmTotp(approval);

    const receipt = dialog(page, 'Sent');
    await sees(receipt.getByText(/^Approval, authenticator app, Mon, 5 Jan 2026, 12:00:31$/));
    await sees(receipt.getByText(/^\d+\.[\w-]{43}$/));
    await sees(receipt.getByText(/^[\w-]{43}$/));
    await button(receipt, 'Done').click();
    await sees(page.getByText('1,169.00 USDC'));
    expect((await wire(page)).map((line) => line.replace(/\/\d+\..*?…/, '/ID'))).toMatchObject([
      'POST /transfers → 201 admitted by its approval',
      'POST /approvals/ID/totp → 200',
      'POST /transfers → 403 mfa_required · approve_request · expires in 5 min',
      'POST /approvals/ID/totp → 422 mfa_invalid_code · start_over',
      'POST /transfers → 403 mfa_required · approve_request · expires in 5 min',
      'POST /transfers/review → 200',
      'POST /factors/totp/confirm → 200',
      ...Array.from({ length: 4 }, () => expect.any(String) as string),
    ]);

    // The next one needs its own, and sends nothing without.
    await button(await review(page, '250'), 'Approve and send').click();
    await sees(approval);
    await page.keyboard.press('Escape');
    await sees(page.getByText('Not confirmed, so nothing was sent.'));
    await sees(page.getByText('1,169.00 USDC'));
  });

  it('a passkey is added, approves by its signature, verifies MFA, and is removed', async () => {
    const page = await kit.wallet.open();
    await addVirtualAuthenticator(page);
    await button(page, 'Send me a code').click();
    await button(page, 'Fill in').click();
    await button(page, 'Sign in').click();
    await button(await review(page, '250'), 'Approve and send').click();
    await button(page, /^Passkey/).click();
    await button(dialog(page, 'Approve this transfer'), 'Use your passkey').click();
    await sees(dialog(page, 'Sent').getByText(/^Approval, passkey, /));
    await button(page, 'Done').click();

    await button(page, 'Let MFA run out').click();
    await sees(page.getByText('MFA of the last 5 min: asks'));
    await button(await review(page, '1'), 'Send').click();
    await button(dialog(page, 'Confirm that it is you'), 'Use your passkey').click();
    await sees(dialog(page, 'Sent').getByText(/^MFA, passkey, /));
    await button(page, 'Done').click();

    await button(page, 'Remove passkey').click();
    await sees(page.getByText('Passkey removed.'));
    await sees(page.getByText('None yet. Sending and signing need one'));
  });

  it('five wrong codes lock the account for five minutes, and time unlocks it', async () => {
    const page = await kit.wallet.signIn();
    await enrol(page);
    await button(page, 'Let MFA run out').click();
    await sees(page.getByText('MFA of the last 5 min: asks'));
    await button(await review(page, '10'), 'Send').click();
    const confirm = dialog(page, 'Confirm that it is you');
    const code = confirm.getByLabel('Code from your authenticator app');
    for (let wrong = 0; wrong < 5; wrong += 1) {
      await code.fill(`00000${wrong}`);
      await button(confirm, 'Confirm').click();
      await sees(confirm.getByText('That code is not right.'));
    }
    await code.fill('000009');
    await button(confirm, 'Confirm').click();
    await sees(confirm.getByText('Too many wrong codes. Try again in 5 minutes.'));
    expect((await wire(page))[0]).toBe('POST /mfa/totp → 429 rate_limit_exceeded');

    const shown = (await page.locator('.phone output').textContent()) ?? '';
    await button(page, 'Let 15 minutes pass').click();
    await sees(page.getByText('15 minutes passed.'));
    await gone(confirm.getByText(shown));
    await confirmTotp(confirm);
    await sees(dialog(page, 'Sent'));
  });

  it('nobody is asked for MFA for an order that cannot be carried out', async () => {
    const page = await kit.wallet.signIn();
    await review(page, '9000');
    const order = dialog(page, 'Send');
    await sees(order.getByText('You have 2,403.50 USDC, which is less than 9,000.00 USDC.'));
    await order.getByLabel('Amount in USDC').fill('7x');
    expect(await order.getByRole('alert').getByText('You have').count()).toBe(0);
    await button(order, 'Review').click();
    await sees(order.getByText('Give an amount such as 25 or 25.50.'));
    await order.getByLabel('Amount in USDC').fill('7');
    await order.getByLabel('Contact or address').fill('0x12');
    await button(order, 'Review').click();
    await sees(order.getByText('Choose a contact, or give an address'));
    expect((await wire(page)).filter((line) => !line.includes('/review'))).toHaveLength(3);
  });

  it('two clicks send once, and so does a click after an answer that was lost', async () => {
    const page = await kit.wallet.signIn();
    await enrol(page);
    let reviewed = await review(page, '10');
    await button(reviewed, 'Send').dblclick({ delay: 20 });
    await sees(dialog(page, 'Sent'));
    await button(page, 'Done').click();
    await sees(page.getByText('2,393.50 USDC'));

    reviewed = await review(page, '20');
    await page.route('**/transfers', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      await route.fetch();
      await route.abort();
    });
    await button(reviewed, 'Send').click();
    await sees(reviewed.getByText('nothing goes out twice'));
    await page.unroute('**/transfers');
    await button(reviewed, 'Send').click();
    await sees(dialog(page, 'Sent before, and only once').getByText('20.00 USDC'));
    await button(page, 'Done').click();
    await sees(page.getByText('2,373.50 USDC'));
    await gone(page.getByText('The wallet cannot be reached.'));
    kit.wallet.expectFaults(/ERR_FAILED/);
  });

  it('a user is paid by another one, at the address that was copied', async () => {
    const grace = await kit.wallet.signIn(
      await kit.wallet.newContext({ permissions: ['clipboard-read', 'clipboard-write'] }),
      'grace@example.com',
    );
    await button(grace, 'Receive').click();
    await sees(grace.getByRole('img', { name: 'QR code of your address' }));
    await button(grace, 'Copy the address').click();
    await sees(grace.getByText('Address copied.'));
    const address = await grace.evaluate<string>('navigator.clipboard.readText()');
    await button(grace, 'Close').click();

    const ada = await kit.wallet.signIn();
    await enrol(ada);
    const reviewed = await review(ada, '99', address);
    await sees(reviewed.getByText('An address that is not among your contacts'));
    await button(reviewed, 'Send').click();
    await sees(dialog(ada, 'Sent'));
    await sees(grace.getByText('2,502.50 USDC'));
    await sees(grace.getByText('+99.00 USDC'));
  });
});
