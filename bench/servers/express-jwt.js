// https://github.com/auth0/node-jwks-rsa/tree/master/examples/express-demo
import { expressjwt } from 'express-jwt';
import jwksRsa from 'jwks-rsa';

export function mount(app, { issuer, audience, jwksUri }) {
  const secret = jwksRsa.expressJwtSecret({
    cache: true,
    rateLimit: true,
    jwksRequestsPerMinute: 2,
    jwksUri,
  });
  app.use(expressjwt({ secret, audience, issuer, algorithms: ['ES256'] }));
  return { userIdOf: (req) => req.auth.sub };
}
