/**
 * Sessions of ours with a protected operation, on one store or another, behind `requireMfa()` or
 * what stands in its place. `POST /mfa` starts an MFA session.
 */
import { customAuthentication, getSession, requireMfa, validateSession } from '../dist/index.js';

export function mountWithMfa(app, { issuer, audience, jwksUri }, store, guard = requireMfa()) {
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication, store }));
  return {
    userIdOf: (req) => getSession(req).userId,
    guards: [guard],
    startMfa: (req) => getSession(req).mfa.start({ method: 'totp' }),
  };
}
