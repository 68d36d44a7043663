import {
  findSession,
  memoryStore,
  problemHandler,
  requireMfa,
  requireSession,
  sendProblem,
  SessionError,
  validateSession,
  type ErrorType,
} from 'express-wallet-session';
import type { ErrorRequestHandler, Express } from 'express';
import { ANSWERS, expectProblem } from '../support/expect-problem.js';
import { listen } from '../support/listen.js';
import { throwing } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, handle, showError } from '../support/wallet-api.js';
import { answerOf, WalletClient } from '../support/wallet-client.js';

const errorTypes = Object.keys(ANSWERS) as ErrorType[];

describe.each(expressVersions)('problemHandler() on %s', (_version, express) => {
  const kit = useTestIssuer({ express });

  function failingWith(error: unknown): Express {
    return express().use((_req, _res, next) => {
      next(error);
    });
  }

  it('answers the SessionError of a handler', async () => {
    const write = throwing(new Error('connection refused by 10.0.0.5'));
    const alice = await kit.signIn('alice', { store: { ...memoryStore(), write } });
    expectProblem(await alice.verifyMfa(), 'store_unavailable');
  });

  it.each(errorTypes.filter((type) => !type.startsWith('mfa')))('answers %s', async (errorType) => {
    const app = failingWith(new SessionError(errorType)).use(problemHandler(), showError);
    expectProblem(await new WalletClient(app).me(), errorType);
  });

  it.each([
    new Error('of the app'),
    Object.assign(new Error('forged'), { errorType: 'mfa_required', status: 403 }),
    Object.assign(new Error('not found'), { status: 404 }),
  ])('passes %p on', async (error) => {
    const app = failingWith(error).use(problemHandler(), showError);
    const body = { name: 'Error', message: error.message };
    expect(answerOf(await new WalletClient(app).me())).toEqual([500, body]);
  });

  it('leaves a started answer to Express, which aborts it', async () => {
    const app = express().use((_req, res, next) => {
      res.write('the beginning');
      next(new SessionError('store_unavailable'));
    });
    app.use(problemHandler());
    await expect(new WalletClient(app).me()).rejects.toThrow('aborted');
  });

  it.each(errorTypes)('is not needed for the status and the headers of %s', async (type) => {
    const error = new SessionError(type, { mfa: { maxAgeSeconds: 300 }, cause: 'the secret' });
    const { status, headers, text } = await new WalletClient(failingWith(error)).me();
    expect(status).toBe(ANSWERS[type].status);
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['www-authenticate']).toBe(error.headers['WWW-Authenticate']);
    expect(headers['retry-after']).toBe(error.headers['Retry-After']);
    expect(text).not.toContain('the secret');
  });
});

describe.each(expressVersions)('A refused request on %s', (_version, express) => {
  const kit = useTestIssuer({ express });

  /** An app whose error handler lets refused requests go on. */
  function resumingApp(again: boolean): Express {
    const sessions = kit.sessions({
      onError: (error, _req, _res, next) => {
        next(error);
      },
    });
    const guard = validateSession(sessions);
    const app = express().use(guard);
    const resume: ErrorRequestHandler = (_error, _req, _res, next) => {
      next();
    };
    app.use(resume);
    if (again) app.use(guard);
    app.get('/orders', requireSession(), (_req, res) => res.json('passed'));
    app.post('/transfers', requireMfa({ when: () => false }), (_req, res) => res.json('passed'));
    handle(app, 'get', '/me', (session) => session);
    app.get('/prices', (req, res) => res.json(findSession(req) ?? 'anonymous'));
    return app.use(problemHandler());
  }

  it('is anonymous to a handler that an error handler lets it reach', async () => {
    const app = resumingApp(false);
    const stranger = new WalletClient(app, 'nonsense');
    expect((await stranger.send('get', '/prices')).body).toBe('anonymous');
  });

  it('is refused by getSession() and guards for the same reason', async () => {
    const stranger = new WalletClient(resumingApp(false), 'nonsense');
    expectProblem(await stranger.me(), 'token_invalid');
    expectProblem(await stranger.send('get', '/orders'), 'token_invalid');
    expectProblem(await stranger.transfer(), 'token_invalid');
  });

  it('is refused again by the same validateSession()', async () => {
    const stranger = new WalletClient(resumingApp(true), 'nonsense');
    expectProblem(await stranger.send('get', '/prices'), 'token_invalid');
  });
});

describe('sendProblem()', () => {
  it('answers on plain Node with the Retry-After of the error', async () => {
    const error = new SessionError('store_unavailable', { retryAfterSeconds: 2.1 });
    const server = await listen((req, res) => {
      sendProblem(error, req, res);
    });
    const response = await fetch(server.url);
    const text = await response.text();
    const headers = Object.fromEntries(response.headers);
    const answered = { status: response.status, headers, body: JSON.parse(text) as unknown, text };
    expectProblem(answered, 'store_unavailable', { retryAfter: '3' });
    await server.close();
  });

  it.each([0, -5, 0.2, undefined])('sends Retry-After: 1 for %p', (seconds) => {
    const error = new SessionError('verification_unavailable', { retryAfterSeconds: seconds });
    expect(error.headers).toEqual({ 'Cache-Control': 'no-store', 'Retry-After': '1' });
  });

  it('throws for other errors', () => {
    expect(() => {
      sendProblem(new Error('of the app') as never, {} as never, {} as never);
    }).toThrow('sendProblem(error, req, res) answers a SessionError; pass every other error to');
  });

  it('aborts a started answer', async () => {
    const server = await listen((req, res) => {
      res.write('the beginning');
      sendProblem(new SessionError('session_revoked'), req, res);
    });
    await expect(fetch(server.url).then((answer) => answer.text())).rejects.toThrow();
    await server.close();
  });
});

describe('SessionError', () => {
  it('does not show its cause', () => {
    const cause = new Error('inner');
    const error = new SessionError('mfa_required', { cause, mfa: { maxAgeSeconds: 300 } });
    expect(error.cause).toBe(cause);
    for (const shown of [error, error.toProblem(), error.headers, String(error)]) {
      expect(JSON.stringify(shown)).not.toContain('inner');
    }
    expect(Object.isFrozen(error.headers)).toBe(true);
  });
});
