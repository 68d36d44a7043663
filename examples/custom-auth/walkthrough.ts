/**
 * The whole of it in a shell: `node --import tsx examples/custom-auth/walkthrough.ts [address of the API]`.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { openBrowser } from './headless-browser.js';
import { createOidcClient, stepUpParameters } from './oidc-client.js';

/** @param say is told every step and every answer */
export async function walkThrough(api: string, say: (text: string) => void): Promise<void> {
  const config = (await (await fetch(`${api}/config.json`)).json()) as Record<string, string>;
  const { issuer = '', clientId = '' } = config;
  const client = createOidcClient(issuer, clientId, `${api}/`);
  const browser = openBrowser();

  async function call(method: string, path: string, accessToken: string): Promise<Response> {
    const headers = { authorization: `Bearer ${accessToken}` };
    const response = await fetch(api + path, { method, headers });
    const challenge = response.headers.get('www-authenticate');
    say(`${method} ${path} -> ${response.status} ${await response.text()}`);
    if (challenge !== null) say(`WWW-Authenticate: ${challenge}`);
    return response;
  }

  /** Types a password, and the code where the page asks for one. */
  function fillIn(page: string): Record<string, string> {
    const code = /id="phone">(\d+)</.exec(page)?.[1];
    return { account: 'ada', password: 'secret', ...(code !== undefined && { code }) };
  }

  say('\n# 1. Sign in: authorization code and PKCE, and an access token for the API (RFC 9068)');
  let tokens = await client.signIn(browser, fillIn);
  say(JSON.stringify(decodeProtectedHeader(tokens.accessToken)));
  say(JSON.stringify(decodeJwt(tokens.accessToken)));
  await call('GET', '/me', tokens.accessToken);

  say('\n# 2. Send money: 403, and a challenge that says what to ask the provider for (RFC 9470)');
  const refused = await call('POST', '/transfers', tokens.accessToken);

  say('\n# 3. Back to the provider with that, and come back with a token that will do');
  const parameters = stepUpParameters(refused.headers.get('www-authenticate') ?? '');
  say(JSON.stringify(parameters));
  tokens = await client.signIn(browser, fillIn, parameters);
  await call('POST', '/transfers', tokens.accessToken);

  say('\n# 4. Refresh: a new access token and a new refresh token; when MFA was verified stays');
  tokens = await client.refresh(tokens.refreshToken);
  await call('GET', '/me', tokens.accessToken);

  say('\n# 5. The provider changes its key, and the API learns of it from the first new token');
  await fetch(`${issuer}/demo/rotate-keys`, { method: 'POST' });
  tokens = await client.refresh(tokens.refreshToken);
  say(JSON.stringify(decodeProtectedHeader(tokens.accessToken)));
  await call('POST', '/transfers', tokens.accessToken);

  say('\n# 6. Sign out at the provider, which tells the API: the access token is refused at once');
  await client.signOut(browser, tokens.idToken);
  await call('GET', '/me', tokens.accessToken);
}

if (process.argv[1] === import.meta.filename) {
  await walkThrough(process.argv[2] ?? 'http://localhost:3000', console.log);
}
