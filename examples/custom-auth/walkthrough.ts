/**
 * All of it in a shell: `node --import tsx examples/custom-auth/walkthrough.ts [address of the API]`.
 */
import * as DPoP from 'dpop';
import { createSessionFetch } from 'express-wallet-session/client';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { openBrowser } from './headless-browser.js';
import { createOidcClient, stepUpParameters, type Tokens } from './oidc-client.js';

/** @param say is told every step and every answer */
export async function walkThrough(api: string, say: (text: string) => void): Promise<void> {
  const config = (await (await fetch(`${api}/config.json`)).json()) as Record<string, string>;
  const { issuer = '', clientId = '' } = config;
  const keyPair = await DPoP.generateKeyPair('ES256');
  const client = createOidcClient(issuer, clientId, `${api}/`, keyPair);
  const browser = openBrowser();
  let tokens: Tokens | undefined;

  /** A `fetch` that sends the access token, with a proof by this key. */
  const fetchWith = (keys: DPoP.KeyPair): typeof fetch =>
    createSessionFetch({
      getAccessToken: () => Promise.resolve(tokens?.accessToken ?? null),
      createProof: ({ method, url, accessToken }) =>
        DPoP.generateProof(keys, url, method, undefined, accessToken),
      origins: [api],
    });
  const sessionFetch = fetchWith(keyPair);

  async function call(
    method: string,
    path: string,
    send: typeof fetch = sessionFetch,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const response = await send(api + path, { method, headers });
    const challenge = response.headers.get('www-authenticate');
    say(`${method} ${path} -> ${response.status} ${await response.text()}`);
    if (challenge !== null) say(`WWW-Authenticate: ${challenge}`);
    return response;
  }

  /** Types a password, and the code if the page asks for one. */
  function fillIn(page: string): Record<string, string> {
    const code = /id="phone">(\d+)</.exec(page)?.[1];
    return { account: 'ada', password: 'secret', ...(code !== undefined && { code }) };
  }

  say('\n# 1. Sign in: authorization code and PKCE, and an access token for the API (RFC 9068)');
  tokens = await client.signIn(browser, fillIn);
  say(JSON.stringify(decodeProtectedHeader(tokens.accessToken)));
  say(JSON.stringify(decodeJwt(tokens.accessToken)));
  await call('GET', '/me');

  say('\n# 2. Steal the token: without its key, and with another key, it opens nothing (RFC 9449)');
  await call('GET', '/me', fetch, { authorization: `Bearer ${tokens.accessToken}` });
  await call('GET', '/me', fetchWith(await DPoP.generateKeyPair('ES256')));

  say('\n# 3. Send money: 403, and a challenge that says what to ask the provider for (RFC 9470)');
  const refused = await call('POST', '/transfers');

  say('\n# 4. Back to the provider with that, and come back with a token that will do');
  const parameters = stepUpParameters(refused.headers.get('www-authenticate') ?? '');
  say(JSON.stringify(parameters));
  tokens = await client.signIn(browser, fillIn, parameters);
  await call('POST', '/transfers');

  say('\n# 5. Refresh: a new access token and a new refresh token; when MFA was verified stays');
  tokens = await client.refresh(tokens.refreshToken);
  await call('GET', '/me');

  say('\n# 6. The provider changes its key, and the API learns of it from the first new token');
  await call('POST', '/demo/rotate-keys');
  tokens = await client.refresh(tokens.refreshToken);
  say(JSON.stringify(decodeProtectedHeader(tokens.accessToken)));
  await call('POST', '/transfers');

  say('\n# 7. Sign out at the provider, which tells the API: the access token is refused at once');
  await client.signOut(browser, tokens.idToken);
  await call('GET', '/me');
}

if (process.argv[1] === import.meta.filename) {
  await walkThrough(process.argv[2] ?? 'http://localhost:3000', console.log);
}
