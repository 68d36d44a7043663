/**
 * A real identity provider on a free loopback port, the one of the example, and browsers that sign
 * in to it over HTTP by authorization code and PKCE. Its login form accepts any account, with any
 * `amr`, `acr` and time of authentication.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { KeyPair } from 'dpop';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload } from 'jose';
import type { Provider } from 'oidc-provider';
import { openBrowser } from '../../examples/custom-auth/headless-browser.js';
import { createOidcClient, type Tokens } from '../../examples/custom-auth/oidc-client.js';
import { createProvider } from '../../examples/custom-auth/provider.js';
import { createStorage } from '../../examples/custom-auth/storage.js';
import { listen } from '../support/listen.js';

export type { Tokens } from '../../examples/custom-auth/oidc-client.js';

/** The authentication of an account, as the login form submits it. */
export interface Login {
  readonly account: string;
  readonly amr?: readonly string[];
  readonly acr?: string;
  /** Seconds since the epoch. @defaultValue now */
  readonly authTime?: number;
}

export interface ClientOptions {
  readonly clientId: string;
  /** The address for logout tokens. */
  readonly backchannelLogoutUri?: string;
  /** Whether logout tokens carry `sid`. */
  readonly withSid?: boolean;
}

export interface OidcProvider {
  readonly issuer: string;
  readonly jwksUri: string;
  /** The audience of its access tokens. */
  readonly audience: string;
  /** The private keys, newest first, to sign tokens that the provider itself does not issue. */
  readonly keys: readonly JWK[];
  /** The number of JWKS requests so far. */
  readonly jwksFetches: () => number;
  /** The outcome of each logout token: `heard`, or an error message. */
  readonly notices: readonly string[];
  setClients(clients: readonly ClientOptions[]): Promise<void>;
  /** Restarts the provider with a new key; with `overlap` the old one stays published. */
  rotateKeys(options?: { readonly overlap?: boolean }): Promise<void>;
  /** @param keyPair the key that tokens are bound to (RFC 9449); without it they are bearer tokens */
  openBrowser(keyPair?: KeyPair): Browser;
  refresh(clientId: string, refreshToken: string, keyPair?: KeyPair): Promise<Tokens>;
  close(): Promise<void>;
}

export interface Browser {
  /**
   * Sends the user to the provider and comes back with tokens. Without `login` the provider has to
   * know the user already.
   */
  signIn(
    clientId: string,
    login?: Login,
    parameters?: Readonly<Record<string, string>>,
  ): Promise<Tokens>;
  /** Signs out at the provider, of every client. */
  signOut(clientId: string, tokens: Tokens): Promise<void>;
}

export interface OidcProviderOptions {
  readonly audience?: string;
  /** Further claims of an account's access tokens. */
  readonly claimsOf?: (account: string) => JWTPayload;
}

const REDIRECT_URI = 'https://app.example/callback';

export async function startOidcProvider(options: OidcProviderOptions = {}): Promise<OidcProvider> {
  const { audience = 'https://api.example.com' } = options;
  const server = createServer();
  const { url: issuer, close } = await listen(server);

  const notices: string[] = [];
  const storage = createStorage();
  // The first key of every provider has the same `kid`.
  let keys = [await createKey('key-1')];
  let clients: readonly ClientOptions[] = [];
  let provider = launch();
  let jwksFetches = 0;

  function launch(): Provider {
    const launched = createProvider({
      ...options,
      ...{ issuer, audience, keys, storage },
      clients: clients.map(metadataOf),
    });
    launched.on('backchannel.success', () => notices.push('heard'));
    launched.on('backchannel.error', (_ctx, error) => notices.push(error.message));
    return launched;
  }

  server.on('request', (req, res) => {
    if (req.url === '/jwks') jwksFetches += 1;
    if (req.url?.startsWith('/login/')) void logIn(provider, req, res);
    else void provider.callback()(req, res);
  });
  const clientOf = (clientId: string, keyPair?: KeyPair): ReturnType<typeof createOidcClient> =>
    createOidcClient(issuer, clientId, REDIRECT_URI, keyPair);

  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    audience,
    get keys() {
      return keys;
    },
    jwksFetches: () => jwksFetches,
    notices,
    setClients(next) {
      clients = next;
      provider = launch();
      return Promise.resolve();
    },
    async rotateKeys({ overlap = false } = {}) {
      keys = [await createKey(crypto.randomUUID()), ...(overlap ? keys : [])];
      provider = launch();
    },
    openBrowser(keyPair) {
      const browser = openBrowser();
      return {
        signIn: (clientId, login, parameters) =>
          clientOf(clientId, keyPair).signIn(browser, () => fieldsOf(login), parameters),
        signOut: (clientId, { idToken }) =>
          quietly(() => clientOf(clientId).signOut(browser, idToken)),
      };
    },
    refresh: (clientId, refreshToken, keyPair) => clientOf(clientId, keyPair).refresh(refreshToken),
    close,
  };
}

function metadataOf({ clientId, backchannelLogoutUri, withSid = false }: ClientOptions) {
  return {
    client_id: clientId,
    redirect_uris: [REDIRECT_URI],
    post_logout_redirect_uris: [REDIRECT_URI],
    ...(backchannelLogoutUri !== undefined && {
      backchannel_logout_uri: backchannelLogoutUri,
      backchannel_logout_session_required: withSid,
    }),
  };
}

function fieldsOf(login: Login | undefined): Record<string, string> {
  if (login === undefined) throw new Error('the provider asks who this is');
  return { login: JSON.stringify(login) };
}

async function logIn(provider: Provider, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.method === 'GET') {
    res.end('<form method="post"></form>');
    return;
  }
  const form = new URLSearchParams(await text(req));
  const { account, amr, acr, authTime } = JSON.parse(form.get('login') ?? '') as Login;
  await provider.interactionFinished(req, res, {
    login: {
      accountId: account,
      ...(amr !== undefined && { amr: [...amr] }),
      ...(acr !== undefined && { acr }),
      ...(authTime !== undefined && { ts: authTime }),
    },
  });
}

async function createKey(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'ES256', use: 'sig' };
}

/** Mutes the provider's warnings of logout tokens to a loopback address. */
export async function quietly<T>(work: () => T | Promise<T>): Promise<T> {
  const { warn } = console;
  Object.assign(console, { warn: () => undefined });
  try {
    return await work();
  } finally {
    Object.assign(console, { warn });
  }
}
