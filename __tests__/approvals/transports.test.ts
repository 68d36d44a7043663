/**
 * The request as it goes over the wire: targets, announced bodies and HTTP/2, without a framework.
 * Rules 5, 7 and 8.
 */
import { once } from 'node:events';
import { createServer as createHttp1 } from 'node:http';
import {
  connect as connectHttp2,
  createServer as createHttp2,
  type Http2ServerRequest,
} from 'node:http2';
import { connect, type AddressInfo } from 'node:net';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  createSessions,
  getApproval,
  getSession,
  requireApproval,
  validateSession,
  type Middleware,
  type RequireApprovalOptions,
  type Sessions,
} from 'express-wallet-session';
import { useTestIssuer } from '../support/use-test-issuer.js';

const kit = useTestIssuer({ authentication: 'custom' });

/** Parses bodies as JSON, whatever their media type and HTTP version. */
const json: Middleware = (req, _res, next) => {
  let text = '';
  req.on('data', (chunk) => (text += String(chunk)));
  req.on('end', () => {
    if (text !== '') (req as { body?: unknown }).body = JSON.parse(text);
    next();
  });
};

interface Answer {
  readonly status: number;
  readonly id: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One middleware after another, and a handler that answers with the approval. */
function listenerOf(sessions: Sessions, parser: Middleware | undefined, more?: object) {
  const options: RequireApprovalOptions = { describe: () => 'a payment', ...more };
  const chain = [
    validateSession(sessions),
    ...(parser === undefined ? [] : [parser]),
    requireApproval(options),
  ];
  return (req: IncomingMessage, res: ServerResponse): void => {
    const run = (index: number, error?: unknown): void => {
      const middleware = chain[index];
      if (error !== undefined) {
        res.statusCode = 500;
        res.end(JSON.stringify({ message: (error as Error).message }));
      } else if (middleware === undefined) {
        res.end(JSON.stringify({ approval: getApproval(req)?.challengeId }));
      } else {
        middleware(req, res, (failure) => {
          run(index + 1, failure);
        });
      }
    };
    run(0);
  };
}

let close: () => unknown = () => undefined;

afterEach(async () => {
  await close();
});

describe('A request over HTTP/1.1', () => {
  let accessToken: string;
  let sessions: Sessions;
  let port: number;

  beforeEach(async () => {
    sessions = createSessions(kit.options());
    ({ accessToken } = await kit.issuer.signIn('alice'));
    const server: Server = createHttp1(listenerOf(sessions, json)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    close = () => new Promise((resolve) => server.close(resolve));
  });

  /** Sends the bytes of a request, so that a client puts nothing in order. */
  async function send(target: string, headers: readonly string[] = [], body = ''): Promise<Answer> {
    const socket = connect(port, '127.0.0.1');
    const lines = [
      `POST ${target} HTTP/1.1`,
      'Host: api.test',
      'Connection: close',
      `Authorization: Bearer ${accessToken}`,
      ...headers,
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
    const answer = Buffer.concat((await socket.toArray()) as Buffer[]).toString('utf8');
    const [head = '', text = ''] = answer.split('\r\n\r\n');
    return {
      status: Number(head.split(' ')[1]),
      id: /^x-mfa-challenge-id: (.*)$/im.exec(head)?.[1],
      body: JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as Answer['body'],
    };
  }

  async function approve(id = ''): Promise<string> {
    const session = await sessions.authenticateToken(accessToken);
    await session.mfa.approve(id, () => ({ method: 'totp' }));
    return id;
  }

  const named = (id: string): string[] => [`X-Mfa-Challenge-Id: ${id}`];

  it('shows its target as it was received', async () => {
    const { id = '' } = await send('/a%2Fb/../c?q=%31&q=2');
    const session = await sessions.authenticateToken(accessToken);
    expect((await session.mfa.challenge(id))?.request).toEqual({
      method: 'POST',
      url: '/a%2Fb/../c?q=%31&q=2',
    });
  });

  it.each([
    ['/pay', '/pay?'],
    ['/pay?a=1', '/pay?a=%31'],
    ['/pay', '//pay'],
    ['/pay', '/pay/'],
    ['/pay', '/p%61y'],
    ['http://api.test/pay', 'http://api.test/pay?'],
  ])('with the target %s is another one than with %s', async (target, other) => {
    const id = await approve((await send(target)).id);
    const refused = await send(other, named(id));
    expect(refused.status).toBe(403);
    expect(refused.id).not.toBe(id);
    expect(await send(target, named(id))).toMatchObject({ status: 200, body: { approval: id } });
  });

  it.each([
    ['http://api.test/pay?a=1', '/pay?a=1'],
    ['HTTPS://user@api.test:8443/pay?a=1', '/pay?a=1'],
    ['http://api.test', '/'],
    ['http://api.test?a=1', '/?a=1'],
  ])('with the absolute target %s is the one with %s', async (absolute, origin) => {
    const id = await approve((await send(absolute)).id);
    expect(await send(origin, named(id))).toMatchObject({ status: 200, body: { approval: id } });
  });

  // `url.parse()`, which Express asks, finds the paths /:alice and //alice/pay in these.
  it.each([
    ['http://api.test:alice', 'http://api.test:bob'],
    ['http://:alice/pay', 'http://:bob/pay'],
    ['http://a;alice/pay', 'http://a;bob/pay'],
    ['javascript://alice/pay', 'javascript://bob/pay'],
  ])('with the odd target %s is another one than with %s', async (target, other) => {
    const id = await approve((await send(target)).id);
    const refused = await send(other, named(id));
    expect([refused.status, refused.id === id]).toEqual([403, false]);
    expect(await send(target, named(id))).toMatchObject({ status: 200, body: { approval: id } });
  });

  it('is refused with an id in two headers', async () => {
    const id = await approve((await send('/pay')).id);
    const refused = await send('/pay', [...named(id), ...named(id)]);
    expect([refused.status, refused.id === id]).toEqual([403, false]);
    expect((await send('/pay', named(id))).status).toBe(200);
  });

  it('may come in chunks for a body that came in one piece', async () => {
    const whole = await send('/pay', ['Content-Length: 7'], '{"a":1}');
    const id = await approve(whole.id);
    const chunked = await send(
      '/pay',
      [...named(id), 'Transfer-Encoding: chunked'],
      '3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n',
    );
    expect(chunked.status).toBe(200);
  });

  it('has no body with a length of 0', async () => {
    const id = await approve((await send('/pay', ['Content-Length: 0'])).id);
    expect((await send('/pay', named(id))).status).toBe(200);
  });
});

describe('A request over HTTP/2', () => {
  let accessToken: string;
  let sessions: Sessions;

  async function start(parser: Middleware | undefined, more?: object): Promise<string> {
    sessions = createSessions(kit.options());
    ({ accessToken } = await kit.issuer.signIn('alice'));
    const listener = listenerOf(sessions, parser, more) as unknown as Parameters<
      typeof createHttp2
    >[1];
    const server = createHttp2(listener as never).listen(0, '127.0.0.1');
    await once(server, 'listening');
    close = () => new Promise((resolve) => server.close(resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function send(
    url: string,
    { body, id, endStream }: { body?: string; id?: string; endStream?: boolean } = {},
  ): Promise<Answer> {
    const client = connectHttp2(url);
    const stream = client.request(
      {
        ':method': 'POST',
        ':path': '/pay',
        authorization: `Bearer ${accessToken}`,
        ...(id !== undefined && { 'x-mfa-challenge-id': id }),
      },
      endStream === undefined ? undefined : { endStream },
    );
    const headers = once(stream, 'response') as Promise<[Record<string, string | number>]>;
    if (endStream !== true) stream.end(body);
    const [fields] = await headers;
    const chunks = (await stream.toArray()) as Buffer[];
    client.close();
    return {
      status: Number(fields[':status']),
      id: fields['x-mfa-challenge-id'] as string | undefined,
      body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Answer['body'],
    };
  }

  async function approve(id = ''): Promise<string> {
    const session = await sessions.authenticateToken(accessToken);
    await session.mfa.approve(id, () => ({ method: 'totp' }));
    return id;
  }

  it('is bound with its parsed body', async () => {
    const url = await start(json);
    const id = await approve((await send(url, { body: '{"a":1}' })).id);
    expect((await send(url, { body: '{"a":2}', id })).status).toBe(403);
    expect((await send(url, { id })).status).toBe(403);
    expect((await send(url, { body: '{"a": 1}', id })).body).toEqual({ approval: id });
  });

  it('has no body if its stream ends with the headers, or was read to its end without data', async () => {
    const withoutParser = await start(undefined);
    expect((await send(withoutParser, { endStream: true })).status).toBe(403);
    await close();
    const url = await start(json);
    const id = await approve((await send(url, { endStream: true })).id);
    expect((await send(url, { id })).body).toEqual({ approval: id });
  });

  it('is refused with 400 if its body was not read, without any header that announces it', async () => {
    const url = await start(undefined);
    const answer = await send(url, { body: '{"a":1}' });
    expect([answer.status, answer.body.errorType]).toEqual([400, 'invalid_request']);
  });

  it('is bound, or refused with 400, if its body was read from the stream', async () => {
    const readStream =
      (keep: boolean): Middleware =>
      (req, _res, next) => {
        const { stream } = req as unknown as Http2ServerRequest;
        void stream.toArray().then((chunks) => {
          const body = Buffer.concat(chunks as Buffer[]).toString('utf8');
          if (keep && body !== '') Object.assign(req, { body });
          next();
        });
      };
    const keeping = await start(readStream(true));
    const id = await approve((await send(keeping, { body: 'a' })).id);
    expect((await send(keeping, { body: 'b', id })).status).toBe(403);
    expect((await send(keeping, { id })).status).toBe(403);
    expect((await send(keeping, { body: 'a', id })).body).toEqual({ approval: id });
    await close();
    const losing = await start(readStream(false));
    const answer = await send(losing, { body: 'a' });
    expect([answer.status, answer.body.errorType]).toEqual([400, 'invalid_request']);
  });

  it('is taken with `bind`', async () => {
    const url = await start(undefined, { bind: () => 'the body' });
    const id = await approve((await send(url, { body: '{"a":1}' })).id);
    expect((await send(url, { body: '{"a":2}', id })).body).toEqual({ approval: id });
  });
});

describe('requireApproval() behind several validateSession()', () => {
  const [wallet, admin] = ['wallet', 'admin'];

  async function callBoth(guard: (sessions: Sessions) => Middleware) {
    const all = [wallet, admin].map((property) => createSessions(kit.options({ property })));
    const [first, second] = all;
    if (first === undefined || second === undefined) throw new Error('no sessions');
    const { accessToken } = await kit.issuer.signIn('alice');
    const headers = { authorization: `Bearer ${accessToken}` };
    const req = { method: 'POST', url: '/', headers, httpVersionMajor: 1 } as never;
    const res = Object.assign(createResponse(), {});
    const results: unknown[] = [];
    for (const middleware of [validateSession(first), validateSession(second), guard(second)]) {
      await new Promise<void>((resolve) => {
        res.ended = resolve;
        middleware(req, res as never, (error) => {
          results.push(error);
          resolve();
        });
      });
    }
    return { results, res, session: getSession(req, second) };
  }

  function createResponse() {
    return {
      statusCode: 200,
      headersSent: false,
      headers: {} as Record<string, unknown>,
      ended: (): void => undefined,
      setHeader(name: string, value: unknown) {
        this.headers[name] = value;
      },
      getHeader: () => undefined,
      removeHeader: () => undefined,
      end() {
        this.ended();
      },
    };
  }

  it('names the option `sessions`, because one approval is not that of several users', async () => {
    const { results } = await callBoth(() => requireApproval({ describe: () => 'x' }));
    expect(results).toEqual([
      undefined,
      undefined,
      expect.objectContaining({
        name: 'ConfigurationError',
        message: expect.stringContaining('requireApproval({ sessions, describe })') as string,
      }),
    ]);
  });

  it('asks the one that `sessions` names', async () => {
    const { results, res, session } = await callBoth((sessions) =>
      requireApproval({ sessions, describe: () => 'x' }),
    );
    expect([results, res.statusCode]).toEqual([[undefined, undefined], 403]);
    const id = String(res.headers['X-Mfa-Challenge-Id']);
    expect(await session.mfa.challenge(id)).toMatchObject({ description: 'x' });
  });
});
