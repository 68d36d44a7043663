// https://github.com/auth0/node-oauth2-jwt-bearer/tree/main/packages/express-oauth2-jwt-bearer
import { auth } from 'express-oauth2-jwt-bearer';

export function mount(app, { issuer, audience, jwksUri }) {
  app.use(auth({ issuer, audience, jwksUri, tokenSigningAlg: 'ES256' }));
  return { userIdOf: (req) => req.auth.payload.sub };
}
