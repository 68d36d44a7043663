/**
 * The provider as a server: it signs in, publishes its keys, and changes them when it is asked to.
 */
import type { RequestListener } from 'node:http';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { ClientMetadata } from 'oidc-provider';
import { createLoginPages } from './login-pages.js';
import { createProvider } from './provider.js';
import { createStorage } from './storage.js';

export interface IdentityProviderOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly client: ClientMetadata;
}

export async function createIdentityProvider(
  options: IdentityProviderOptions,
): Promise<RequestListener> {
  const { issuer, audience, client } = options;
  const storage = createStorage();
  const loginPages = createLoginPages();
  let keys: JWK[] = [];
  let provider = await rotateKeys();

  /** Signs with a new key from now on. The last one stays published until its tokens have expired. */
  async function rotateKeys(): Promise<ReturnType<typeof createProvider>> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' };
    keys = [key, ...keys.slice(0, 1)];
    return createProvider({ issuer, audience, keys, clients: [client], storage });
  }

  return (req, res) => {
    const failed = (error: unknown): void => {
      console.error(error);
      res.writeHead(500).end();
    };
    if (req.url?.startsWith('/login/')) {
      loginPages(provider, req, res).catch(failed);
    } else if (req.method === 'POST' && req.url === '/demo/rotate-keys') {
      rotateKeys()
        .then((next) => {
          provider = next;
          res.writeHead(204).end();
        })
        .catch(failed);
    } else {
      provider.callback()(req, res).catch(failed);
    }
  };
}
