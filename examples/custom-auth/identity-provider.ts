/**
 * The provider as a server: it signs users in, publishes its keys, and changes them.
 */
import type { RequestListener } from 'node:http';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { createLoginPages } from './login-pages.js';
import type { ClientMetadata } from './oidc-provider.js';
import { createProvider } from './provider.js';
import { createStorage } from './storage.js';

export interface IdentityProviderOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly client: ClientMetadata;
}

export interface IdentityProvider {
  readonly handler: RequestListener;
  /** Signs with a new key from now on. The one before stays published until its tokens expire. */
  rotateKeys(): Promise<void>;
}

export async function createIdentityProvider(
  options: IdentityProviderOptions,
): Promise<IdentityProvider> {
  const { issuer, audience, client } = options;
  const storage = createStorage();
  const loginPages = createLoginPages();
  let keys: JWK[] = [];
  let provider = await startWithNewKey();

  async function startWithNewKey(): Promise<ReturnType<typeof createProvider>> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' };
    keys = [key, ...keys.slice(0, 1)];
    return createProvider({ issuer, audience, keys, clients: [client], storage });
  }

  return {
    handler(req, res) {
      const answered = req.url?.startsWith('/login/')
        ? loginPages(provider, req, res)
        : provider.callback()(req, res);
      answered.catch((error: unknown) => {
        console.error(error);
        res.writeHead(500).end();
      });
    },
    async rotateKeys() {
      provider = await startWithNewKey();
    },
  };
}
