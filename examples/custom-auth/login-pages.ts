/**
 * The pages on which the provider signs users in: a password, and if the client asks for MFA a
 * one-time code as well. An example: every password is right, and the page shows the code that would
 * have been sent to a phone. Codes cannot be guessed: five wrong ones lock the account for 5 minutes.
 */
import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Provider } from 'oidc-provider';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { escaped, page } from './page.js';
import { MFA_ACR, PASSWORD_ACR } from './provider.js';

export type LoginPages = (
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
) => Promise<void>;

export function createLoginPages(): LoginPages {
  /** The code that each sign-in in flight waits for. */
  const codes = new Map<string, string>();
  // By account and not by sign-in: an attacker begins as many sign-ins as it likes.
  const attempts = new RateLimiterMemory({ points: 5, duration: 300 });

  return async function loginPages(provider, req, res) {
    const { uid, params, session } = await provider.interactionDetails(req, res);
    const { acr_values: acrValues } = params;
    const wantsMfa = typeof acrValues === 'string' && acrValues.split(' ').includes(MFA_ACR);
    const code = codes.get(uid) ?? String(randomInt(1_000_000)).padStart(6, '0');
    if (wantsMfa) codes.set(uid, code);
    const show = (status: number, account: string, complaint?: string): void => {
      res.writeHead(status, {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Security-Policy':
          "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
      });
      res.end(loginPage(account, wantsMfa ? code : undefined, complaint));
    };

    if (req.method !== 'POST') {
      show(200, session?.accountId ?? 'ada');
      return;
    }
    const form = new URLSearchParams(await text(req));
    const accountId = form.get('account')?.trim() ?? '';
    if (accountId === '' || form.get('password') === '') {
      show(422, accountId, 'Type an account and a password.');
      return;
    }
    // Counted before the code is looked at, so that guesses sent at once count too.
    const isAllowed = await attempts.consume(accountId).then(
      () => true,
      () => false,
    );
    if (!isAllowed) {
      show(429, accountId, 'Too many attempts. Try again in 5 minutes.');
      return;
    }
    if (wantsMfa && form.get('code') !== code) {
      show(422, accountId, 'That code is not right.');
      return;
    }
    await attempts.delete(accountId);
    codes.delete(uid);
    await provider.interactionFinished(req, res, {
      login: wantsMfa
        ? { accountId, amr: ['pwd', 'otp'], acr: MFA_ACR }
        : { accountId, amr: ['pwd'], acr: PASSWORD_ACR },
    });
  };
}

function loginPage(account: string, code: string | undefined, complaint = ''): string {
  const factor =
    code === undefined
      ? ''
      : `<p>The wallet asks for a second factor. Your phone shows <output id="phone">${code}</output>.</p>
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required autofocus></label>`;
  return page(
    'Sign in',
    `<h1>Sign in at the identity provider</h1>
${complaint === '' ? '' : `<p role="alert">${complaint}</p>`}
<form method="post">
<label>Account <input name="account" value="${escaped(account)}" autocomplete="username" required></label>
<label>Password (any) <input name="password" type="password" value="secret" autocomplete="current-password" required></label>
${factor}
<button type="submit">Sign in</button>
</form>`,
  );
}
