/**
 * Code that must compile and code that must not. `npm run types` checks it; Jest only shows that it
 * runs.
 */
import type { Request, RequestHandler } from 'express';
import type { RequestHandler as RequestHandler4 } from 'express4';
import { expectTypeOf } from 'expect-type';
import {
  acrEvidence,
  amrEvidence,
  cdpAuthentication,
  ConfigurationError,
  customAuthentication,
  fromBearer,
  fromCookie,
  getSession,
  findSession,
  memoryStore,
  problemHandler,
  requireApproval,
  requireMfa,
  requireSession,
  validateSession,
  type ErrorType,
  type MfaSession,
  type Session,
  type SessionError,
  type SessionStore,
} from 'express-wallet-session';

const jwksUri = 'https://issuer.example/.well-known/jwks.json';
const authentication = cdpAuthentication({ projectId: 'project', jwksUri });

describe('What compiles', () => {
  it('is a middleware for Express 4 and for Express 5', () => {
    expectTypeOf(validateSession({ authentication })).toExtend<RequestHandler>();
    expectTypeOf(validateSession({ authentication })).toExtend<RequestHandler4>();
    expectTypeOf(requireMfa()).toExtend<RequestHandler>();
    expectTypeOf(requireMfa()).toExtend<RequestHandler4>();
    expectTypeOf(requireSession()).toExtend<RequestHandler>();
    expectTypeOf(problemHandler()).parameter(0).toEqualTypeOf<unknown>();
  });

  it('is what the contract shows', () => {
    validateSession({
      authentication: [
        authentication,
        customAuthentication({ issuer: 'https://a.example/', audience: null, jwksUri }),
      ],
      store: memoryStore({ maxEntries: 10 }),
      token: [fromBearer(), fromCookie('session'), (req: Request) => req.get('x-token')],
      mfa: { isEnrolled: async () => Promise.resolve(true), evidence: amrEvidence() },
      property: false,
      onError(error, _req, _res, next) {
        expectTypeOf(error).toEqualTypeOf<SessionError>();
        next(error);
      },
      warnBeforeSeconds: undefined,
    });
    const absent = { when: undefined, methods: undefined, acr: undefined };
    requireMfa(absent);
    requireApproval({ ...absent, bind: undefined, describe: (req: Request) => req.path });
    validateSession({ authentication, onError: undefined, token: undefined, clock: undefined });
    requireMfa({ when: (req: Request) => req.path !== '/', methods: ['totp'], acr: ['a'] });
    requireMfa({ when: (req) => Number(req.body) > 1000 });
    acrEvidence({ acr: ['a'] });
    expectTypeOf(getSession).returns.toEqualTypeOf<Session>();
    expectTypeOf(findSession).returns.toEqualTypeOf<Session | undefined>();
    expectTypeOf<Session['mfa']['current']>().returns.resolves.toEqualTypeOf<
      MfaSession | undefined
    >();
    expectTypeOf<'mfa_expired'>().toExtend<ErrorType>();
    expectTypeOf(memoryStore()).toExtend<SessionStore>();
  });
});

describe('What does not compile', () => {
  it('is an audience left out, an option misspelt, a string for a list, two sources of keys', () => {
    // @ts-expect-error -- `audience` is missing
    const noAudience = customAuthentication({ issuer: 'https://a.example/', jwksUri });
    // @ts-expect-error -- `project` is no option
    const misspelt = cdpAuthentication({ project: 'project', jwksUri });
    // @ts-expect-error -- one source of keys
    const twoSources = cdpAuthentication({
      projectId: 'project',
      jwksUri,
      validateAccessToken: async () => Promise.resolve({ userId: 'user' }),
    });
    for (const wrong of [noAudience, misspelt, twoSources]) {
      expect(() => validateSession({ authentication: wrong })).toThrow(ConfigurationError);
    }
    // @ts-expect-error -- `windowSecond` is no option
    expect(() => validateSession({ authentication, mfa: { windowSecond: 5 } })).toThrow();
    // @ts-expect-error -- `methods` is a list
    expect(() => requireMfa({ methods: 'totp' })).toThrow(ConfigurationError);
  });

  it('is a change to a session', () => {
    const change = (session: Session): void => {
      // @ts-expect-error -- read-only
      session.userId = 'somebody else';
    };
    expect(() => {
      change(Object.freeze({ userId: 'user' }) as Session);
    }).toThrow(TypeError);
  });
});
