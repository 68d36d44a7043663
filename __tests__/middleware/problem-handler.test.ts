import {
  memoryStore,
  problemHandler,
  sendProblem,
  SessionError,
  type ErrorType,
} from 'express-wallet-session';
import type { Express } from 'express';
import { ANSWERS, expectProblem } from '../support/expect-problem.js';
import { listen } from '../support/listen.js';
import { throwing } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, showError } from '../support/wallet-api.js';
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
