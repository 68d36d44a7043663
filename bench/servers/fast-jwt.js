// https://github.com/nearform/fast-jwt#createverifier and https://github.com/nearform/get-jwks
// get-jwks makes a PEM of the JWK at each call, which takes milliseconds, so it is asked once a key.
import { createVerifier } from 'fast-jwt';
import buildGetJwks from 'get-jwks';

export function mount(app, { issuer, audience, jwksUri }) {
  const { origin, pathname } = new URL(jwksUri);
  const getJwks = buildGetJwks({ jwksPath: pathname });
  const pems = new Map();
  const pemOf = async ({ kid, alg }) => {
    if (!pems.has(kid)) pems.set(kid, await getJwks.getPublicKey({ domain: origin, kid, alg }));
    return pems.get(kid);
  };
  const verify = createVerifier({
    key: ({ header }) => pemOf(header),
    algorithms: ['ES256'],
    allowedIss: issuer,
    allowedAud: audience,
    cache: 10_000,
  });
  app.use(async (req, res, next) => {
    req.auth = await verify(req.headers.authorization?.slice('Bearer '.length) ?? '');
    next();
  });
  return { userIdOf: (req) => req.auth.sub };
}
