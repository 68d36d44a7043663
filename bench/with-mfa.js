/**
 * Sessions of ours behind requireMfa(), on one store or another. `POST /mfa` starts an MFA session.
 */
import { customAuthentication, getSession, requireMfa, validateSession } from '../dist/index.js';

export function mountWithMfa(app, { issuer, audience, jwksUri }, store) {
  const authentication = customAuthentication({ issuer, audience, jwksUri });
  app.use(validateSession({ authentication, store }));
  app.post('/mfa', async (req, res) => {
    await getSession(req).mfa.start({ method: 'totp' });
    res.json({});
  });
  app.use(requireMfa());
  return (req) => getSession(req).userId;
}
