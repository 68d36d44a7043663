import { SessionError, type Problem } from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import { expectProblem, UUID } from '../support/expect-problem.js';
import { getRaw } from '../support/raw-request.js';
import { walletApi } from '../support/wallet-api.js';
import { WalletClient } from '../support/wallet-client.js';

const { authentication } = await createTestIssuer();
const app = walletApi({ authentication });
const LONGEST = 'a'.repeat(128);

function anonymous(headers: Readonly<Record<string, string>>): WalletClient {
  return new WalletClient(app, undefined, headers);
}

describe('The correlation id of an answer', () => {
  it.each([
    ['X-Correlation-Id', 'b6c0a5e2-98d1-4f0e-9f39-2f1f3a6e0a11'],
    ['X-Request-Id', 'req_1.2-3'],
    ['x-correlation-id', LONGEST],
    ['X-Request-Id', '.'],
  ])('is taken from %s: %s', async (name, correlationId) => {
    expectProblem(await anonymous({ [name]: correlationId }).me(), 'token_missing', {
      correlationId,
    });
  });

  it('is taken from X-Correlation-Id if both headers are sent', async () => {
    const both = { 'x-request-id': 'second', 'x-correlation-id': 'first' };
    expectProblem(await anonymous(both).me(), 'token_missing', { correlationId: 'first' });
    const harmful = { 'x-request-id': 'second', 'x-correlation-id': '<script>' };
    expectProblem(await anonymous(harmful).me(), 'token_missing', { correlationId: 'second' });
  });

  it.each([
    '',
    ' ',
    'a b',
    'a/b',
    '<script>',
    '"',
    'a,b',
    '{{7*7}}',
    `${LONGEST}a`,
    'id;x',
    '%0d%0a',
  ])('is a new UUID if the request sends %j', async (id) => {
    const answers = [
      await anonymous({ 'x-correlation-id': id }).me(),
      await anonymous({ 'x-correlation-id': id }).me(),
    ];
    for (const answer of answers) expectProblem(answer, 'token_missing');
    const ids = answers.map((answer) => (answer.body as Problem).correlationId);
    expect(new Set(ids).size).toBe(2);
  });

  it.each(['é', '\u2028', 'ａ', 'a\u0000'])('is a new UUID for bytes such as %j', async (text) => {
    const bytes = Buffer.from(text).toString('latin1');
    const { status, body } = await getRaw(app, [`X-Request-Id: ${bytes}`]);
    // Node itself refuses a NUL before any middleware sees it.
    if (text.includes('\u0000')) expect(status).toBe(400);
    else expect((body as Problem).correlationId).toMatch(UUID);
  });

  it('is a new UUID if the header is sent twice', async () => {
    expectProblem(await anonymous({}).me().set('X-Request-Id', 'a, b'), 'token_missing');
  });
});

describe('toProblem(req)', () => {
  it.each(['a\r\nSet-Cookie: a=b', 'a\n', '\u0000', ['a', 'b'], undefined, 5])(
    'replaces the correlation id %j',
    (id) => {
      const headers = { 'x-correlation-id': id } as Record<string, string>;
      expect(new SessionError('token_missing').toProblem({ headers }).correlationId).toMatch(UUID);
    },
  );

  it('gives each request one id of its own', () => {
    const [req, other] = [{ headers: {} }, { headers: {} }];
    const error = new SessionError('token_missing');
    const { correlationId } = error.toProblem(req);
    expect(correlationId).toMatch(UUID);
    expect(error.toProblem(req)).toEqual(error.toProblem(req));
    expect(new SessionError('mfa_required').toProblem(req).correlationId).toBe(correlationId);
    expect(error.toProblem(other).correlationId).not.toBe(correlationId);
    expect(error.toProblem().correlationId).toMatch(UUID);
  });
});
