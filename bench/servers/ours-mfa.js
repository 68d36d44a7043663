// With a protected operation on memory. Its guard can be exchanged for one that does nothing, so that
// the two are measured in one server.
import { customAuthentication, getSession, requireMfa, validateSession } from '../../dist/index.js';

export function mount(app, { issuer, audience, jwksUri }) {
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication }));
  const guardsByName = { mfa: requireMfa(), empty: (req, res, next) => next() };
  let guard = guardsByName.mfa;
  return {
    userIdOf: (req) => getSession(req).userId,
    guards: [(req, res, next) => guard(req, res, next)],
    setGuard(name) {
      guard = guardsByName[name];
    },
    routes(app) {
      app.post('/mfa', async (req, res) => {
        await getSession(req).mfa.start({ method: 'totp' });
        res.json({});
      });
    },
  };
}
