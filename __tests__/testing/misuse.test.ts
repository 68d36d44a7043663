/**
 * What the testing kit says when it is used wrongly, so that no test passes for the wrong reason.
 */
import { ConfigurationError } from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';

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

  it('takes undefined for absent', async () => {
    const absent = { authentication: undefined, clock: undefined, claims: undefined };
    const issuer = await createTestIssuer({ ...absent, issuer: undefined, audience: undefined });
    expect([issuer.issuer, issuer.audience]).toEqual(['cdp-api', 'cdp-api']);
    await expect(issuer.signIn('user-1', { claims: undefined })).resolves.toBeDefined();
    await expect(issuer.rotateKeys({ overlapSeconds: undefined })).resolves.toBeUndefined();
  });
});

describe('A method of the test issuer', () => {
  it('knows its options by name', async () => {
    const issuer = await createTestIssuer();
    await expect(issuer.signIn('user-1', { amr: ['otp'] } as never)).rejects.toThrow(
      'issuer.signIn(): there is no option `amr`. Known: `claims`.',
    );
    await expect(issuer.rotateKeys({ overlap: 60 } as never)).rejects.toThrow(
      'issuer.rotateKeys(): there is no option `overlap`. Did you mean `overlapSeconds`?',
    );
  });

  it.each([NaN, -1, Infinity, '60'])('does not take %p for a time', async (time) => {
    const issuer = await createTestIssuer();
    await expect(issuer.rotateKeys({ overlapSeconds: time as number })).rejects.toThrow(
      ConfigurationError,
    );
    expect(() => {
      issuer.setDelay(time as number);
    }).toThrow(TypeError);
  });

  it('does not take anything for a user, or for yes and no', async () => {
    const issuer = await createTestIssuer();
    await expect(issuer.signIn(undefined as never)).rejects.toThrow(TypeError);
    expect(() => {
      issuer.setOutage('no' as never);
    }).toThrow(TypeError);
  });
});
