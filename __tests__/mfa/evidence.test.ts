/**
 * Evidence of MFA beside the stored MFA session: which claims count, and for how long.
 */
import {
  acrEvidence,
  amrEvidence,
  ConfigurationError,
  type MfaEvidence,
  type MfaOptions,
  type RequireMfaOptions,
  type SessionOptions,
} from 'express-wallet-session';
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expectTransferred, WalletClient } from '../support/wallet-client.js';

const AUTH_TIME = 1_767_614_400;
const verifiedAt = new Date(AUTH_TIME * 1000);

describe('amrEvidence() reads', () => {
  const read = amrEvidence();

  it.each([
    [['mfa'], 'mfa'],
    [['mfa', 'pwd'], 'mfa'],
    [['mfa', 'otp'], 'otp'],
    [['pwd', 'otp'], 'otp'],
    [['otp', 'pwd'], 'otp'],
    [['pin', 'hwk'], 'hwk'],
    [['kba', 'sms'], 'sms'],
    [['pwd', 'tel'], 'tel'],
    [['pwd', 'sc'], 'sc'],
    [['pwd', 'pop'], 'pop'],
    [['pwd', 'swk'], 'swk'],
    [['pin', 'fpt'], 'fpt'],
    [['pwd', 'face'], 'face'],
    [['pwd', 'iris'], 'iris'],
    [['pwd', 'retina'], 'retina'],
    [['pwd', 'vbm'], 'vbm'],
    [['face', 'hwk'], 'hwk'],
    [['fpt', 'swk'], 'swk'],
    [['mfa', 'fpt'], 'fpt'],
    [['pwd', 'fpt', 'face', 'otp', 'sms'], 'otp'],
    [['pwd', 'otp', 'geo', 'user', 'something of our own'], 'otp'],
  ])('%j as two factors, with the method %s', (amr, method) => {
    expect(read({ claims: { amr, auth_time: AUTH_TIME } })).toEqual({ method, verifiedAt });
  });

  it.each([
    [[]],
    [['pwd']],
    [['otp']],
    [['fpt']],
    [['pwd', 'pin']],
    [['otp', 'sms']],
    [['fpt', 'face']],
    [['pwd', 'pwd']],
    [['geo', 'user']],
    [['mca', 'rba', 'wia']],
    [['pwd', 'OTP']],
    [['MFA']],
    [['constructor', 'pwd']],
    ['mfa'],
    ['pwd otp'],
    [{ 0: 'mfa', length: 1 }],
    [['mfa', 5]],
    [[['pwd'], ['otp']]],
    [null],
    [undefined],
  ])('no second factor in %j', (amr) => {
    expect(read({ claims: { amr, auth_time: AUTH_TIME } })).toBeUndefined();
  });

  it.each([undefined, null, 0, '1767614400', NaN, Infinity, 1e300, new Date(), [AUTH_TIME]])(
    'no evidence with `auth_time` %p',
    (authTime) => {
      expect(read({ claims: { amr: ['mfa'], auth_time: authTime } })).toBeUndefined();
    },
  );

  it('no time but `auth_time`', () => {
    const fresh = { amr: ['mfa'], iat: AUTH_TIME, exp: AUTH_TIME + 900, updated_at: AUTH_TIME };
    expect(read({ claims: fresh })).toBeUndefined();
  });

  it('the `acr` of the token', () => {
    const claims = { amr: ['pwd', 'otp'], auth_time: AUTH_TIME, acr: 'urn:a' };
    expect(read({ claims })).toEqual({ method: 'otp', acr: 'urn:a', verifiedAt });
    for (const acr of [5, '', 'a b', null]) {
      expect(read({ claims: { ...claims, acr } })).toEqual({ method: 'otp', verifiedAt });
    }
  });
});

describe('acrEvidence() reads', () => {
  const read = acrEvidence({ acr: ['urn:mfa', '2'] });

  it.each([
    ['urn:mfa', undefined, 'mfa'],
    ['2', undefined, 'mfa'],
    ['urn:mfa', ['pwd'], 'mfa'],
    ['urn:mfa', ['pwd', 'otp'], 'otp'],
    ['urn:mfa', ['fpt'], 'fpt'],
    ['urn:mfa', ['face', 'hwk'], 'hwk'],
    ['urn:mfa', 'otp', 'mfa'],
  ])('%j with `amr` %j as the method %s', (acr, amr, method) => {
    expect(read({ claims: { acr, amr, auth_time: AUTH_TIME } })).toEqual({
      method,
      acr,
      verifiedAt,
    });
  });

  it.each(['urn:mfa2', 'urn:MFA', 'urn', '3', '22', 2, 'urn:mfa 2', ['urn:mfa'], null, undefined])(
    'no evidence in the unlisted value %j',
    (acr) => {
      expect(read({ claims: { acr, amr: ['mfa'], auth_time: AUTH_TIME } })).toBeUndefined();
    },
  );

  it.each([undefined, null, 0, '1767614400', NaN, 1e300])(
    'no evidence with `auth_time` %p',
    (authTime) => {
      expect(read({ claims: { acr: 'urn:mfa', auth_time: authTime } })).toBeUndefined();
    },
  );

  it.each([undefined, null, {}, { acr: 'urn:mfa' }, { acr: [] }, { acr: [''] }, { acr: ['a b'] }])(
    'no acr values in the options %j, and throws',
    (options) => {
      const make = (): unknown => acrEvidence(options as { acr: string[] });
      expect(make).toThrow(ConfigurationError);
      expect(make).toThrow('`acr` must be a non-empty array of the values that stand for MFA');
    },
  );
});

describe('mfa.evidence', () => {
  const kit = useTestIssuer({ authentication: 'custom' });

  function now(): number {
    return kit.clock() / 1000;
  }

  async function clientOf(
    mfa: unknown,
    claims: Readonly<Record<string, unknown>> = {},
    more: { transfers?: RequireMfaOptions } & Partial<SessionOptions> = {},
  ): Promise<WalletClient> {
    const { transfers, ...options } = more;
    const app = kit.api(
      { mfa: mfa as MfaOptions, ...options },
      { ...(transfers && { transfers }) },
    );
    return new WalletClient(app, await kit.issuer.sign({ sub: 'alice', ...claims }));
  }

  function detailOf(seconds: number): { detail: string } {
    return { detail: `MFA was verified ${seconds} s ago; this operation allows 300 s.` };
  }

  it('satisfies a route until `windowSeconds` after the verification', async () => {
    const claims = { amr: ['pwd', 'otp'], auth_time: now() - 100 };
    const alice = await clientOf({ evidence: amrEvidence() }, claims);
    expectTransferred(await alice.transfer());
    expect((await alice.currentMfa()).body).toEqual({
      method: 'otp',
      verifiedAt: new Date((now() - 100) * 1000).toISOString(),
      expiresAt: new Date((now() + 200) * 1000).toISOString(),
    });
    kit.clock.advance(199);
    expectTransferred(await alice.transfer());
    kit.clock.advance(1);
    expectProblem(await alice.transfer(), 'mfa_expired', detailOf(300));
    expect((await alice.currentMfa()).body).toBeNull();
  });

  it('is not renewed by a refresh', async () => {
    const claims = { amr: ['pwd', 'otp'] };
    const app = kit.api({ mfa: { evidence: amrEvidence() } });
    const first = await kit.issuer.signIn('alice', { claims });
    expectTransferred(await new WalletClient(app, first.accessToken).transfer());
    kit.clock.advance(300);
    const second = await kit.issuer.refresh(first.refreshToken);
    const refusal = await new WalletClient(app, second.accessToken).transfer();
    expectProblem(refusal, 'mfa_expired', detailOf(300));
  });

  it('is ignored without `auth_time`', async () => {
    const claims = { amr: ['mfa'], auth_time: undefined };
    const alice = await clientOf({ evidence: amrEvidence() }, claims);
    expectProblem(await alice.transfer(), 'mfa_required');
  });

  it('satisfies a route that the stored MFA session does not, and the reverse', async () => {
    const transfers = { methods: ['hwk', 'otp'], maxAgeSeconds: 60 };
    const asked = { methods: ['hwk', 'otp'], maxAgeSeconds: 60 };
    const claims = { amr: ['pwd', 'otp'], auth_time: now() };
    const alice = await clientOf({ evidence: amrEvidence() }, claims, { transfers });
    // The evidence matches the route, the stored MFA session does not.
    await alice.verifyMfa({ method: 'sms' });
    expectTransferred(await alice.transfer());
    // The evidence is too old by now, the stored MFA session matches.
    kit.clock.advance(60);
    expect((await alice.transfer()).body).toMatchObject({ errorType: 'mfa_expired' });
    await alice.verifyMfa({ method: 'hwk' });
    expectTransferred(await alice.transfer());
    kit.clock.advance(61);
    expectProblem(await alice.transfer(), 'mfa_expired', {
      ...asked,
      detail: 'MFA was verified 61 s ago; this operation allows 60 s.',
    });
  });

  it('is the verification named in the refusal if only it matches the route', async () => {
    const claims = { amr: ['pwd', 'hwk'], auth_time: now() - 400 };
    const transfers = { methods: ['hwk'] };
    const alice = await clientOf({ evidence: amrEvidence() }, claims, { transfers });
    await alice.verifyMfa({ method: 'sms' });
    expectProblem(await alice.transfer(), 'mfa_expired', { ...transfers, ...detailOf(400) });
  });

  it('is not read if the stored MFA session satisfies the route', async () => {
    let asked = 0;
    const evidence = (): undefined => {
      asked += 1;
    };
    const alice = await clientOf({ evidence });
    await alice.verifyMfa();
    expectTransferred(await alice.transfer());
    expect(asked).toBe(0);
  });

  it('is checked against the `acr` of the route', async () => {
    const evidence = acrEvidence({ acr: ['urn:a', 'urn:b'] });
    const transfers = { acr: ['urn:b'] };
    const [low, high] = await Promise.all(
      ['urn:a', 'urn:b'].map((acr) => clientOf({ evidence }, { acr }, { transfers })),
    );
    const refusal = await low?.transfer();
    if (refusal !== undefined) expectProblem(refusal, 'mfa_required', { acrValues: ['urn:b'] });
    expect((await high?.transfer())?.status).toBe(201);
    expect((await low?.currentMfa())?.body).toMatchObject({ method: 'mfa', acr: 'urn:a' });
  });

  it('may be returned by any function, synchronous or not', async () => {
    for (const evidence of [
      (): MfaEvidence => ({ method: 'totp', verifiedAt: new Date(kit.clock() - 1000) }),
      (): Promise<MfaEvidence> =>
        Promise.resolve({ method: 'totp', acr: 'urn:a', verifiedAt: new Date(kit.clock() - 1000) }),
      ({ userId }: { userId: string }): MfaEvidence => ({
        method: userId,
        verifiedAt: new Date(kit.clock()),
      }),
    ]) {
      expectTransferred(await (await clientOf({ evidence })).transfer());
    }
    for (const evidence of [
      (): undefined => undefined,
      (): Promise<undefined> => Promise.resolve(undefined),
    ]) {
      expectProblem(await (await clientOf({ evidence })).transfer(), 'mfa_required');
    }
  });

  it('may be ahead of the clock by the tolerance', async () => {
    for (const [seconds, passes] of [
      [5, true],
      [5.001, false],
      [3600, false],
    ] as const) {
      const evidence = (): MfaEvidence => ({
        method: 'totp',
        verifiedAt: new Date(kit.clock() + seconds * 1000),
      });
      const response = await (await clientOf({ evidence })).transfer();
      if (passes) expectTransferred(response);
      else expectProblem(response, 'mfa_required');
    }
  });

  const secret = 'the user service at 10.0.0.5 is down';
  it.each([
    [
      'throws',
      (): never => {
        throw new Error(secret);
      },
      secret,
    ],
    ['rejects', () => Promise.reject(new Error(secret)), secret],
    ['answers null', () => null, 'must return'],
    ['answers yes', () => true, 'must return'],
    ['answers without a method', () => ({ verifiedAt: new Date(0) }), 'must return'],
    ['answers without a time', () => ({ method: 'totp' }), 'must return'],
    ['answers a number for a time', () => ({ method: 'totp', verifiedAt: 5 }), 'must return'],
    ['answers an invalid time', () => ({ method: 'a', verifiedAt: new Date(NaN) }), 'must return'],
    ['answers an empty method', () => ({ method: '', verifiedAt: new Date(0) }), 'must return'],
    [
      'answers a wrong acr',
      () => ({ method: 'a', acr: 5, verifiedAt: new Date(0) }),
      'must return',
    ],
    ['answers a list', () => [{ method: 'a', verifiedAt: new Date(0) }], 'must return'],
    [
      'answers the future',
      () => ({ method: 'a', verifiedAt: new Date('2099-01-01') }),
      'not in the future',
    ],
  ])('that %s satisfies no route, and `onError` gets the cause', async (_what, evidence, why) => {
    const causes: unknown[] = [];
    const onError: SessionOptions['onError'] = (error, req, res) => {
      causes.push(error.cause);
      res.statusCode = error.status;
      res.end(JSON.stringify(error.toProblem(req)));
    };
    const transfers = { whenNotEnrolled: 'allow' } as const;
    for (const isEnrolled of [undefined, (): boolean => true, (): boolean => false]) {
      const alice = await clientOf({ evidence, isEnrolled }, {}, { transfers, onError });
      const { status, text } = await alice.transfer();
      expect([status, JSON.parse(text)]).toMatchObject([403, { errorType: 'mfa_required' }]);
      expect(text).not.toContain(why);
      expect(String(causes.pop())).toContain(why);
      // The stored MFA session counts nevertheless.
      await alice.verifyMfa();
      expectTransferred(await alice.transfer());
      expect((await alice.currentMfa()).body).toMatchObject({ method: 'totp' });
    }
  });

  it('that fails leaves current() with the stored MFA session', async () => {
    const alice = await clientOf({ evidence: () => Promise.reject(new Error(secret)) });
    expect((await alice.currentMfa()).body).toBeNull();
    await alice.verifyMfa();
    expect((await alice.currentMfa()).body).toMatchObject({ method: 'totp' });
  });

  it('is returned by current() if it lasts longer', async () => {
    let ago = 0;
    const evidence = (): MfaEvidence => ({
      method: 'otp',
      verifiedAt: new Date(kit.clock() - ago * 1000),
    });
    const alice = await clientOf({ evidence });
    await alice.verifyMfa({ method: 'hwk' });
    kit.clock.advance(10);
    expect((await alice.currentMfa()).body).toMatchObject({ method: 'otp' });
    ago = 20;
    expect((await alice.currentMfa()).body).toMatchObject({ method: 'hwk' });
  });
});
