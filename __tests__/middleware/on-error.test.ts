import {
  findSession,
  requireMfa,
  requireScope,
  requireSession,
  sendProblem,
  SessionError,
  validateSession,
  type ErrorType,
  type SessionOptions,
} from 'express-wallet-session';
import type { ServerResponse } from 'node:http';
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, showError } from '../support/wallet-api.js';
import { answerOf, WalletClient } from '../support/wallet-client.js';

type OnError = NonNullable<SessionOptions['onError']>;

describe.each(expressVersions)('onError on %s', (_version, express) => {
  const kit = useTestIssuer({ express });

  async function appWith(onError: OnError): Promise<{
    nobody: WalletClient;
    stranger: WalletClient;
    alice: WalletClient;
  }> {
    const app = express();
    app.use(validateSession(kit.options({ required: false, onError })));
    app.get('/me', requireSession(), (_req, res) => res.json('passed'));
    app.post('/transfers', requireMfa(), (_req, res) => res.json('passed'));
    app.get('/scoped', requireScope('a'), (_req, res) => res.json('passed'));
    app.use(showError);
    return {
      nobody: new WalletClient(app),
      stranger: new WalletClient(app, 'nonsense'),
      alice: new WalletClient(app, (await kit.issuer.signIn('alice')).accessToken),
    };
  }

  it('gets every refusal, before any header is set, and may end in sendProblem()', async () => {
    const seen: [ErrorType, unknown, boolean][] = [];
    const { nobody, stranger, alice } = await appWith((error, req, res) => {
      const ours = ['www-authenticate', 'cache-control', 'retry-after', 'content-type'];
      const names = res.getHeaderNames().filter((name) => ours.includes(name));
      seen.push([error.errorType, names, error instanceof SessionError]);
      res.setHeader('X-Handled', 'yes');
      sendProblem(error, req, res);
    });
    for (const [response, errorType] of [
      [await stranger.me(), 'token_invalid'],
      [await nobody.me(), 'token_missing'],
      [await nobody.transfer(), 'token_missing'],
      [await alice.transfer(), 'mfa_required'],
    ] as const) {
      expectProblem(response, errorType);
      expect(response.headers['x-handled']).toBe('yes');
    }
    expect((await alice.send('get', '/scoped')).status).toBe(403);
    expect(seen).toEqual([
      ['token_invalid', [], true],
      ['token_missing', [], true],
      ['token_missing', [], true],
      ['mfa_required', [], true],
      ['insufficient_scope', [], true],
    ]);
  });

  it('is given the status, the action, the headers, the body and the cause', async () => {
    let given: SessionError | undefined;
    const { stranger } = await appWith((error, req, res) => {
      given = error;
      expect(error.toProblem(req)).toEqual(error.toProblem(req));
      (res as ServerResponse & { json(body: unknown): void }).json(error.toProblem(req));
    });
    const { body } = (await stranger.me()) as { body: unknown };
    expect(given).toMatchObject({
      name: 'SessionError',
      errorType: 'token_invalid',
      status: 401,
      action: 'sign_in',
      detail: 'The access token is not valid here.',
      message: 'The access token is not valid here.',
      headers: { 'Cache-Control': 'no-store', 'WWW-Authenticate': 'Bearer error="invalid_token"' },
      cause: expect.any(Error) as Error,
    });
    expect(body).toMatchObject({ errorType: 'token_invalid' });
  });

  it('may send an answer of its own', async () => {
    const { alice, nobody } = await appWith((error, _req, res) => {
      res.statusCode = 418;
      res.end(JSON.stringify(error.errorType));
    });
    expect((await alice.transfer()).text).toBe('"mfa_required"');
    const response = await nobody.me();
    expect([response.status, response.text]).toEqual([418, '"token_missing"']);
    expect(response.headers).not.toHaveProperty('www-authenticate');
  });

  it('may pass the error on to the handlers of the app', async () => {
    const { nobody, alice } = await appWith((error, _req, _res, next) => {
      next(error);
    });
    const body = { name: 'SessionError', message: 'This request needs an access token.' };
    expect(answerOf(await nobody.me())).toEqual([500, body]);
    expect((await alice.transfer()).body).toMatchObject({ name: 'SessionError' });
  });

  it.each([
    [
      'that throws',
      (): never => {
        throw new RangeError('onError is broken');
      },
    ],
    ['that rejects', () => Promise.reject(new RangeError('onError is broken'))],
    [
      'that rejects after a while',
      async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new RangeError('onError is broken');
      },
    ],
  ])('%s ends the request with its error', async (_what, onError) => {
    const { nobody, alice } = await appWith(onError);
    const broken = [500, { name: 'RangeError', message: 'onError is broken' }];
    expect(answerOf(await nobody.me())).toEqual(broken);
    expect(answerOf(await alice.transfer())).toEqual(broken);
  });

  it.each([[[]], [[undefined]], [[null]], [[false]], [[0]], [['']], [['route']], [['router']]])(
    'that calls next() with %j passes the refusal on, never the request',
    async (given) => {
      const { nobody, stranger, alice } = await appWith(async (error, _req, _res, next) => {
        // At once for an anonymous request, later for the others.
        if (error.errorType !== 'token_missing') await Promise.resolve();
        next(...given);
      });
      for (const [answer, message] of [
        [nobody.me(), 'This request needs an access token.'],
        [stranger.me(), 'The access token is not valid here.'],
        [nobody.transfer(), 'This request needs an access token.'],
        [alice.transfer(), 'This operation needs MFA to be verified first.'],
      ] as const) {
        expect(answerOf(await answer)).toEqual([500, { name: 'SessionError', message }]);
      }
    },
  );

  it('that calls next() with an error passes that error on', async () => {
    const { nobody } = await appWith((_error, _req, _res, next) => {
      next(new RangeError('of the app'));
    });
    const body = { name: 'RangeError', message: 'of the app' };
    expect(answerOf(await nobody.me())).toEqual([500, body]);
  });

  it('may read findSession(), which is undefined for a refused token', async () => {
    const { stranger, alice } = await appWith((error, req, res) => {
      res.end(JSON.stringify([error.errorType, findSession(req)?.userId ?? null]));
    });
    expect((await stranger.me()).text).toBe('["token_invalid",null]');
    expect((await alice.transfer()).text).toBe('["mfa_required","alice"]');
  });

  it('does not get errors of the app', async () => {
    const seen: unknown[] = [];
    const token = (): never => {
      throw new RangeError('the app is broken');
    };
    const onError: OnError = (error) => {
      seen.push(error);
    };
    const app = kit.api({ token: [token], onError });
    expect((await new WalletClient(app).me()).body).toMatchObject({ name: 'RangeError' });
    expect(seen).toEqual([]);
  });
});
