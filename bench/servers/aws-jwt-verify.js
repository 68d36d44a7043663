// https://github.com/awslabs/aws-jwt-verify#verifying-jwts-from-any-oidc-compatible-idp
import { JwtVerifier } from 'aws-jwt-verify';
import { SimpleJwksCache } from 'aws-jwt-verify/jwk';

// Its own fetcher speaks https alone; "Using a different Fetcher" in its documentation.
const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() };

export async function mount(app, { issuer, audience, jwksUri }) {
  const jwksCache = new SimpleJwksCache({ fetcher });
  const verifier = JwtVerifier.create({ issuer, audience, jwksUri }, { jwksCache });
  await verifier.hydrate();
  app.use(async (req, res, next) => {
    req.auth = await verifier.verify(req.headers.authorization?.slice('Bearer '.length) ?? '');
    next();
  });
  return { userIdOf: (req) => req.auth.sub };
}
