/**
 * A client of the realtime example without a browser: requests, the WebSocket and the feed.
 */
import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';

export type Message = Readonly<Record<string, unknown>>;

/** A user who has signed in, at one server. */
export class RealtimeClient {
  readonly url: string;
  accessToken = '';
  #cookie = '';

  private constructor(url: string) {
    this.url = url;
  }

  static async signIn(url: string, email = 'ada@example.com'): Promise<RealtimeClient> {
    const client = new RealtimeClient(url);
    const { code } = (await (await client.post('/auth/code', { email })).json()) as Message;
    await client.#take(await client.post('/auth/sign-in', { email, code }));
    return client;
  }

  /** The same user at another process. */
  at(url: string): RealtimeClient {
    return Object.assign(new RealtimeClient(url), { accessToken: this.accessToken });
  }

  /** @returns the token that was replaced */
  async refresh(): Promise<string> {
    const previous = this.accessToken;
    await this.#take(await this.post('/auth/refresh'));
    return previous;
  }

  /** Sends a fresh token, and the previous one, in a message. */
  async renew(socket: LiveClient): Promise<Message> {
    const previousAccessToken = await this.refresh();
    const { accessToken } = this;
    socket.send({ type: 'token', id: 'renewal', accessToken, previousAccessToken });
    return socket.next('session');
  }

  post(path: string, body: unknown = {}): Promise<Response> {
    return fetch(this.url + path, {
      method: 'POST',
      headers: { ...this.#headers(), 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  get(path: string): Promise<Response> {
    return fetch(this.url + path, { headers: this.#headers() });
  }

  async ticket(): Promise<string> {
    const response = await this.post('/tickets');
    return ((await response.json()) as { ticket: string }).ticket;
  }

  /** Sets up the authenticator app, and proves it with the code that the phone shows. */
  async enrol(): Promise<void> {
    await this.post('/mfa/totp');
    const { code } = (await (await this.get('/demo/phone')).json()) as Message;
    const response = await this.post('/mfa/totp/confirm', { code });
    expect(response.status).toBe(200);
  }

  /** A socket that has sent its token in the first message. */
  async live(): Promise<LiveClient> {
    const socket = new LiveClient(this.url);
    await socket.opened();
    socket.send({ type: 'token', id: 'first', accessToken: this.accessToken });
    await socket.next('balance');
    return socket;
  }

  #headers(): Record<string, string> {
    return {
      ...(this.accessToken !== '' && { Authorization: `Bearer ${this.accessToken}` }),
      ...(this.#cookie !== '' && { Cookie: this.#cookie }),
    };
  }

  async #take(response: Response): Promise<void> {
    expect(response.status).toBe(200);
    this.#cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    this.accessToken = ((await response.json()) as { accessToken: string }).accessToken;
  }
}

export class LiveClient {
  static readonly #all = new Set<LiveClient>();
  readonly socket: WebSocket;
  /** The code and the reason. */
  readonly closed: Promise<readonly [number, string]>;
  readonly #unread: Message[] = [];
  #wake: (() => void) | undefined;

  constructor(url: string, path = '/live', options: ClientOptions = {}) {
    this.socket = new WebSocket(url.replace(/^http/, 'ws') + path, options);
    LiveClient.#all.add(this);
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data) => {
      this.#unread.push(JSON.parse((data as Buffer).toString()) as Message);
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve([code, reason.toString()]);
      });
    });
  }

  /** A server does not close while a socket is open. */
  static terminateAll(): void {
    for (const { socket } of LiveClient.#all) socket.terminate();
    LiveClient.#all.clear();
  }

  async opened(): Promise<void> {
    await once(this.socket, 'open');
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next message of this type; those before it are dropped. */
  async next(type: string): Promise<Message> {
    for (;;) {
      for (let message = this.#unread.shift(); message; message = this.#unread.shift()) {
        if (message.type === type) return message;
      }
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        void this.closed.then(([code, reason]) => {
          reject(new Error(`closed before "${type}" came: ${code} ${reason}`));
        });
      });
    }
  }
}

/** The answer instead of an upgrade. */
export async function refusedUpgrade(
  url: string,
  path: string,
  options: ClientOptions = {},
): Promise<{
  status: number | undefined;
  headers: Readonly<Record<string, unknown>>;
  body: unknown;
}> {
  const socket = new WebSocket(url.replace(/^http/, 'ws') + path, options);
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    AsyncIterable<Buffer> & { statusCode?: number; headers: Record<string, unknown> },
  ];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(text) };
}

/** The events of a feed, one after the other, until it ends. */
export async function* eventsOf(
  response: Response,
): AsyncGenerator<{ event: string; data: unknown }> {
  if (response.body === null) throw new Error('no body');
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, event, data = ''] = /^event: (\w+)\ndata: (.*)$/m.exec(block) ?? [];
      if (event !== undefined) yield { event, data: JSON.parse(data) };
    }
  }
}
