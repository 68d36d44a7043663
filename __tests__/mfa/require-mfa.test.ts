/**
 * `requireMfa()` and the options that it depends on.
 */
import { setImmediate } from 'node:timers/promises';
import type { Express } from 'express';
import {
  memoryStore,
  SessionError,
  type ConditionRequest,
  type MfaOptions,
  type RequireMfaOptions,
} from 'express-wallet-session';
import { expectProblem } from '../support/expect-problem.js';
import { testStore } from '../support/stores.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions } from '../support/wallet-api.js';
import { answerOf, expectTransferred, WalletClient } from '../support/wallet-client.js';

const kit = useTestIssuer();

function clientOf(transfers?: RequireMfaOptions, mfa?: MfaOptions): Promise<WalletClient> {
  return kit.signIn('alice', { mfa }, { ...(transfers && { transfers }) });
}

function expired(seconds: number, allowed: number): { detail: string; maxAgeSeconds: number } {
  const detail = `MFA was verified ${seconds} s ago; this operation allows ${allowed} s.`;
  return { detail, maxAgeSeconds: allowed };
}

describe('requireMfa()', () => {
  it('refuses until MFA is verified, and again after `windowSeconds`', async () => {
    const alice = await clientOf();
    expectProblem(await alice.transfer(), 'mfa_required');
    const started = await alice.verifyMfa();
    expect([started.status, started.body]).toEqual([
      200,
      {
        method: 'totp',
        verifiedAt: new Date(kit.clock()).toISOString(),
        expiresAt: new Date(kit.clock() + 300_000).toISOString(),
      },
    ]);
    kit.clock.advance(299.999);
    expectTransferred(await alice.transfer());
    kit.clock.advance(0.001);
    expectProblem(await alice.transfer(), 'mfa_expired', expired(300, 300));
  });

  it.each([
    [60, 60],
    [1.5, 1.5],
    [86_400, 86_400],
  ])('takes its window of %d s from `mfa.windowSeconds`', async (windowSeconds, allowed) => {
    const alice = await clientOf(undefined, { windowSeconds });
    await alice.verifyMfa();
    kit.clock.advance(allowed - 0.5);
    // The access token expires after 900 s.
    if (allowed < 900) expectTransferred(await alice.transfer());
    kit.clock.advance(0.5);
    const refusal = await alice.transfer();
    expect(refusal.body).toMatchObject({
      errorType: allowed < 900 ? 'mfa_expired' : 'token_expired',
    });
  });

  it('applies the current window or the stored expiry, whichever is earlier', async () => {
    const store = memoryStore();
    const [long, short] = [300, 60].map((windowSeconds) =>
      kit.api({ store, mfa: { windowSeconds } }),
    ) as [Express, Express];
    const { accessToken } = await kit.issuer.signIn('alice');
    const inWindow = (app: Express): WalletClient => new WalletClient(app, accessToken);
    await inWindow(long).verifyMfa();
    kit.clock.advance(59);
    expectTransferred(await inWindow(short).transfer());
    kit.clock.advance(1);
    expectProblem(await inWindow(short).transfer(), 'mfa_expired', expired(60, 60));
    expect((await inWindow(short).currentMfa()).body).toBeNull();
    expectTransferred(await inWindow(long).transfer());
    await inWindow(short).verifyMfa();
    kit.clock.advance(60);
    expect((await inWindow(long).transfer()).body).toMatchObject({ errorType: 'mfa_expired' });
  });

  it('passes after MFA is verified again', async () => {
    const alice = await clientOf();
    await alice.verifyMfa();
    kit.clock.advance(299);
    await alice.verifyMfa({ method: 'hwk' });
    kit.clock.advance(299);
    expectTransferred(await alice.transfer());
    expect((await alice.currentMfa()).body).toMatchObject({ method: 'hwk' });
  });

  it('answers mfa_expired for at least an hour after the expiry', async () => {
    const alice = await clientOf();
    await alice.verifyMfa();
    const app = kit.api();
    const token = await kit.issuer.sign({ exp: kit.clock() / 1000 + 9000 });
    await new WalletClient(app, token).verifyMfa();
    kit.clock.advance(300 + 3600);
    expectProblem(await new WalletClient(app, token).transfer(), 'mfa_expired', expired(3900, 300));
    const other = await kit.issuer.sign({ exp: kit.clock() / 1000 + 9000 });
    expectProblem(await new WalletClient(app, other).transfer(), 'mfa_required');
  });
});

describe('requireMfa({ maxAgeSeconds })', () => {
  it('refuses a verification that is older', async () => {
    const alice = await clientOf({ maxAgeSeconds: 60 });
    expectProblem(await alice.transfer(), 'mfa_required', { maxAgeSeconds: 60 });
    await alice.verifyMfa();
    kit.clock.advance(59);
    expectTransferred(await alice.transfer());
    kit.clock.advance(1);
    expectProblem(await alice.transfer(), 'mfa_expired', expired(60, 60));
    // Other routes accept it for the whole window.
    expect((await alice.currentMfa()).body).toMatchObject({ method: 'totp' });
  });

  it('is capped at `mfa.windowSeconds`', async () => {
    const alice = await clientOf({ maxAgeSeconds: 10_000 }, { windowSeconds: 100 });
    expectProblem(await alice.transfer(), 'mfa_required', { maxAgeSeconds: 100 });
    await alice.verifyMfa();
    kit.clock.advance(99);
    expectTransferred(await alice.transfer());
    kit.clock.advance(1);
    expectProblem(await alice.transfer(), 'mfa_expired', expired(100, 100));
  });
});

describe('requireMfa({ methods })', () => {
  const methods = ['hwk', 'totp'];

  it('accepts only the listed methods', async () => {
    const alice = await clientOf({ methods });
    expectProblem(await alice.transfer(), 'mfa_required', { methods });
    await alice.verifyMfa({ method: 'sms' });
    expectProblem(await alice.transfer(), 'mfa_required', { methods });
    await alice.verifyMfa({ method: 'totp' });
    expectTransferred(await alice.transfer());
    kit.clock.advance(300);
    expectProblem(await alice.transfer(), 'mfa_expired', { methods, ...expired(300, 300) });
  });

  it.each(['TOTP', 'totp ', 'totp,hwk'])(
    'does not accept %j for a listed method',
    async (method) => {
      const alice = await clientOf({ methods });
      await alice.verifyMfa({ method });
      expectProblem(await alice.transfer(), 'mfa_required', { methods });
    },
  );

  it('answers mfa_required after an unlisted method expired', async () => {
    const alice = await clientOf({ methods });
    await alice.verifyMfa({ method: 'sms' });
    kit.clock.advance(400);
    expectProblem(await alice.transfer(), 'mfa_required', { methods });
  });

  it('copies the array of methods', async () => {
    const given = ['hwk'];
    const alice = await clientOf({ methods: given });
    given.push('sms');
    await alice.verifyMfa({ method: 'sms' });
    expectProblem(await alice.transfer(), 'mfa_required', { methods: ['hwk'] });
  });
});

describe('requireMfa({ acr })', () => {
  const acr = ['urn:example:mfa', 'urn:example:phr'];

  it('accepts only the listed values, and names them in the challenge', async () => {
    const alice = await clientOf({ acr });
    expectProblem(await alice.transfer(), 'mfa_required', { acrValues: acr });
    await alice.verifyMfa({ method: 'totp' });
    expectProblem(await alice.transfer(), 'mfa_required', { acrValues: acr });
    await alice.verifyMfa({ method: 'totp', acr: 'urn:example:mfa2' });
    expectProblem(await alice.transfer(), 'mfa_required', { acrValues: acr });
    await alice.verifyMfa({ method: 'totp', acr: 'urn:example:phr' });
    expectTransferred(await alice.transfer());
    kit.clock.advance(300);
    expectProblem(await alice.transfer(), 'mfa_expired', { acrValues: acr, ...expired(300, 300) });
  });

  it('demands acr and method of the same verification if both are given', async () => {
    const demand = { acr: ['urn:a'], methods: ['hwk'] };
    const alice = await clientOf(demand);
    const asked = { acrValues: ['urn:a'], methods: ['hwk'] };
    for (const proof of [
      { method: 'totp', acr: 'urn:a' },
      { method: 'hwk', acr: 'urn:b' },
      { method: 'hwk' },
    ]) {
      await alice.verifyMfa(proof);
      expectProblem(await alice.transfer(), 'mfa_required', asked);
    }
    await alice.verifyMfa({ method: 'hwk', acr: 'urn:a' });
    expectTransferred(await alice.transfer());
  });
});

describe.each(expressVersions)('requireMfa({ when }) on %s', (_version, express) => {
  async function transferWhen(
    when: unknown,
    body: object = {},
    mfa?: MfaOptions,
  ): Promise<[number, unknown]> {
    const transfers = { when } as RequireMfaOptions;
    const alice = await kit.signIn('alice', { mfa }, { express, transfers });
    return answerOf(await alice.transfer().send(body));
  }

  const isLarge = (req: ConditionRequest): boolean =>
    (req.body as { amount: number }).amount > 1000;

  it.each([
    ['synchronously', isLarge],
    ['asynchronously', async (req: ConditionRequest) => (await setImmediate(), isLarge(req))],
  ])('guards the requests for which `when` is true, %s', async (_what, when) => {
    const passed = [201, { transferred: true }];
    expect(await transferWhen(when, { amount: 1000 })).toEqual(passed);
    const [status, body] = await transferWhen(when, { amount: 1001 });
    expect([status, (body as { errorType: string }).errorType]).toEqual([403, 'mfa_required']);
  });

  it.each([undefined, null, 0, '', NaN, 'false', {}, Promise.resolve(undefined)])(
    'guards if `when` answers %p, which is no boolean',
    async (answer) => {
      const [status] = await transferWhen(() => answer);
      expect(status).toBe(403);
    },
  );

  it.each([
    [
      'throws',
      (): never => {
        throw new RangeError('of the app');
      },
    ],
    ['rejects', () => Promise.reject(new RangeError('of the app'))],
  ])('passes the error on if `when` %s', async (_what, when) => {
    expect(await transferWhen(when)).toEqual([500, { name: 'RangeError', message: 'of the app' }]);
  });

  it('passes a SessionError of `when` on, and not to onError', async () => {
    const seen: unknown[] = [];
    const onError = (error: SessionError): void => {
      seen.push(error);
    };
    const when = (): never => {
      throw new SessionError('session_revoked');
    };
    const alice = await kit.signIn('alice', { onError }, { express, transfers: { when } });
    // problemHandler() answers it.
    expectProblem(await alice.transfer(), 'session_revoked');
    expect(seen).toEqual([]);
  });

  it('does not read the store if `when` is false', async () => {
    const store = testStore();
    const alice = await kit.signIn(
      'alice',
      { store },
      { express, transfers: { when: () => false } },
    );
    expectTransferred(await alice.transfer());
    expect(store.calls).toEqual(['read']);
  });
});

describe('A user who is not enrolled', () => {
  const notEnrolled = { isEnrolled: () => false };

  it('is refused with mfa_not_enrolled', async () => {
    expectProblem(await (await clientOf(undefined, notEnrolled)).transfer(), 'mfa_not_enrolled');
    const later = { isEnrolled: () => Promise.resolve(false) };
    const deny = { whenNotEnrolled: 'deny', maxAgeSeconds: 60, methods: ['totp'] } as const;
    expectProblem(await (await clientOf(deny, later)).transfer(), 'mfa_not_enrolled', {
      maxAgeSeconds: 60,
      methods: ['totp'],
    });
  });

  it("passes if the route has `whenNotEnrolled: 'allow'`", async () => {
    const alice = await clientOf({ whenNotEnrolled: 'allow' }, notEnrolled);
    expectTransferred(await alice.transfer());
  });

  it('is looked up by `isEnrolled` with the session', async () => {
    const asked: string[] = [];
    const alice = await clientOf(undefined, {
      isEnrolled: (session) => {
        asked.push(session.userId);
        return true;
      },
    });
    expectProblem(await alice.transfer(), 'mfa_required');
    expect(asked).toEqual(['alice']);
  });

  it('is not looked up if an MFA session satisfies the route', async () => {
    let asked = 0;
    const isEnrolled = (): boolean => {
      asked += 1;
      return false;
    };
    const alice = await clientOf(undefined, { isEnrolled });
    await alice.verifyMfa();
    expectTransferred(await alice.transfer());
    expect(asked).toBe(0);
  });
});

describe('A user whose enrolment is unknown', () => {
  const allow = { whenNotEnrolled: 'allow' } as const;

  it.each([
    ['there is no isEnrolled', undefined],
    ['isEnrolled says yes', () => true],
    ['isEnrolled says yes later', () => Promise.resolve(true)],
    ['isEnrolled says nothing', () => undefined],
    ['isEnrolled says null', () => null],
    ['isEnrolled says 0', () => 0],
    ['isEnrolled says nothing later', () => Promise.resolve()],
    ['isEnrolled answers an object', () => ({ enrolled: false })],
  ])('is refused with mfa_required if %s', async (_what, isEnrolled) => {
    const mfa = { isEnrolled } as unknown as MfaOptions;
    const alice = await clientOf(allow, mfa);
    expectProblem(await alice.transfer(), 'mfa_required');
    await alice.verifyMfa();
    expectTransferred(await alice.transfer());
    kit.clock.advance(300);
    expectProblem(await alice.transfer(), 'mfa_expired', expired(300, 300));
  });

  it.each([
    [
      'throws',
      (): never => {
        throw new Error('the user service is down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the user service is down'))],
  ])(
    'is refused with mfa_required if isEnrolled %s, and `onError` gets the cause',
    async (_what, isEnrolled) => {
      const causes: unknown[] = [];
      const app = kit.api(
        {
          mfa: { isEnrolled },
          onError: (error, req, res) => {
            causes.push(error.cause);
            res.statusCode = error.status;
            res.end(JSON.stringify(error.toProblem(req)));
          },
        },
        { transfers: allow },
      );
      const alice = new WalletClient(app, (await kit.issuer.signIn('alice')).accessToken);
      await alice.verifyMfa();
      expectTransferred(await alice.transfer());
      kit.clock.advance(300);
      const { text } = await alice.transfer();
      expect(JSON.parse(text)).toMatchObject({ errorType: 'mfa_required' });
      expect(text).not.toContain('user service');
      expect(causes).toEqual([new Error('the user service is down')]);
    },
  );
});

describe('session.mfa.start()', () => {
  it.each([
    undefined,
    null,
    'totp',
    {},
    { method: '' },
    { method: 5 },
    { method: 'totp', acr: '' },
  ])('rejects the proof %j', async (proof) => {
    const sessions = kit.sessions();
    const session = await sessions.authenticateToken(await kit.issuer.sign());
    await expect(session.mfa.start(proof as { method: string })).rejects.toThrow(TypeError);
    await expect(session.mfa.start(proof as { method: string })).rejects.toThrow(
      'mfa.start(proof)',
    );
    expect(await session.mfa.current()).toBeUndefined();
  });

  it('resolves to the MFA session of current()', async () => {
    const sessions = kit.sessions({ mfa: { windowSeconds: 60 } });
    const { mfa } = await sessions.authenticateToken(await kit.issuer.sign());
    const started = await mfa.start({ method: 'totp', acr: 'urn:a' });
    expect(started).toEqual({
      method: 'totp',
      acr: 'urn:a',
      verifiedAt: new Date(kit.clock()),
      expiresAt: new Date(kit.clock() + 60_000),
    });
    kit.clock.advance(59);
    expect(await mfa.current()).toEqual(started);
    kit.clock.advance(1);
    expect(await mfa.current()).toBeUndefined();
  });
});
