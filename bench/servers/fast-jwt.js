// https://github.com/nearform/fast-jwt#createverifier and https://github.com/nearform/get-jwks
import { createVerifier } from 'fast-jwt';
import buildGetJwks from 'get-jwks';

export function mount(app, { issuer, audience, jwksUri }) {
  const { origin, pathname } = new URL(jwksUri);
  const getJwks = buildGetJwks({ jwksPath: pathname });
  const verify = createVerifier({
    key: ({ header }) => getJwks.getPublicKey({ domain: origin, kid: header.kid, alg: header.alg }),
    algorithms: ['ES256'],
    allowedIss: issuer,
    allowedAud: audience,
    cache: true,
  });
  app.use(async (req, res, next) => {
    req.auth = await verify(req.headers.authorization?.slice('Bearer '.length) ?? '');
    next();
  });
  return (req) => req.auth.sub;
}
