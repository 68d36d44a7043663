// No rival: what is left of DPoP when nothing is checked but the signature of the proof, with jose.
import { hash } from 'node:crypto';
import { createRemoteJWKSet, EmbeddedJWK, jwtVerify } from 'jose';

export function mount(app, { issuer, audience, jwksUri }) {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  const verified = new Map();
  app.use(async (req, res, next) => {
    const token = req.headers.authorization?.slice('DPoP '.length) ?? '';
    const key = hash('sha256', token, 'binary');
    req.auth = verified.get(key);
    if (req.auth === undefined) {
      const { payload } = await jwtVerify(token, keys, { issuer, audience });
      verified.set(key, payload);
      req.auth = payload;
    }
    await jwtVerify(req.headers.dpop ?? '', EmbeddedJWK, { typ: 'dpop+jwt' });
    next();
  });
  return { userIdOf: (req) => req.auth.sub };
}
