/**
 * Factories that are mounted without being called, as in `app.use(validateSession)`.
 */
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import {
  acrEvidence,
  amrEvidence,
  backchannelLogout,
  createSessions,
  fromBearer,
  fromCookie,
  problemHandler,
  requireApproval,
  requireMfa,
  requireScope,
  requireSession,
  validateSession,
  type SessionOptions,
} from 'express-wallet-session';
import { complaints } from '../configuration/complaints.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, showError } from '../support/wallet-api.js';
import { answerOf, WalletClient } from '../support/wallet-client.js';

const factories = {
  validateSession,
  requireMfa,
  requireSession,
  requireScope,
  requireApproval,
  backchannelLogout,
};

describe.each(expressVersions)('On %s', (_version, express) => {
  const kit = useTestIssuer({ express });

  async function answerTo(app: Express): Promise<[number, unknown]> {
    const { accessToken } = await kit.issuer.signIn('alice');
    return answerOf(await new WalletClient(app.use(showError), accessToken).transfer());
  }

  it.each([
    ['validateSession', 'Call it: app.use(validateSession()), not app.use(validateSession).'],
    ['requireMfa', 'Call it: app.use(requireMfa()), not app.use(requireMfa).'],
    ['requireSession', 'Call it: app.use(requireSession()), not app.use(requireSession).'],
    [
      'requireScope',
      "Call it: app.use(requireScope('transfers:write')), not app.use(requireScope).",
    ],
    [
      'requireApproval',
      'Call it: app.use(requireApproval({ describe })), not app.use(requireApproval).',
    ],
    [
      'backchannelLogout',
      'Call it: app.use(backchannelLogout(sessions, { audience })), not app.use(backchannelLogout).',
    ],
  ] as const)('%s, mounted without being called, says so and opens nothing', async (name, hint) => {
    const mounted = factories[name] as unknown as RequestHandler;
    const expected = {
      name: 'ConfigurationError',
      message: `${name} was mounted without being called. ${hint}`,
    };
    for (const mount of [
      (app: Express) => app.use(mounted),
      (app: Express) => app.post('/transfers', mounted),
      (app: Express) => app.use(validateSession(kit.options()), mounted),
    ]) {
      const app = express();
      mount(app);
      app.use((_req, res) => res.json('the open door'));
      expect(await answerTo(app)).toEqual([500, expected]);
    }
  });

  it('problemHandler, mounted without being called, says so', async () => {
    const app = express().use(problemHandler as unknown as RequestHandler);
    expect(await answerTo(app)).toEqual([
      500,
      {
        name: 'ConfigurationError',
        message:
          'problemHandler was mounted without being called. Call it: app.use(problemHandler()), not app.use(problemHandler).',
      },
    ]);
  });

  it('problemHandler as `onError`, without being called, says so', async () => {
    const onError = problemHandler as unknown as NonNullable<SessionOptions['onError']>;
    const app = express().use(validateSession(kit.options({ onError })));
    const answer = answerOf(await new WalletClient(app.use(showError)).me());
    expect(answer).toEqual([
      500,
      { name: 'ConfigurationError', message: expect.stringContaining('Call it') as string },
    ]);
  });

  it('a factory that an error handler calls with its error says so', async () => {
    const app = express().use(() => {
      throw new RangeError('of the app');
    });
    // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express counts the parameters
    const handler: ErrorRequestHandler = (error: object, _req, _res, _next) => {
      requireMfa(error);
    };
    app.use(handler);
    expect(await answerTo(app)).toEqual([
      500,
      { name: 'ConfigurationError', message: expect.stringContaining('Call it') as string },
    ]);
  });
});

describe('A factory that is given as an option without being called', () => {
  const kit = useTestIssuer();

  it.each<[string, SessionOptions, string]>([
    ['fromBearer', { token: [fromBearer as never] }, '`token`: call it: fromBearer().'],
    [
      'fromCookie',
      { token: [fromBearer(), fromCookie as never] },
      "`token`: call it: fromCookie('name').",
    ],
    [
      'amrEvidence',
      { mfa: { evidence: amrEvidence as never } },
      '`evidence`: call it: amrEvidence().',
    ],
    [
      'acrEvidence',
      { mfa: { evidence: acrEvidence as never } },
      '`evidence`: call it: acrEvidence({ acr }).',
    ],
  ])('%s is refused, and told to call it', (_name, options, complaint) => {
    expect(complaints(() => createSessions(kit.options(options)))).toEqual([
      expect.stringContaining(complaint),
    ]);
  });
});
