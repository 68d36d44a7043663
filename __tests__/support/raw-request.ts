/**
 * Requests written byte by byte, because HTTP clients normalize headers.
 */
import { createServer, type RequestListener, type ServerOptions } from 'node:http';
import { connect } from 'node:net';
import type { Answered } from './expect-problem.js';
import { listen } from './listen.js';

/** Sends `GET /me` with these header lines, as Latin-1, to a server of its own. */
export async function getRaw(
  app: RequestListener,
  headerLines: readonly string[],
  options: ServerOptions = {},
): Promise<Answered> {
  const server = await listen(createServer(options, app));
  const answer = await getRawFrom(server.port, headerLines);
  await server.close();
  return answer;
}

export async function getRawFrom(port: number, headerLines: readonly string[]): Promise<Answered> {
  const socket = connect(port, '127.0.0.1');
  const lines = ['GET /me HTTP/1.1', 'Host: localhost', 'Connection: close', ...headerLines];
  socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  const chunks = (await socket.toArray()) as Buffer[];
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
