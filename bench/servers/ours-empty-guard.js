// What is left of requireMfa() when it checks nothing: Express's own step to one more handler.
import { customAuthentication, getSession, validateSession } from '../../dist/index.js';

export function mount(app, { issuer, audience, jwksUri }) {
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication }));
  return {
    userIdOf: (req) => getSession(req).userId,
    guards: [(req, res, next) => next()],
  };
}
