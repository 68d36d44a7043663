import { customAuthentication, getSession, validateSession } from '../../dist/index.js';

export function mount(app, { issuer, audience, jwksUri }) {
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication }));
  return { userIdOf: (req) => getSession(req).userId };
}
