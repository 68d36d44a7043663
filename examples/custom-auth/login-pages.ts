/**
 * The pages on which the provider signs users in: a password, and where the client asks for MFA a
 * one-time code as well. An example: every password will do, and the page shows the code that
 * would have been sent to a phone.
 */
import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Provider } from 'oidc-provider';
import { MFA_ACR, PASSWORD_ACR } from './provider.js';

export type LoginPages = (
  provider: Provider,
  req: IncomingMessage,
  res: ServerResponse,
) => Promise<void>;

export function createLoginPages(): LoginPages {
  /** The code that each sign-in under way waits for. */
  const codes = new Map<string, string>();

  return async function loginPages(provider, req, res) {
    const { uid, params, session } = await provider.interactionDetails(req, res);
    const { acr_values: acrValues } = params;
    const wantsMfa = typeof acrValues === 'string' && acrValues.split(' ').includes(MFA_ACR);
    const code = codes.get(uid) ?? String(randomInt(1_000_000)).padStart(6, '0');
    if (wantsMfa) codes.set(uid, code);

    if (req.method !== 'POST') {
      res.setHeader('Content-Type', 'text/html; charset=utf-8');
      res.end(loginPage(session?.accountId ?? 'ada', wantsMfa ? code : undefined));
      return;
    }
    const form = new URLSearchParams(await text(req));
    const accountId = form.get('account')?.trim() ?? '';
    const isRight = accountId !== '' && form.get('password') !== '';
    if (!isRight || (wantsMfa && form.get('code') !== code)) {
      res.writeHead(303, { Location: req.url }).end();
      return;
    }
    codes.delete(uid);
    await provider.interactionFinished(req, res, {
      login: wantsMfa
        ? { accountId, amr: ['pwd', 'otp'], acr: MFA_ACR }
        : { accountId, amr: ['pwd'], acr: PASSWORD_ACR },
    });
  };
}

function loginPage(account: string, code: string | undefined): string {
  return `<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
<style>body { font: 1rem/1.5 system-ui; max-width: 22rem; margin: 4rem auto; padding: 0 1rem }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit }
input, button { padding: .5rem; margin-bottom: 1rem }</style>
<h1>Sign in at the identity provider</h1>
<form method="post">
<label>Account <input name="account" value="${escaped(account)}" required></label>
<label>Password (any) <input name="password" type="password" value="secret" required></label>
${
  code === undefined
    ? ''
    : `<p>The wallet asks for a second factor. Your phone shows <output id="phone">${code}</output>.</p>
<label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>`
}
<button type="submit">Sign in</button>
</form>
</html>`;
}

function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
