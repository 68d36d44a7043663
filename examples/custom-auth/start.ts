/**
 * Starts the provider and the API beside it, on this machine alone.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApi } from './app.js';
import { createIdentityProvider } from './identity-provider.js';

export interface Example {
  readonly api: string;
  readonly issuer: string;
  close(): Promise<void>;
}

/** @param ports 0 for a free one */
export async function startExample(ports: {
  readonly port: number;
  readonly providerPort: number;
}): Promise<Example> {
  const servers = [createServer(), createServer()] as const;
  // Each has to know the other's address before it can be made.
  const api = await listen(servers[0], ports.port);
  const issuer = await listen(servers[1], ports.providerPort);
  const audience = 'https://api.wallet.example';
  const clientId = 'wallet-page';

  const provider = await createIdentityProvider({
    issuer,
    audience,
    client: {
      client_id: clientId,
      // Its access tokens are of no use without the key of the browser that they were issued to.
      dpop_bound_access_tokens: true,
      redirect_uris: [`${api}/`],
      post_logout_redirect_uris: [`${api}/`],
      backchannel_logout_uri: `${api}/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
  });
  const rotateKeys = (): Promise<void> => provider.rotateKeys();
  servers[0].on('request', createApi({ issuer, audience, clientId, rotateKeys }));
  servers[1].on('request', provider.handler);
  return {
    api,
    issuer,
    async close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
        await once(server, 'close');
      }
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}
