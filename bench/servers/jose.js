// https://github.com/panva/jose/blob/main/docs/jwks/remote/functions/createRemoteJWKSet.md
import { createRemoteJWKSet, jwtVerify } from 'jose';

export function mount(app, { issuer, audience, jwksUri }) {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  app.use(async (req, res, next) => {
    const token = req.headers.authorization?.slice('Bearer '.length) ?? '';
    const { payload } = await jwtVerify(token, keys, { issuer, audience });
    req.auth = payload;
    next();
  });
  return { userIdOf: (req) => req.auth.sub };
}
