import { customAuthentication, getSession, validateSession } from '../../dist/index.js';

export function mount(app, { issuer, audience, jwksUri }) {
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication }));
  return (req) => getSession(req).userId;
}
