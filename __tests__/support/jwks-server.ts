/**
 * A JWKS on a loopback port that can fail in every way an endpoint can.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { JWK } from 'jose';
import { listen, type Listening } from './listen.js';
import { keySetOf, type SigningKey } from './signing-key.js';

type Headers = Readonly<Record<string, string>>;

export class JwksServer {
  readonly #server: Server;
  #listening: Listening | undefined;
  /** The number of requests so far. */
  fetches = 0;
  /** The current answer; `publish()`, `send()` and `fail()` set it. */
  answer: RequestListener = (_req, res) => {
    res.writeHead(404).end();
  };

  constructor() {
    this.#server = createServer((req, res) => {
      this.fetches += 1;
      this.answer(req, res);
    });
  }

  static async start(...keys: readonly (SigningKey | JWK)[]): Promise<JwksServer> {
    const server = new JwksServer();
    server.publish(keys);
    await server.open();
    return server;
  }

  get uri(): string {
    return `${this.#listening?.url ?? ''}/jwks.json`;
  }

  publish(keys: readonly (SigningKey | JWK)[], headers: Headers = {}): void {
    this.send(JSON.stringify(keySetOf(...keys)), headers);
  }

  send(body: string | Buffer, headers: Headers = {}, status = 200): void {
    this.answer = (_req, res) => {
      res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    };
  }

  fail(status = 503): void {
    this.send('it is down', { 'content-type': 'text/plain' }, status);
  }

  /** Holds requests open until `letGo()`, which gives them the previous answer. */
  hold(): { readonly waiting: number; letGo(): void } {
    const { answer } = this;
    const held: { req: IncomingMessage; res: ServerResponse }[] = [];
    this.answer = (req, res) => {
      held.push({ req, res });
    };
    return {
      get waiting() {
        return held.filter(({ res }) => !res.destroyed).length;
      },
      letGo: () => {
        this.answer = answer;
        for (const { req, res } of held) answer(req, res);
      },
    };
  }

  /** Listens, on the same port as before. */
  async open(): Promise<void> {
    this.#listening = await listen(this.#server, this.#listening?.port);
  }

  /** From now on connections are refused. */
  async close(): Promise<void> {
    await this.#listening?.close();
  }
}
