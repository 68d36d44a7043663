import {
  ConfigurationError,
  findSession,
  getSession,
  requireMfa,
  requireScope,
  requireSession,
} from 'express-wallet-session';
import { expressVersions, handle, showError } from '../support/wallet-api.js';
import { answerOf, WalletClient } from '../support/wallet-client.js';

const HOW_TO_MOUNT =
  'Mount it ahead of your routes: app.use(validateSession()). If it is mounted, two copies of express-wallet-session are installed: `npm ls express-wallet-session` shows them.';

function message(what: string): string {
  return `${what} found no session: no validateSession() ran before it on this request. ${HOW_TO_MOUNT}`;
}

describe.each(expressVersions)(
  'Without a validateSession() before it, on %s,',
  (_name, express) => {
    it.each([
      ['requireMfa()', requireMfa()],
      ['requireMfa() with a condition', requireMfa({ when: () => false })],
      ['requireMfa() that lets others in', requireMfa({ whenNotEnrolled: 'allow' })],
      ['requireSession()', requireSession()],
      ['requireScope()', requireScope('transfers:write')],
    ])('%s refuses and says how to mount it', async (name, guard) => {
      const app = express().use(guard);
      app.use((_req, res) => res.json('the open door')).use(showError);
      const answer = answerOf(await new WalletClient(app, 'any token').transfer());
      const what = name.replace(/\).*/, ')');
      expect(answer).toEqual([500, { name: 'ConfigurationError', message: message(what) }]);
    });

    it('getSession() and findSession() say how to mount it', async () => {
      const app = express();
      handle(app, 'get', '/me', (session) => session);
      app.get('/maybe', (req, res) => res.json(findSession(req)));
      app.use(showError);
      for (const [path, name] of [
        ['/me', 'getSession(req)'],
        ['/maybe', 'findSession(req)'],
      ] as const) {
        const body = { name: 'ConfigurationError', message: message(name) };
        expect(answerOf(await new WalletClient(app).send('get', path))).toEqual([500, body]);
      }
    });
  },
);

describe('getSession() and findSession()', () => {
  it.each([{}, { session: { userId: 'alice' } }, [], undefined, null, 'a request'])(
    'throw on %p',
    (req) => {
      for (const read of [getSession, findSession]) {
        expect(() => read(req as object)).toThrow(ConfigurationError);
        expect(() => read(req as object)).toThrow(HOW_TO_MOUNT);
      }
    },
  );
});
