/**
 * A standard OpenID Connect client: authorization code and PKCE (RFC 7636), refresh, sign-out; with a
 * key pair its tokens are bound to it (DPoP, RFC 9449 section 5).
 */
import { createHash, randomBytes } from 'node:crypto';
import * as DPoP from 'dpop';
import type { FillIn, HeadlessBrowser } from './headless-browser.js';

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly idToken: string;
}

export interface OidcClient {
  /** @param parameters further ones of the authorization request, such as `acr_values` */
  signIn(
    browser: HeadlessBrowser,
    fillIn: FillIn,
    parameters?: Readonly<Record<string, string>>,
  ): Promise<Tokens>;
  refresh(refreshToken: string): Promise<Tokens>;
  /** Signs out at the provider. */
  signOut(browser: HeadlessBrowser, idToken: string): Promise<void>;
}

export function createOidcClient(
  issuer: string,
  clientId: string,
  redirectUri: string,
  keyPair?: DPoP.KeyPair,
): OidcClient {
  const endpoints = discover(issuer);

  async function requestTokens(parameters: Readonly<Record<string, string>>): Promise<Tokens> {
    const { token_endpoint: url = '' } = await endpoints();
    const body = new URLSearchParams({ client_id: clientId, ...parameters });
    const headers = keyPair && { dpop: await DPoP.generateProof(keyPair, url, 'POST') };
    const response = await fetch(url, { method: 'POST', body, ...(headers && { headers }) });
    const answer = (await response.json()) as Record<string, string>;
    const { access_token, refresh_token, id_token, error } = answer;
    if (!response.ok) throw new Error(`${response.status} ${error ?? ''}`);
    return {
      accessToken: access_token ?? '',
      refreshToken: refresh_token ?? '',
      idToken: id_token ?? '',
    };
  }

  return {
    async signIn(browser, fillIn, parameters = {}) {
      const { authorization_endpoint: start = '' } = await endpoints();
      const verifier = randomBytes(32).toString('base64url');
      const query = new URLSearchParams({
        client_id: clientId,
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...parameters,
      });
      const back = await browser.visit(`${start}?${query.toString()}`, redirectUri, fillIn);
      const code = back.searchParams.get('code');
      if (code === null) throw new Error(`the provider sent no code: ${back.href}`);
      return requestTokens({
        grant_type: 'authorization_code',
        redirect_uri: redirectUri,
        code,
        code_verifier: verifier,
      });
    },

    refresh: (refreshToken) =>
      requestTokens({ grant_type: 'refresh_token', refresh_token: refreshToken }),

    async signOut(browser, idToken) {
      const { end_session_endpoint: start = '' } = await endpoints();
      const query = new URLSearchParams({
        id_token_hint: idToken,
        post_logout_redirect_uri: redirectUri,
      });
      await browser.visit(`${start}?${query.toString()}`, redirectUri, () => ({ logout: 'yes' }));
    },
  };
}

/** The authorization parameters that a challenge names (RFC 9470 section 3). */
export function stepUpParameters(challenge: string): Record<string, string> {
  return Object.fromEntries(
    [...challenge.matchAll(/(acr_values|max_age)="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
}

function discover(issuer: string): () => Promise<Record<string, string>> {
  let found: Promise<Record<string, string>> | undefined;
  return () =>
    (found ??= fetch(`${issuer}/.well-known/openid-configuration`).then(
      (response) => response.json() as Promise<Record<string, string>>,
    ));
}
