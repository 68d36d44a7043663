/**
 * Pages of another origin: the preflights that browsers send without credentials, and the headers
 * that a script may read.
 */
import type { Express } from 'express';
import {
  findSession,
  getSession,
  requireMfa,
  requireScope,
  requireSession,
  SessionError,
  validateSession,
  problemHandler,
} from 'express-wallet-session';
import request, { type Test } from 'supertest';
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, showError } from '../support/wallet-api.js';
import { answerOf, WalletClient } from '../support/wallet-client.js';

const PREFLIGHT = {
  Origin: 'https://wallet.example',
  'Access-Control-Request-Method': 'POST',
  'Access-Control-Request-Headers': 'authorization, previous-access-token',
};

describe.each(expressVersions)('On %s', (_version, express) => {
  const kit = useTestIssuer({ express });

  function api(): Express {
    const app = express().use(validateSession(kit.options()));
    app.all('/transfers', requireMfa(), (_req, res) => res.json('passed'));
    app.all('/orders', requireSession(), (_req, res) => res.json('passed'));
    app.all('/scoped', requireScope('a'), (_req, res) => res.json('passed'));
    app.all('/strict', (req, res) => res.json(getSession(req)));
    app.all('/open', (req, res) => res.json([findSession(req) === undefined, 'session' in req]));
    return app.use(problemHandler(), showError);
  }

  function preflight(path: string, headers: Readonly<Record<string, string>> = {}): Test {
    return request(api())
      .options(path)
      .set({ ...PREFLIGHT, ...headers });
  }

  it('a preflight passes validateSession() as an anonymous request', async () => {
    expect(answerOf(await preflight('/open'))).toEqual([200, [true, false]]);
  });

  it.each(['/transfers', '/orders', '/scoped', '/strict'])(
    'a preflight is refused by the guard of %s',
    async (path) => {
      expectProblem(await preflight(path), 'token_missing');
    },
  );

  it.each([
    ['without Origin', { Origin: '' }],
    ['without Access-Control-Request-Method', { 'Access-Control-Request-Method': '' }],
    ['with credentials of another scheme', { Authorization: 'Basic YTpi' }],
    ['with a cookie', { Cookie: 'theme=dark' }],
  ])('an OPTIONS request %s is no preflight', async (_what, headers) => {
    const sent = Object.entries({ ...PREFLIGHT, ...headers }).filter(([, value]) => value !== '');
    const response = await request(api()).options('/open').set(Object.fromEntries(sent));
    expectProblem(response, 'token_missing');
  });

  it.each(['get', 'post', 'head'] as const)('a %s is no preflight', async (method) => {
    const response = await request(api())[method]('/open').set(PREFLIGHT);
    expect(response.status).toBe(401);
  });

  it('a preflight with a token is judged by it', async () => {
    const { accessToken } = await kit.issuer.signIn('alice');
    const authorization = `Bearer ${accessToken}`;
    expect(answerOf(await preflight('/open', { authorization }))).toEqual([200, [false, true]]);
    expectProblem(await preflight('/open', { authorization: 'Bearer nonsense' }), 'token_invalid');
  });

  it.each([
    [undefined, 'WWW-Authenticate'],
    ['X-Total', 'X-Total, WWW-Authenticate'],
    [['X-Total', 'Etag'], 'X-Total, Etag, WWW-Authenticate'],
    ['www-authenticate', 'www-authenticate'],
    ['*', '*, WWW-Authenticate'],
    ['X-WWW-Authenticate', 'X-WWW-Authenticate, WWW-Authenticate'],
  ])('a refusal exposes its challenge beside %j', async (before, expected) => {
    const app = express().use((_req, res, next) => {
      if (before !== undefined) res.setHeader('Access-Control-Expose-Headers', before);
      next();
    });
    const response = await new WalletClient(app.use(validateSession(kit.options()))).me();
    expect(response.status).toBe(401);
    expect(response.headers).toHaveProperty('access-control-expose-headers', expected);
  });

  it('a 503 exposes Retry-After, and an approval its challenge id', async () => {
    const approval = { challengeId: 'c-1', description: 'a transfer', expiresInSeconds: 300 };
    for (const [error, exposed] of [
      [new SessionError('store_unavailable'), 'Retry-After'],
      [new SessionError('mfa_required', { approval }), 'WWW-Authenticate, X-Mfa-Challenge-Id'],
      [new SessionError('mfa_invalid_code'), undefined],
    ] as const) {
      const app = express().use(() => {
        throw error;
      });
      const { headers } = await request(app.use(problemHandler())).get('/');
      expect((headers as Record<string, string>)['access-control-expose-headers']).toBe(exposed);
    }
  });
});
