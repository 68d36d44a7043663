/**
 * Wrong use of the testing kit: it throws, so that no test passes for the wrong reason.
 */
import express from 'express';
import { ConfigurationError } from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import request from 'supertest';

describe('createTestIssuer()', () => {
  it('names every mistake at once', async () => {
    const options = {
      authentication: 'auth0',
      clock: 5,
      issuer: '',
      audience: ['a'],
      projectId: 7,
      claim: {},
      claims: [],
    };
    const error: unknown = await createTestIssuer(options as never).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).complaints).toEqual([
      "createTestIssuer(): `authentication` must be 'cdp' or 'custom', not a string.",
      'createTestIssuer(): `clock` must be a function, not 5.',
      'createTestIssuer(): `issuer` must be a non-empty string, not an empty string.',
      'createTestIssuer(): `audience` must be a non-empty string, not an array.',
      'createTestIssuer(): `projectId` must be a non-empty string, not 7.',
      'createTestIssuer(): `claims` must be an object.',
      'createTestIssuer(): there is no option `claim`. Did you mean `claims`?',
    ]);
  });

  it('treats undefined as absent', async () => {
    const absent = { authentication: undefined, clock: undefined, claims: undefined };
    const issuer = await createTestIssuer({ ...absent, issuer: undefined, audience: undefined });
    expect([issuer.issuer, issuer.audience]).toEqual(['cdp-api', 'cdp-api']);
    await expect(issuer.signIn('user-1', { claims: undefined })).resolves.toBeDefined();
    await expect(issuer.rotateKeys({ overlapSeconds: undefined })).resolves.toBeUndefined();
  });
});

describe('A method of the test issuer', () => {
  it('names a misspelt option', async () => {
    const issuer = await createTestIssuer();
    await expect(issuer.signIn('user-1', { amr: ['otp'] } as never)).rejects.toThrow(
      'issuer.signIn(): there is no option `amr`. Known: `dpop`, `claims`.',
    );
    await expect(issuer.rotateKeys({ overlap: 60 } as never)).rejects.toThrow(
      'issuer.rotateKeys(): there is no option `overlap`. Did you mean `overlapSeconds`?',
    );
  });

  it.each([NaN, -1, Infinity, '60'])('rejects the duration %p', async (time) => {
    const issuer = await createTestIssuer();
    await expect(issuer.rotateKeys({ overlapSeconds: time as number })).rejects.toThrow(
      ConfigurationError,
    );
    expect(() => {
      issuer.setDelay(time as number);
    }).toThrow(TypeError);
  });

  it('rejects other types for a user and for a boolean', async () => {
    const issuer = await createTestIssuer();
    await expect(issuer.signIn(undefined as never)).rejects.toThrow(TypeError);
    expect(() => {
      issuer.setOutage('no' as never);
    }).toThrow(TypeError);
  });
});

describe('issuer.router()', () => {
  const { NODE_ENV } = process.env;

  afterEach(() => {
    process.env.NODE_ENV = NODE_ENV;
  });

  it('throws if NODE_ENV is production, because its routes sign anybody in', async () => {
    const issuer = await createTestIssuer();
    process.env.NODE_ENV = 'production';
    for (const options of [undefined, {}, { allowInProduction: false }]) {
      expect(() => issuer.router(options)).toThrow(
        new ConfigurationError([
          'issuer.router(): it signs anybody in as anybody, and NODE_ENV is production. For a demonstration, pass { allowInProduction: true }.',
        ]),
      );
    }
  });

  it('signs in over HTTP in production if `allowInProduction` is true', async () => {
    const issuer = await createTestIssuer();
    process.env.NODE_ENV = 'production';
    const app = express().use(issuer.router({ allowInProduction: true }));
    const response = await request(app).get('/.well-known/jwks.json');
    expect([response.status, response.body]).toEqual([200, issuer.jwks()]);
  });

  it.each(['development', 'test', 'Production', '', undefined])(
    'needs no option if NODE_ENV is %j',
    async (environment) => {
      const issuer = await createTestIssuer();
      if (environment === undefined) delete process.env.NODE_ENV;
      else process.env.NODE_ENV = environment;
      expect(issuer.router()).toEqual(expect.any(Function));
    },
  );

  it('names a misspelt or wrong option', async () => {
    const issuer = await createTestIssuer();
    expect(() => issuer.router({ allowProduction: true } as never)).toThrow(
      'issuer.router(): there is no option `allowProduction`. Did you mean `allowInProduction`?',
    );
    expect(() => issuer.router({ allowInProduction: 'yes' } as never)).toThrow(
      'issuer.router(): `allowInProduction` must be true or false, not a string.',
    );
  });
});
