/**
 * The recipes of docs/frameworks.md, each run as it stands there by the real framework: 401, 403 and
 * 503 are the answers that Express gives.
 */
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { jest } from '@jest/globals';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createSessions, type ErrorType, type Session } from 'express-wallet-session';
import { createTestClock, createTestIssuer } from 'express-wallet-session/testing';
import ts from 'typescript';
import { WebSocket } from 'ws';
import { expectProblem, type Answered } from '../support/expect-problem.js';
import { listen, type Listening } from '../support/listen.js';
import { testStore, throwing } from '../support/stores.js';
import { compilerOptions } from '../support/type-check.js';

const FOLDER = '__tests__/documentation/.frameworks';
const page = await readFile('docs/frameworks.md', 'utf8');

const clock = createTestClock();
const issuer = await createTestIssuer({ authentication: 'custom', clock });
const store = testStore();
const sessions = createSessions({ authentication: issuer.authentication, clock, store });

/** Modules of recipes, by their names without `.js`. */
type Recipe = Readonly<Record<string, unknown>>;

/** Writes the files of one recipe beside those that all share, and imports the last of them. */
async function load(...titles: readonly string[]): Promise<Recipe> {
  const folder = `${FOLDER}/${titles[0]?.replace(/\W+/g, '-') ?? ''}`;
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/sessions.js`, 'export const { sessions } = globalThis.ofTheTest;');
  for (const title of ['answer.js', ...titles]) {
    const name = title.split(':', 1)[0]?.replace(/\.ts$/, '.js') ?? '';
    await writeFile(`${folder}/${name}`, javaScriptOf(codeOf(title)));
  }
  const last = titles.at(-1)?.split(':', 1)[0]?.replace(/\.ts$/, '.js') ?? '';
  return (await import(`./${folder.slice('__tests__/documentation/'.length)}/${last}`)) as Recipe;
}

function codeOf(title: string): string {
  const all = [...page.matchAll(/```[jt]s\n(\/\/ ([^\n]*)\n.*?)```/gs)];
  const [found, ...others] = all.filter(([, , first = '']) => first.startsWith(title));
  if (found?.[1] === undefined || others.length > 0) throw new Error(`not one block is ${title}`);
  return found[1];
}

function javaScriptOf(code: string): string {
  const { ESNext } = ts.ModuleKind;
  return ts.transpileModule(code, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ESNext,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
  }).outputText;
}

beforeAll(() => {
  Object.assign(globalThis, { ofTheTest: { sessions } });
});

afterAll(async () => {
  await rm(FOLDER, { recursive: true, force: true });
});

afterEach(() => {
  store.fault = () => undefined;
});

/** What a recipe answers. */
interface Server {
  /** The parsed body of a good answer. */
  readonly ok: (body: unknown) => unknown;
  readonly me: readonly [method: string, path: string];
  readonly transfer: readonly [method: string, path: string, body?: unknown];
  readonly send: (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
  ) => Promise<Answered>;
  readonly close: () => Promise<void>;
}

function overHttp(
  { url, close }: Listening,
  more: Partial<Pick<Server, 'me' | 'transfer' | 'ok'>> = {},
): Server {
  return {
    ok: (body) => body,
    me: ['GET', '/me'],
    transfer: ['POST', '/transfers'],
    ...more,
    close,
    async send(method, path, headers, body) {
      const response = await fetch(url + path, {
        method,
        headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return answered(response.status, Object.fromEntries(response.headers), await response.text());
    },
  };
}

function answered(status: number, headers: Record<string, string>, text: string): Answered {
  return {
    status,
    headers,
    text,
    body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text,
  };
}

const frameworks: Readonly<Record<string, () => Promise<Server>>> = {
  async NestJS() {
    const { AppModule } = await load('wallet-session.ts: NestJS', 'app.module.ts: NestJS');
    const [{ Logger }, { NestFactory }] = await Promise.all([
      import('@nestjs/common'),
      import('@nestjs/core'),
    ]);
    Logger.overrideLogger(false);
    const app = await NestFactory.create(AppModule as new () => object);
    await app.init();
    const handler = app.getHttpAdapter().getInstance() as RequestListener;
    return overHttp(await listen(handler));
  },
  async Fastify() {
    const { app } = await load('app.js: Fastify');
    const fastify = app as { ready(): Promise<void>; routing: RequestListener };
    await fastify.ready();
    return overHttp(await listen(fastify.routing));
  },
  async Koa() {
    const { app } = await load('app.js: Koa');
    return overHttp(await listen((app as { callback(): RequestListener }).callback()));
  },
  async Hono() {
    const { app } = await load('app.js: Hono');
    const { getRequestListener } = await import('@hono/node-server');
    const { fetch: handle } = app as { fetch: (request: Request) => Promise<Response> };
    const listener = getRequestListener(handle);
    return overHttp(await listen((req, res) => void listener(req, res)));
  },
  async 'AWS Lambda'() {
    const recipe = await load('handler.js: AWS Lambda');
    type Handler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;
    const { me, transfer } = recipe as Record<'me' | 'transfer', Handler>;
    return {
      ok: (body) => body,
      me: ['GET', '/me'],
      transfer: ['POST', '/transfers'],
      close: () => Promise.resolve(),
      async send(method, path, headers) {
        const handle = path === '/me' ? me : transfer;
        const {
          statusCode = 0,
          headers: sent,
          body = '',
        } = await handle(event(method, path, headers));
        const lower = Object.entries(sent ?? {}).map(
          ([name, value]) => [name.toLowerCase(), String(value)] as const,
        );
        // API Gateway sends it.
        const length = String(Buffer.byteLength(body));
        return answered(
          statusCode,
          { ...Object.fromEntries(lower), 'content-length': length },
          body,
        );
      },
    };
  },
  async tRPC() {
    const { app } = await load('app.js: tRPC');
    return overHttp(await listen(app as RequestListener), {
      me: ['GET', '/trpc/me'],
      transfer: ['POST', '/trpc/transfer', {}],
      ok: (body) => (body as { result: { data: unknown } }).result.data,
    });
  },
  async GraphQL() {
    const { app } = await load('app.js: GraphQL');
    return overHttp(await listen(app as RequestListener));
  },
};

/** Those that answer each refusal as Express does. */
const ofHttp = Object.keys(frameworks).filter((name) => !['GraphQL', 'tRPC'].includes(name));

async function serve(name: string): Promise<Server> {
  const server = await frameworks[name]?.();
  if (server === undefined) throw new Error(name);
  return server;
}

async function signIn(userId = 'alice'): Promise<{ token: string; session: Session }> {
  const token = (await issuer.signIn(userId)).accessToken;
  return { token, session: await sessions.authenticateToken(token) };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe.each(ofHttp)('The recipe for %s', (name) => {
  let server: Server;

  beforeAll(async () => {
    server = await serve(name);
  });

  afterAll(() => server.close());

  it('lets a good token in', async () => {
    const { token } = await signIn();
    const answer = await server.send(...server.me, bearer(token));
    expect([answer.status, answer.body]).toEqual([200, { userId: 'alice' }]);
  });

  it.each<[ErrorType, Record<string, string>]>([
    ['token_missing', {}],
    ['invalid_request', { authorization: 'Bearer' }],
    ['token_invalid', { authorization: 'Bearer no.good.token' }],
  ])('answers %s as Express does', async (errorType, headers) => {
    for (const [method, path] of [server.me, server.transfer]) {
      expectProblem(await server.send(method, path, headers), errorType);
    }
  });

  it('answers with the correlation id of the request', async () => {
    const answer = await server.send(...server.me, { 'x-correlation-id': 'order-7' });
    expectProblem(answer, 'token_missing', { correlationId: 'order-7' });
  });

  it('answers 403 until MFA is verified, and then runs the operation', async () => {
    const { token, session } = await signIn(`user of ${name}`);
    const [method, path] = server.transfer;
    expectProblem(await server.send(method, path, bearer(token)), 'mfa_required');
    await session.mfa.start({ method: 'totp' });
    const answer = await server.send(method, path, bearer(token));
    expect([answer.status, answer.body]).toEqual([201, { sentBy: `user of ${name}` }]);
    clock.advance(300);
    const detail = 'MFA was verified 300 s ago; this operation allows 300 s.';
    expectProblem(await server.send(method, path, bearer(token)), 'mfa_expired', { detail });
  });

  it('answers 401 once the session was signed out', async () => {
    const { token, session } = await signIn('carol');
    await session.signOut();
    expectProblem(await server.send(...server.me, bearer(token)), 'session_revoked');
  });

  it('leaves every other error to the framework', async () => {
    const silent = jest.spyOn(console, 'error').mockReturnValue(undefined);
    const broken = jest.spyOn(sessions, 'authenticate').mockRejectedValue(new Error('a bug'));
    try {
      const answer = await server.send(...server.me, {}).catch((error: unknown) => error);
      if (name === 'AWS Lambda') expect(answer).toEqual(new Error('a bug'));
      else expect((answer as Answered).status).toBe(500);
    } finally {
      broken.mockRestore();
      silent.mockRestore();
    }
  });

  it('answers 503 while the store fails, and not with its error', async () => {
    const { token } = await signIn();
    store.fault = () => throwing(new Error('the password of the store'));
    for (const [method, path] of [server.me, server.transfer]) {
      const answer = await server.send(method, path, bearer(token));
      expectProblem(answer, 'store_unavailable');
      expect(answer.text).not.toContain('password');
    }
  });
});

describe('The recipe for NestJS', () => {
  it('compiles under strict', async () => {
    const folder = `${FOLDER}/types`;
    await mkdir(folder, { recursive: true });
    const files = ['sessions', 'wallet-session', 'app.module'].map(
      (name) => `${folder}/${name}.ts`,
    );
    for (const [index, title] of ['sessions.js', 'wallet-session.ts', 'app.module.ts'].entries()) {
      await writeFile(files[index] ?? '', codeOf(title));
    }
    const options: ts.CompilerOptions = {
      ...compilerOptions(),
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    };
    const errors = ts.getPreEmitDiagnostics(ts.createProgram(files, options));
    expect(errors.map((error) => ts.flattenDiagnosticMessageText(error.messageText, '; '))).toEqual(
      [],
    );
  }, 60_000);

  it('answers an error of the app with its own filter', async () => {
    const server = await serve('NestJS');
    const { token } = await signIn();
    expect((await server.send('GET', '/nowhere', bearer(token))).status).toBe(404);
    await server.close();
  });
});

describe('The recipe for AWS Lambda', () => {
  it('sees a header that was sent twice, and two tokens at once', async () => {
    const server = await serve('AWS Lambda');
    const { token } = await signIn();
    // API Gateway joins them.
    const twice = { authorization: `Bearer ${token},Bearer ${token}` };
    expectProblem(await server.send('GET', '/me', twice), 'invalid_request');
  });
});

describe('The recipe for tRPC', () => {
  let server: Server;

  beforeAll(async () => {
    server = await serve('tRPC');
  });

  afterAll(() => server.close());

  it('answers 401 as Express does, and a good token with the result', async () => {
    expectProblem(await server.send(...server.me, {}), 'token_missing');
    const { token } = await signIn();
    const answer = await server.send(...server.me, bearer(token));
    expect([answer.status, server.ok(answer.body)]).toEqual([200, { userId: 'alice' }]);
  });

  it('has the problem of a procedure in its error, with status and headers', async () => {
    const { token, session } = await signIn('dave');
    const [method, path, body] = server.transfer;
    const headers = { ...bearer(token), 'x-correlation-id': 'order-7' };
    const refused = await server.send(method, path, headers, body);
    expectProblem(problemIn(refused, ['error', 'data', 'problem']), 'mfa_required', {
      correlationId: 'order-7',
    });
    await session.mfa.start({ method: 'totp' });
    const answer = await server.send(method, path, headers, body);
    expect([answer.status, server.ok(answer.body)]).toEqual([200, { sentBy: 'dave' }]);
  });

  it('answers 503 while the store fails', async () => {
    const { token } = await signIn();
    store.fault = () => throwing(new Error('down'));
    const [method, path, body] = server.transfer;
    expectProblem(await server.send(method, path, bearer(token), body), 'store_unavailable');
  });
});

describe('The recipe for GraphQL', () => {
  let server: Server;

  beforeAll(async () => {
    server = await serve('GraphQL');
  });

  afterAll(() => server.close());

  const post = (headers: Record<string, string>, query: string): Promise<Answered> =>
    server.send('POST', '/graphql', headers, { query });

  it('answers 401 as Express does, and a good token with the result', async () => {
    expectProblem(await post({}, '{ me }'), 'token_missing');
    const { token } = await signIn();
    const answer = await post(bearer(token), '{ me }');
    expect([answer.status, answer.body]).toEqual([200, { data: { me: 'alice' } }]);
  });

  it('has the problem of a resolver in the extensions of its error', async () => {
    const { token, session } = await signIn('erin');
    const headers = { ...bearer(token), 'x-correlation-id': 'order-7' };
    const mutation = 'mutation { transfer(amount: "25") }';
    const refused = await post(headers, mutation);
    expect([refused.status, refused.body]).toMatchObject([
      200,
      {
        data: null,
        errors: [
          {
            message: 'This operation needs MFA to be verified first.',
            path: ['transfer'],
            extensions: {
              type: 'urn:express-wallet-session:mfa_required',
              status: 403,
              errorType: 'mfa_required',
              action: 'verify_mfa',
              correlationId: 'order-7',
              maxAgeSeconds: 300,
            },
          },
        ],
      },
    ]);
    await session.mfa.start({ method: 'totp' });
    expect((await post(headers, mutation)).body).toEqual({ data: { transfer: '25 sent' } });
  });

  it('answers 503 while the store fails', async () => {
    const { token } = await signIn();
    store.fault = () => throwing(new Error('down'));
    expectProblem(await post(bearer(token), '{ me }'), 'store_unavailable');
  });
});

describe('The recipe for a WebSocket', () => {
  it('echoes while the session lasts, and ends with it', async () => {
    const { serveSockets } = await load('live.js: a WebSocket');
    const http = createServer();
    (serveSockets as (server: typeof http) => void)(http);
    const { url, close } = await listen(http);
    const open = (headers: Record<string, string>): WebSocket =>
      new WebSocket(url.replace('http', 'ws'), { headers });
    const { token, session } = await signIn('frank');

    const refused = open({});
    const [error] = (await once(refused, 'error')) as [Error];
    expect(error.message).toBe('Unexpected server response: 401');

    const socket = open(bearer(token));
    await once(socket, 'open');
    socket.send('hello');
    expect(String((await once(socket, 'message'))[0])).toBe('frank: hello');
    const closed = once(socket, 'close');
    await session.signOut();
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4401, 'session_revoked']);
    await close();
  });
});

/** The problem inside of an answer, as if it were the body. */
function problemIn({ body, ...answer }: Answered, path: readonly string[]): Answered {
  const problem = path.reduce((at, name) => (at as Record<string, unknown>)[name], body);
  const text = JSON.stringify(problem);
  return {
    ...answer,
    text,
    body: problem,
    headers: {
      ...answer.headers,
      'content-type': 'application/problem+json',
      'content-length': String(Buffer.byteLength(text)),
      'access-control-expose-headers': 'WWW-Authenticate',
    },
  };
}

/** The event of API Gateway's payload format 2.0. */
function event(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: '',
    headers: { ...headers, host: 'id.execute-api.eu-central-1.amazonaws.com' },
    isBase64Encoded: false,
    requestContext: {
      accountId: '123456789012',
      apiId: 'id',
      domainName: 'id.execute-api.eu-central-1.amazonaws.com',
      domainPrefix: 'id',
      requestId: 'JKJaXmPLvHcESHA=',
      routeKey: '$default',
      stage: '$default',
      time: '10/Mar/2026:05:16:23 +0000',
      timeEpoch: 1773119783000,
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
    },
  };
}
