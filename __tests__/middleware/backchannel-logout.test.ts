/**
 * The back-channel logout endpoint: its answers in an outage of keys or store, the kinds of
 * issuers, and its configuration.
 */
import type { Express } from 'express';
import {
  backchannelLogout,
  cdpAuthentication,
  ConfigurationError,
  createSessions,
  customAuthentication,
  sendProblem,
  type BackchannelLogoutOptions,
  type SessionOptions,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { createTestIssuer } from 'express-wallet-session/testing';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expectProblem } from '../support/expect-problem.js';
import {
  expectLoggedOut,
  expectLogoutRefused,
  expectLogoutUnavailable,
  logOut,
  logoutAudience,
} from '../support/logout.js';
import { testStore, throwing } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

const NO_KEYS = 'Access tokens cannot be verified at the moment; nobody was signed out.';
const NO_STORE = 'Sessions cannot be checked at the moment; nobody was signed out.';

const kit = useTestIssuer({ authentication: 'custom' });
const cdp = useTestIssuer();

function apiWith(options: SessionOptions = {}): Express {
  return kit.api(options, { logoutAudience });
}

async function expectPass(app: Express, accessToken: string): Promise<void> {
  expect((await new WalletClient(app, accessToken).me()).status).toBe(200);
}

describe('backchannelLogout() in an outage', () => {
  it('answers 503 without keys, and accepts the same token later', async () => {
    const app = apiWith();
    const { accessToken } = await kit.issuer.signIn('alice');
    const token = await kit.issuer.logoutToken({ sub: 'alice' });
    kit.issuer.setOutage(true);

    expectLogoutUnavailable(await logOut(app, token), NO_KEYS);

    kit.issuer.setOutage(false);
    kit.clock.advance(60);
    await expectPass(app, accessToken);
    expectLoggedOut(await logOut(app, token));
    expectProblem(await new WalletClient(app, accessToken).me(), 'session_revoked');
  });

  it('answers 503 to a token of an unknown key while the JWKS is down', async () => {
    const app = apiWith();
    await expectPass(app, (await kit.issuer.signIn('alice')).accessToken);
    await kit.issuer.rotateKeys();
    kit.issuer.setOutage(true);

    expectLogoutUnavailable(
      await logOut(app, await kit.issuer.logoutToken({ sub: 'alice' })),
      NO_KEYS,
    );
  });

  it.each(['sub', 'sid'] as const)(
    'answers 503 to a token with `%s` while the store is down, and accepts it later',
    async (claim) => {
      const store = testStore();
      const app = apiWith({ store });
      const { accessToken } = await kit.issuer.signIn('alice');
      const { sub, sid } = decodeJwt(accessToken);
      const logoutToken = await kit.issuer.logoutToken(claim === 'sub' ? { sub } : { sid });
      store.fault = (verb) =>
        verb === 'raise' ? throwing(new Error('the store is down')) : undefined;

      expectLogoutUnavailable(await logOut(app, logoutToken), NO_STORE);

      store.fault = () => undefined;
      await expectPass(app, accessToken);
      expectLoggedOut(await logOut(app, logoutToken));
      expectProblem(await new WalletClient(app, accessToken).me(), 'session_revoked');
    },
  );
});

describe('A logout token at the endpoint', () => {
  it('is verified with a key published since the last fetch', async () => {
    const app = apiWith();
    const { accessToken } = await kit.issuer.signIn('alice');
    await expectPass(app, accessToken);
    await kit.issuer.rotateKeys({ overlapSeconds: 3600 });

    expectLoggedOut(await logOut(app, await kit.issuer.logoutToken({ sub: 'alice' })));

    expectProblem(await new WalletClient(app, accessToken).me(), 'session_revoked');
  });

  it('needs `sid` or the claim of `userIdClaim`', async () => {
    const { issuer: iss, audience } = kit.issuer;
    const app = apiWith({
      authentication: customAuthentication({
        issuer: iss,
        audience,
        jwks: kit.issuer.jwks(),
        userIdClaim: 'https://example.com/user_id',
      }),
    });
    const claims = { 'https://example.com/user_id': 'user-of-alice' };
    const [first, second] = [
      (await kit.issuer.signIn('alice', { claims })).accessToken,
      (await kit.issuer.signIn('alice', { claims })).accessToken,
    ];

    expectLogoutRefused(await logOut(app, await kit.issuer.logoutToken({ sub: 'alice' })));
    expectLogoutRefused(await logOut(app, await kit.issuer.logoutToken({ sub: 1, ...claims })));
    expectLoggedOut(
      await logOut(app, await kit.issuer.logoutToken({ sub: 'user-of-alice', sid: 'another' })),
    );
    await expectPass(app, first);
    expectLoggedOut(
      await logOut(app, await kit.issuer.logoutToken({ sub: 'alice', sid: decodeJwt(first).sid })),
    );
    expectProblem(await new WalletClient(app, first).me(), 'session_revoked');
    await expectPass(app, second);
    expectLoggedOut(await logOut(app, await kit.issuer.logoutToken({ sub: 'alice', ...claims })));
    expectProblem(await new WalletClient(app, second).me(), 'session_revoked');
  });

  it('is refused if its algorithm is not one of `algorithms`', async () => {
    const { privateKey, publicKey } = await generateKeyPair('PS256', { extractable: true });
    const app = apiWith({
      authentication: customAuthentication({
        issuer: 'https://id.example',
        audience: 'api',
        jwks: { keys: [await exportJWK(publicKey)] },
        algorithms: ['PS256'],
      }),
    });
    const jwk = await exportJWK(privateKey);
    const sign = (alg: string): Promise<string> =>
      new SignJWT({
        iss: 'https://id.example',
        aud: 'test-client',
        sub: 'alice',
        jti: 'logout-1',
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      })
        .setProtectedHeader({ alg })
        .setIssuedAt(kit.clock() / 1000)
        .sign(jwk);

    expectLogoutRefused(await logOut(app, await sign('RS256')));
    expectLoggedOut(await logOut(app, await sign('PS256')));
  });

  it('ends the MFA session of the client', async () => {
    const values = new Map<string, string>();
    const set = (key: string, value: string): void => {
      values.set(key, value);
    };
    const store: SessionStore = {
      read: (keys) => keys.map((key) => values.get(key)),
      write: set,
      raise: set,
      add: () => false,
      remove: (key) => {
        values.delete(key);
      },
      move: () => false,
    };
    const { issuer: iss, audience } = kit.issuer;
    const app = apiWith({
      authentication: customAuthentication({
        issuer: iss,
        audience,
        jwks: kit.issuer.jwks(),
        mfaScope: 'client',
      }),
      store,
    });
    const here = (await kit.issuer.signIn('alice')).accessToken;
    const there = (await kit.issuer.signIn('alice')).accessToken;
    for (const token of [here, there]) await new WalletClient(app, token).verifyMfa();
    const mfaSessions = (): string[] => [...values.values()].filter((one) => one.includes('totp'));
    expect(mfaSessions()).toHaveLength(2);

    expectLoggedOut(
      await logOut(app, await kit.issuer.logoutToken({ sub: 'alice', sid: decodeJwt(here).sid })),
    );

    expect(mfaSessions()).toHaveLength(1);
    expectTransferred(await new WalletClient(app, there).transfer());
  });

  it('of another CDP project is refused', async () => {
    const app = cdp.api({}, { logoutAudience });
    const { projectId } = cdp.issuer;

    expectLogoutRefused(
      await logOut(app, await cdp.issuer.logoutToken({ sub: 'alice', project_id: 'another' })),
    );
    for (const project_id of [projectId, undefined]) {
      expectLoggedOut(
        await logOut(app, await cdp.issuer.logoutToken({ sub: 'alice', project_id })),
      );
    }
  });

  it('of an issuer without keys is refused', async () => {
    const withoutKeys = await createTestIssuer();
    let calls = 0;
    const app = apiWith({
      authentication: [
        kit.issuer.authentication,
        cdpAuthentication({
          projectId: withoutKeys.projectId,
          validateAccessToken: () => {
            calls += 1;
            return Promise.resolve({ userId: 'alice' });
          },
        }),
      ],
    });

    expectLogoutRefused(await logOut(app, await withoutKeys.logoutToken({ sub: 'alice' })));
    expect(calls).toBe(0);
  });

  it('is a configuration error if no issuer has keys', () => {
    const authentication = cdpAuthentication({
      projectId: 'project',
      validateAccessToken: () => Promise.resolve({ userId: 'alice' }),
    });
    expect(() => apiWith({ authentication })).toThrow(
      'no authentication has keys to verify a logout token with',
    );
  });

  it('that is refused reaches `onError` with its cause', async () => {
    const reasons: unknown[] = [];
    const app = apiWith({
      onError(error, req, res) {
        reasons.push([error.errorType, error.status, error.cause?.message]);
        sendProblem(error, req, res);
      },
    });

    expectLogoutRefused(
      await logOut(app, await kit.issuer.logoutToken({ sub: 'alice', nonce: 'n-1' })),
    );
    expectLogoutRefused(
      await logOut(app, await kit.issuer.logoutToken({ sub: 'alice', aud: 'another' })),
    );

    expect(reasons).toEqual([
      ['invalid_request', 400, '`nonce` is prohibited in a logout token'],
      ['invalid_request', 400, '`aud` is expected to hold test-client, not another string'],
    ]);
  });
});

describe('backchannelLogout()', () => {
  const authentication = cdpAuthentication({
    projectId: 'project-1',
    jwksUri: 'https://id.example/jwks',
  });

  function complaintsOf(sessions: unknown, options: unknown): readonly string[] {
    try {
      backchannelLogout(sessions as Sessions, options as BackchannelLogoutOptions);
    } catch (error) {
      if (error instanceof ConfigurationError) return error.complaints;
      throw error;
    }
    return [];
  }

  it('does not compile without a client id', () => {
    const sessions = createSessions({ authentication });
    // @ts-expect-error -- `audience` is required
    expect(() => backchannelLogout(sessions, {})).toThrow(ConfigurationError);
    // @ts-expect-error -- and so are the options
    expect(() => backchannelLogout(sessions)).toThrow(ConfigurationError);
  });

  it('accepts one client id or several', async () => {
    for (const audience of ['one', ['one', 'two']]) {
      expect(complaintsOf(createSessions({ authentication }), { audience })).toEqual([]);
    }
    const app = kit.api({}, { logoutAudience: ['one', 'two'] });
    for (const aud of ['one', 'two', ['three', 'two']]) {
      expectLoggedOut(await logOut(app, await kit.issuer.logoutToken({ sub: 'alice', aud })));
    }
    expectLogoutRefused(
      await logOut(app, await kit.issuer.logoutToken({ sub: 'alice', aud: ['three'] })),
    );
  });

  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /`audience` is missing: name the client id/],
    ['no audience', {}, /`audience` is missing: name the client id/],
    ['null', { audience: null }, /`audience` is missing: name the client id/],
    ['an empty string', { audience: '' }, /`audience` must be a non-empty array/],
    ['an empty list', { audience: [] }, /`audience` must be a non-empty array/],
    ['a number', { audience: 1 }, /`audience` must be a non-empty array/],
    ['a misspelt option', { audience: 'one', audiences: 'two' }, /`audiences`.*`audience`/],
  ])('refuses %s', (_what, options, complaint) => {
    expect(complaintsOf(createSessions({ authentication }), options)).toEqual([
      expect.stringMatching(complaint),
    ]);
  });

  it('names every mistake at once, foreign sessions among them', () => {
    expect(complaintsOf({ authentication }, { audiance: 'one' })).toEqual([
      expect.stringMatching(/`audience` is missing/),
      expect.stringMatching(/`audiance`.*Did you mean `audience`/),
      expect.stringMatching(/`sessions` must be what createSessions\(\) made/),
    ]);
  });
});
