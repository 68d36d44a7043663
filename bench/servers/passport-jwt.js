// https://github.com/auth0/node-jwks-rsa/tree/master/examples/passport-demo
import jwksRsa from 'jwks-rsa';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';

export function mount(app, { issuer, audience, jwksUri }) {
  const options = {
    secretOrKeyProvider: jwksRsa.passportJwtSecret({
      cache: true,
      rateLimit: true,
      jwksRequestsPerMinute: 5,
      jwksUri,
    }),
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    audience,
    issuer,
    algorithms: ['ES256'],
  };
  passport.use(new Strategy(options, (payload, done) => done(null, payload)));
  app.use(passport.initialize());
  app.use(passport.authenticate('jwt', { session: false }));
  return { userIdOf: (req) => req.user.sub };
}
