/**
 * HTTP servers on free loopback ports.
 */
import { once } from 'node:events';
import { createServer, Server, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listening {
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
  /** Ends its connections too. */
  readonly close: () => Promise<void>;
}

/** @param port @defaultValue a free one */
export async function listen(handler: RequestListener | Server, port = 0): Promise<Listening> {
  const server = handler instanceof Server ? handler : createServer(handler);
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
