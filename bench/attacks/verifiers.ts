/**
 * Who is attacked, each mounted as its own documentation says, in a few lines that anybody can
 * correct.
 */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { customAuthentication, getSession, validateSession } from 'express-wallet-session';
import { createRemoteJWKSet, jwtVerify } from 'jose';

export interface Settings {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUri: string;
  /** How long keys are fresh, where a run cannot wait for the default of 10 minutes. */
  readonly cacheAgeMs?: number;
}

export interface Verifier {
  readonly name: string;
  mount(settings: Settings): Promise<Express> | Express;
}

/** What the clock of ours is ahead: its shortest cache age is a minute. */
export const time: { aheadMs: number } = { aheadMs: 0 };

const refuse: ErrorRequestHandler = (error: { status?: number }, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(error.status ?? 401).end();
};

const ours: Verifier = {
  name: 'express-wallet-session',
  mount({ issuer, audience, jwksUri }) {
    const authentication = customAuthentication({ issuer, audience, jwksUri });
    const app = express();
    app.use(validateSession({ authentication, clock: () => Date.now() + time.aheadMs }));
    app.get('/me', (req, res) => {
      res.json({ userId: getSession(req).userId });
    });
    return app;
  },
};

interface Bearer {
  readonly auth: (options: object) => RequestHandler;
}

/** https://github.com/auth0/node-oauth2-jwt-bearer/tree/main/packages/express-oauth2-jwt-bearer */
const oauth2JwtBearer: Verifier = {
  name: 'express-oauth2-jwt-bearer',
  async mount({ issuer, audience, jwksUri, cacheAgeMs }) {
    // It is among the dependencies of bench/ and not of this project, so its types may be absent.
    const packageName: string = oauth2JwtBearer.name;
    const { auth } = (await import(packageName)) as Bearer;
    const app = express();
    const cacheAge = cacheAgeMs === undefined ? {} : { cacheMaxAge: cacheAgeMs };
    app.use(auth({ issuer, audience, jwksUri, ...cacheAge }));
    app.get('/me', (req, res) => {
      const { auth } = req as unknown as { auth: { payload: { sub: unknown } } };
      res.json({ userId: auth.payload.sub });
    });
    app.use(refuse);
    return app;
  },
};

/** https://github.com/panva/jose/blob/main/docs/jwks/remote/functions/createRemoteJWKSet.md */
const jose: Verifier = {
  name: 'jose in a bare middleware',
  mount({ issuer, audience, jwksUri, cacheAgeMs }) {
    const cacheAge = cacheAgeMs === undefined ? {} : { cacheMaxAge: cacheAgeMs };
    const keys = createRemoteJWKSet(new URL(jwksUri), cacheAge);
    const app = express();
    app.get('/me', async (req, res) => {
      const token = req.headers.authorization?.slice('Bearer '.length) ?? '';
      const { payload } = await jwtVerify(token, keys, { issuer, audience });
      res.json({ userId: payload.sub });
    });
    app.use(refuse);
    return app;
  },
};

export const verifiers: readonly Verifier[] = [ours, oauth2JwtBearer, jose];
