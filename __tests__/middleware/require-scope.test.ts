import {
  createSessions,
  requireScope,
  validateSession,
  type GuardOptions,
} from 'express-wallet-session';
import type { RequestHandler } from 'express';
import { complaints } from '../configuration/complaints.js';
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, walletApi } from '../support/wallet-api.js';
import { answerOf, expectTransferred, WalletClient } from '../support/wallet-client.js';

type Claims = Readonly<Record<string, unknown>>;

describe.each(expressVersions)('requireScope() on %s', (_version, express) => {
  const kit = useTestIssuer({ authentication: 'custom', express });

  async function clientWith(guard: unknown, claims: Claims): Promise<WalletClient> {
    const app = kit.api({}, { transfers: guard as RequestHandler });
    return new WalletClient(app, await kit.issuer.sign(claims));
  }

  it.each<[string, Claims]>([
    ['`scope`', { scope: 'transfers:read transfers:write' }],
    ['`scope` in another order, among others', { scope: 'openid transfers:write transfers:read' }],
    ['an array in `scp`', { scp: ['transfers:write', 'transfers:read'] }],
    ['a string in `scp`', { scp: 'transfers:read transfers:write' }],
    ['both claims together', { scope: 'transfers:read', scp: ['transfers:write'] }],
    ['`scp` beside a `scope` of another type', { scope: 5, scp: 'transfers:read transfers:write' }],
  ])('lets a token pass that has all scopes in %s', async (_what, claims) => {
    const client = await clientWith(requireScope('transfers:read', 'transfers:write'), claims);
    expectTransferred(await client.transfer());
  });

  it.each<[string, Claims]>([
    ['no claim', {}],
    ['one of two', { scope: 'transfers:write' }],
    ['a scope that contains the name', { scope: 'transfers:read transfers:writeable' }],
    ['other letters', { scope: 'transfers:read Transfers:Write' }],
    ['a comma instead of a space', { scope: 'transfers:read,transfers:write' }],
    ['an array in `scope`', { scope: ['transfers:read', 'transfers:write'] }],
    ['two scopes in one entry of `scp`', { scp: ['transfers:read transfers:write'] }],
    ['an object', { scp: { 'transfers:read': true, 'transfers:write': true } }],
    ['null', { scope: null, scp: null }],
    ['numbers', { scp: [1, 2] }],
  ])('refuses a token with %s, and names both scopes', async (_what, claims) => {
    const client = await clientWith(requireScope('transfers:read', 'transfers:write'), claims);
    const response = await client.transfer();
    expectProblem(response, 'insufficient_scope', {
      scope: 'transfers:read transfers:write',
    });
  });

  it('refuses an anonymous request with token_missing', async () => {
    const app = walletApi(kit.options({ required: false }), {
      express,
      transfers: requireScope('a'),
    });
    expectProblem(await new WalletClient(app).transfer(), 'token_missing');
  });

  it('judges the token of the named sessions alone', async () => {
    const own = createSessions(kit.options());
    const other = createSessions(
      kit.options({ property: 'other', token: [(req) => req.headers['x-other']?.toString()] }),
    );
    const [withScope, without] = [await kit.issuer.sign({ scope: 'a' }), await kit.issuer.sign()];
    const app = express().use(validateSession(own), validateSession(other));
    app.get('/all', requireScope('a'), (_req, res) => res.json('passed'));
    app.get('/own', requireScope('a', { sessions: own }), (_req, res) => res.json('passed'));
    const client = new WalletClient(app, withScope, { 'x-other': without });
    expect(answerOf(await client.send('get', '/own'))).toEqual([200, 'passed']);
    expectProblem(await client.send('get', '/all'), 'insufficient_scope', { scope: 'a' });
  });
});

describe('The arguments of requireScope()', () => {
  const sessions = {} as unknown as GuardOptions['sessions'];

  it.each<[string, unknown[], RegExp[]]>([
    ['no scope', [], [/name at least one scope/]],
    ['options alone', [{}], [/name at least one scope/]],
    ['an empty string', [''], [/must be one scope.*not an empty string/]],
    ['two scopes in one string', ['a b'], [/must be one scope, a string without spaces/]],
    ['a quote', ['a"b'], [/must be one scope/]],
    ['a line break', ['a\r\nX-Injected: 1'], [/must be one scope/]],
    ['an array', [['a', 'b']], [/must be one scope.*not an array/]],
    ['undefined', ['a', undefined], [/must be one scope.*not nothing/]],
    ['options that are misspelt', ['a', { session: 1 }], [/`session`.*Did you mean `sessions`/]],
    ['other sessions', ['a', { sessions }], [/`sessions` must be what createSessions\(\) made/]],
    ['several mistakes', ['', {}, 'b'], [/not an empty string/, /not an object/]],
  ])('are refused if they are %s', (_what, given, expected) => {
    expect(complaints(() => requireScope(...(given as string[])))).toEqual(
      expected.map((one) => expect.stringMatching(one) as string),
    );
  });
});
