/**
 * Requests written by hand, to the byte: clients put in order what a test wants out of order.
 */
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerOptions } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Answered } from './expect-problem.js';

/** `GET /me` with these header lines. */
export async function getRaw(
  app: RequestListener,
  headerLines: readonly string[],
  options: ServerOptions = {},
): Promise<Answered> {
  const server = createServer(options, app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const lines = ['GET /me HTTP/1.1', 'Host: localhost', 'Connection: close', ...headerLines];
  socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  const chunks = (await socket.toArray()) as Buffer[];
  server.close();
  return parse(Buffer.concat(chunks).toString('utf8'));
}

function parse(answer: string): Answered {
  const [head = '', text = ''] = answer.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line): [string, string] => {
      const [name = '', ...value] = line.split(': ');
      return [name.toLowerCase(), value.join(': ')];
    }),
  );
  const body: unknown = (headers['content-type'] ?? '').includes('json') ? JSON.parse(text) : {};
  return { status: Number(statusLine.split(' ')[1]), headers, body, text };
}
