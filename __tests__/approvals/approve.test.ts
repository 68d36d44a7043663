/**
 * Approving and denying a challenge. Rules 15 to 20, 26, 30 to 32.
 */
import { createHash } from 'node:crypto';
import {
  customAuthentication,
  memoryStore,
  SessionError,
  type CustomAuthenticationOptions,
  type MfaApproval,
  type MfaChallenge,
  type MfaProof,
  type Session,
  type SessionOptions,
  type Sessions,
  type SessionStore,
} from 'express-wallet-session';
import { useTestIssuer } from '../support/use-test-issuer.js';

const OPERATION = { operation: { send: 50, to: 'Bob' }, description: { send: 50, to: 'Bob' } };
const DIGEST = createHash('sha256')
  .update('["operation/1",{"send":50,"to":"Bob"}]')
  .digest('base64url');

/** A memory store whose entries can be listed. */
function listedStore(): SessionStore & { readonly entries: Map<string, string> } {
  const store = memoryStore();
  const entries = new Map<string, string>();
  return {
    ...store,
    entries,
    write(key, value, ...rest) {
      entries.set(key, value);
      return store.write(key, value, ...rest);
    },
    remove(key) {
      entries.delete(key);
      return store.remove(key);
    },
    move(from, to) {
      const moved = store.move(from, to) as boolean;
      if (moved) {
        entries.set(to, entries.get(from) ?? '');
        entries.delete(from);
      }
      return moved;
    },
  };
}

/** The error of a promise that has to reject. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value: unknown) => {
      throw new Error(`resolved with ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

function expectSessionError(error: unknown, errorType: string, status: number): void {
  expect(error).toMatchObject({ name: 'SessionError', errorType, status });
}

describe('session.mfa', () => {
  const kit = useTestIssuer({ authentication: 'custom' });

  async function signIn(sessions: Sessions, userId = 'alice'): Promise<Session> {
    const { accessToken } = await kit.issuer.signIn(userId);
    return sessions.authenticateToken(accessToken);
  }

  async function ask(
    session: Session,
    more?: Partial<Parameters<Session['mfa']['requireApproval']>[0]>,
  ): Promise<string> {
    const error = await errorOf(session.mfa.requireApproval({ ...OPERATION, ...more }));
    expectSessionError(error, 'mfa_required', 403);
    return (error as { headers: Record<string, string> }).headers['X-Mfa-Challenge-Id'] ?? '';
  }

  const totp = (): MfaProof => ({ method: 'totp' });

  describe('requireApproval()', () => {
    it('binds an operation without HTTP, and gives its approval once', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      const approval = await session.mfa.approve(id, totp);
      expect(approval).toMatchObject({ challengeId: id, digest: DIGEST, method: 'totp' });
      const sameOperation = { to: 'Bob', send: 50 };
      expect(
        await session.mfa.requireApproval({
          ...OPERATION,
          operation: sameOperation,
          challengeId: id,
        }),
      ).toEqual(approval);
      const again = await errorOf(session.mfa.requireApproval({ ...OPERATION, challengeId: id }));
      expectSessionError(again, 'mfa_required', 403);
    });

    it('refuses another operation with the id', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      await session.mfa.approve(id, totp);
      const other = await ask(session, { operation: { send: 500, to: 'Bob' }, challengeId: id });
      expect(other).not.toBe(id);
      expect(await session.mfa.requireApproval({ ...OPERATION, challengeId: id })).toBeDefined();
    });

    it('gives undefined if the user is not enrolled and that is allowed', async () => {
      const session = await signIn(kit.sessions({ mfa: { isEnrolled: () => false } }));
      expect(
        await session.mfa.requireApproval({ ...OPERATION, whenNotEnrolled: 'allow' }),
      ).toBeUndefined();
      expectSessionError(
        await errorOf(session.mfa.requireApproval(OPERATION)),
        'mfa_not_enrolled',
        403,
      );
    });

    it.each<[string, object]>([
      ['no operation', { description: 'x' }],
      ['an operation that is no JSON', { ...OPERATION, operation: new Map() }],
      ['no description', { operation: 1 }],
      ['a description that is too long', { ...OPERATION, description: 'x'.repeat(1_023) }],
      ['`when`', { ...OPERATION, when: () => true }],
      ['empty methods', { ...OPERATION, methods: [] }],
    ])('rejects with a ConfigurationError for %s', async (_what, given) => {
      const session = await signIn(kit.sessions());
      const error = await errorOf(session.mfa.requireApproval(given as typeof OPERATION));
      expect((error as Error).name).toBe('ConfigurationError');
    });

    it.each([1, null, {}, ['x'], Symbol('x'), 'x'.repeat(10_000)])(
      'counts %p as an unknown id',
      async (challengeId) => {
        const session = await signIn(kit.sessions());
        expect(await ask(session, { challengeId: challengeId as string })).toMatch(/^\d+\./);
      },
    );
  });

  describe('challenge()', () => {
    it('gives a pending challenge in full', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session, { methods: ['hwk', 'totp'], acr: ['urn:high'] });
      const at = kit.clock();
      expect(await session.mfa.challenge(id)).toEqual({
        id,
        request: undefined,
        digest: DIGEST,
        description: OPERATION.description,
        methods: ['hwk', 'totp'],
        acr: ['urn:high'],
        createdAt: new Date(at),
        expiresAt: new Date(at + 300_000),
        webAuthn: {
          challenge: expect.any(Uint8Array) as Uint8Array,
          expectedChallenge: expect.stringMatching(/^[\w-]{43}$/) as string,
        },
      });
    });

    it('gives the WebAuthn challenge that the contract defines, a new array each time', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      const challenge = await session.mfa.challenge(id);
      if (challenge === undefined) throw new Error('no challenge');
      const { webAuthn } = challenge;
      const expected = createHash('sha256')
        .update(
          JSON.stringify(['approval/1', session.issuer, session.userId, id, DIGEST]).slice(0, -1),
        )
        .update(',{"send":50,"to":"Bob"}]')
        .digest();
      expect(webAuthn.challenge).toHaveLength(32);
      expect(Buffer.from(webAuthn.challenge)).toEqual(expected);
      expect(webAuthn.expectedChallenge).toBe(expected.toString('base64url'));
      webAuthn.challenge.fill(0);
      expect(Buffer.from(webAuthn.challenge)).toEqual(expected);
      expect((await session.mfa.challenge(id))?.webAuthn).toEqual(webAuthn);
      expect(Object.isFrozen(challenge) && Object.isFrozen(webAuthn)).toBe(true);
    });

    it('gives undefined for an id that is unknown, approved, denied, spent or expired', async () => {
      const session = await signIn(kit.sessions());
      const ids = await Promise.all(Array.from({ length: 4 }, () => ask(session)));
      const [approved = '', denied = '', spent = '', expired = ''] = ids;
      await session.mfa.approve(approved, totp);
      await session.mfa.approve(spent, totp);
      await session.mfa.requireApproval({ ...OPERATION, challengeId: spent });
      await session.mfa.deny(denied);
      for (const id of [approved, denied, spent, 'x', undefined as unknown as string]) {
        expect(await session.mfa.challenge(id)).toBeUndefined();
      }
      expect(await session.mfa.challenge(expired)).toBeDefined();
      kit.clock.advance(300);
      expect(await session.mfa.challenge(expired)).toBeUndefined();
    });
  });

  describe('approve()', () => {
    it('gives the verifier the challenge', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      const expected = await session.mfa.challenge(id);
      let given: MfaChallenge | undefined;
      await session.mfa.approve(id, (challenge) => {
        given = challenge;
        return totp();
      });
      expect(given).toEqual(expected);
    });

    it('keeps the description as it was shown, even if the verifier alters its own', async () => {
      const session = await signIn(kit.sessions());
      const description = { send: 50 };
      const id = await ask(session, { description });
      const approval = await session.mfa.approve(id, (challenge) => {
        Object.assign(challenge.description as object, { send: 99 });
        return totp();
      });
      expect(approval.description).toEqual(description);
      const operation = { ...OPERATION, description, challengeId: id };
      expect(await session.mfa.requireApproval(operation)).toEqual(approval);
    });

    it('waits for a verifier that is asynchronous, and keeps its acr', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      const approval = await session.mfa.approve(id, () =>
        Promise.resolve({ method: 'hwk', acr: 'urn:high' }),
      );
      expect(approval).toEqual({
        challengeId: id,
        digest: DIGEST,
        description: OPERATION.description,
        method: 'hwk',
        acr: 'urn:high',
        approvedAt: new Date(kit.clock()),
        expiresAt: new Date(kit.clock() + 300_000),
      });
      expect(Object.isFrozen(approval)).toBe(true);
    });

    it.each<[string, () => unknown]>([
      ['false', () => false],
      ['undefined', () => undefined],
      ['a promise of false', () => Promise.resolve(false)],
    ])('rejects with mfa_invalid_code for %s, and spends the challenge', async (_what, verify) => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      const error = await errorOf(session.mfa.approve(id, verify as () => false));
      expectSessionError(error, 'mfa_invalid_code', 422);
      expectSessionError(await errorOf(session.mfa.approve(id, totp)), 'mfa_flow_expired', 410);
    });

    it('rejects with the error of the verifier itself, and spends the challenge', async () => {
      const session = await signIn(kit.sessions());
      for (const thrown of [new Error('the SMS gateway is down'), 'text', undefined]) {
        const id = await ask(session);
        const verifier = (): never => {
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- as a careless app may
          throw thrown;
        };
        expect(await errorOf(session.mfa.approve(id, verifier))).toBe(thrown);
        expect(
          await errorOf(
            session.mfa.approve(await ask(session), () => Promise.resolve().then(verifier)),
          ),
        ).toBe(thrown);
        expectSessionError(await errorOf(session.mfa.approve(id, totp)), 'mfa_flow_expired', 410);
      }
    });

    it.each<[string, unknown]>([
      ['true', true],
      ['null', null],
      ['a text', 'totp'],
      ['an array', [{ method: 'totp' }]],
      ['a proof without a method', { acr: 'urn:high' }],
      ['a proof with an empty method', { method: ' ' }],
      ['a proof with an acr that is no text', { method: 'totp', acr: 1 }],
    ])('rejects with a TypeError for %s, and spends the challenge', async (_what, proof) => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      const error = await errorOf(session.mfa.approve(id, () => proof as MfaProof));
      expect(error).toBeInstanceOf(TypeError);
      expectSessionError(await errorOf(session.mfa.approve(id, totp)), 'mfa_flow_expired', 410);
    });

    it.each([undefined, null, {}, 'totp', true])(
      'rejects with a TypeError if the verifier is %p, and spends nothing',
      async (verify) => {
        const session = await signIn(kit.sessions());
        const id = await ask(session);
        const error = await errorOf(session.mfa.approve(id, verify as () => false));
        expect(error).toBeInstanceOf(TypeError);
        expect(await session.mfa.approve(id, totp)).toMatchObject({ challengeId: id });
      },
    );

    it.each<[string, MfaProof, { methods?: string[]; acr?: string[] }]>([
      ['method', { method: 'sms' }, { methods: ['hwk', 'totp'] }],
      ['acr', { method: 'hwk', acr: 'urn:low' }, { acr: ['urn:high'] }],
      ['missing acr', { method: 'hwk' }, { acr: ['urn:high'] }],
    ])(
      'rejects with a TypeError for a %s that the operation does not accept, and spends the challenge',
      async (_what, proof, demand) => {
        const session = await signIn(kit.sessions());
        const id = await ask(session, demand);
        expect(await errorOf(session.mfa.approve(id, () => proof))).toBeInstanceOf(TypeError);
        expectSessionError(await errorOf(session.mfa.approve(id, totp)), 'mfa_flow_expired', 410);
      },
    );

    it('leaves an approval whose factor the operation accepts no longer', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      await session.mfa.approve(id, totp);
      const stricter = { methods: ['hwk'], challengeId: id };
      expect(await ask(session, stricter)).not.toBe(id);
      expect(await ask(session, { acr: ['urn:high'], challengeId: id })).not.toBe(id);
      expect(
        await session.mfa.requireApproval({ ...OPERATION, methods: ['totp'], challengeId: id }),
      ).toMatchObject({ challengeId: id });
    });

    it('runs the verifier once for 20 calls at once', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      let runs = 0;
      const settled = await Promise.allSettled(
        Array.from({ length: 20 }, () =>
          session.mfa.approve(id, async () => {
            runs += 1;
            return Promise.resolve(totp());
          }),
        ),
      );
      expect(runs).toBe(1);
      const rejected = settled.filter(({ status }) => status === 'rejected');
      expect(rejected).toHaveLength(19);
      for (const { reason } of rejected as PromiseRejectedResult[]) {
        expectSessionError(reason, 'mfa_flow_expired', 410);
      }
    });

    it('rejects alike for every id that cannot be approved, without calling the verifier', async () => {
      const sessions = kit.sessions();
      const [alice, eve] = [await signIn(sessions), await signIn(sessions, 'eve')];
      const ids = await Promise.all(Array.from({ length: 5 }, () => ask(alice)));
      const [spent = '', denied = '', failed = '', foreign = '', expired = ''] = ids;
      await alice.mfa.approve(spent, totp);
      await alice.mfa.requireApproval({ ...OPERATION, challengeId: spent });
      await alice.mfa.deny(denied);
      await errorOf(alice.mfa.approve(failed, () => false));
      const never = (): never => {
        throw new Error('the verifier was called');
      };
      const errors = [
        ...[spent, denied, failed, `7.${'A'.repeat(43)}`, '', 'x'].map((id) =>
          errorOf(alice.mfa.approve(id, never)),
        ),
        ...[undefined, null, 7, {}, [spent]].map((id) =>
          errorOf(alice.mfa.approve(id as string, never)),
        ),
        errorOf(eve.mfa.approve(foreign, never)),
      ];
      const problems = (await Promise.all(errors)).map(problemOf);
      kit.clock.advance(300);
      problems.push(problemOf(await errorOf(alice.mfa.approve(expired, never))));
      expect(new Set(problems).size).toBe(1);
      expect(JSON.parse(problems[0] ?? '')).toEqual({
        type: 'urn:express-wallet-session:mfa_flow_expired',
        title: 'MFA challenge expired',
        status: 410,
        detail: 'This challenge is no longer open; send the request again to get a new one.',
        errorType: 'mfa_flow_expired',
        action: 'start_over',
        headers: { 'Cache-Control': 'no-store' },
      });
    });

    function problemOf(error: unknown): string {
      if (!(error instanceof SessionError)) throw new Error('no SessionError');
      const { correlationId, ...problem } = error.toProblem();
      expect(correlationId).toEqual(expect.any(String));
      return JSON.stringify({ ...problem, headers: error.headers });
    }

    it('judges the time when it is called, and keeps the approval for 60 s', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      kit.clock.advance(299);
      const approval = await session.mfa.approve(id, () => {
        kit.clock.advance(20);
        return totp();
      });
      expect(approval.approvedAt).toEqual(new Date(kit.clock()));
      expect(approval.expiresAt).toEqual(new Date(kit.clock() + 60_000));
      kit.clock.advance(59);
      expect(await session.mfa.requireApproval({ ...OPERATION, challengeId: id })).toEqual(
        approval,
      );
    });

    it('keeps a challenge pending for those who poll while its verifier is at work', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      await session.mfa.approve(id, async () => {
        expect(await ask(session, { challengeId: id })).toBe(id);
        expect(await session.mfa.challenge(id)).toBeUndefined();
        return totp();
      });
      expect(await session.mfa.requireApproval({ ...OPERATION, challengeId: id })).toBeDefined();
    });
  });

  describe('deny()', () => {
    it('ends a challenge, and again does nothing', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      await session.mfa.deny(id);
      await session.mfa.deny(id);
      expectSessionError(await errorOf(session.mfa.approve(id, totp)), 'mfa_flow_expired', 410);
      expect(await ask(session, { challengeId: id })).not.toBe(id);
    });

    it('withdraws an approval that is not spent', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      await session.mfa.approve(id, totp);
      await session.mfa.deny(id);
      expect(await ask(session, { challengeId: id })).not.toBe(id);
    });

    it('voids an approval whose verifier is still at work', async () => {
      const session = await signIn(kit.sessions());
      const id = await ask(session);
      const approving = session.mfa.approve(id, async () => {
        await session.mfa.deny(id);
        return totp();
      });
      expectSessionError(await errorOf(approving), 'mfa_flow_expired', 410);
      expect(await ask(session, { challengeId: id })).not.toBe(id);
    });

    it.each([undefined, null, 7, '', 'x', '__proto__', `7.${'A'.repeat(43)}`])(
      'resolves for the id %p',
      async (id) => {
        const session = await signIn(kit.sessions());
        await expect(session.mfa.deny(id as string)).resolves.toBeUndefined();
      },
    );

    it('does nothing to a challenge of another user', async () => {
      const sessions = kit.sessions();
      const [alice, eve] = [await signIn(sessions), await signIn(sessions, 'eve')];
      const id = await ask(alice);
      await eve.mfa.deny(id);
      expect(await alice.mfa.approve(id, totp)).toMatchObject({ challengeId: id });
    });
  });

  it('leaves no key of a denied or failed challenge behind', async () => {
    const store = listedStore();
    const session = await signIn(kit.sessions({ store }));
    const before = [...store.entries.keys()];
    await session.mfa.deny(await ask(session));
    await errorOf(session.mfa.approve(await ask(session), () => false));
    await errorOf(session.mfa.approve(await ask(session), () => Promise.reject(new Error('x'))));
    await errorOf(session.mfa.approve(await ask(session), () => 1 as unknown as false));
    expect([...store.entries.keys()]).toEqual(before);

    const approved = await ask(session);
    await session.mfa.approve(approved, totp);
    await session.mfa.deny(approved);
    for (const [proof, errorType, status] of [
      [totp(), 'mfa_flow_expired', 410],
      [false, 'mfa_invalid_code', 422],
    ] as const) {
      const denied = await ask(session);
      const approving = session.mfa.approve(denied, async () => {
        await session.mfa.deny(denied);
        return proof;
      });
      expectSessionError(await errorOf(approving), errorType, status);
    }
    expect([...store.entries.keys()]).toEqual(before);
  });

  it('keeps ids hashed in the store, and neither token nor operation', async () => {
    const store = listedStore();
    const sessions = kit.sessions({ store });
    const { accessToken } = await kit.issuer.signIn('alice');
    const session = await sessions.authenticateToken(accessToken);
    const operation = { secret: 'the body' };
    const [pending, spent] = [await ask(session, { operation }), await ask(session, { operation })];
    await session.mfa.approve(spent, totp);
    await session.mfa.requireApproval({ ...OPERATION, operation, challengeId: spent });
    const written = JSON.stringify([...store.entries]);
    for (const secret of [pending, spent, accessToken, 'alice', 'the body']) {
      for (const part of secret.split('.')) {
        if (part.length > 3) expect(written).not.toContain(part);
      }
    }
    expect(store.entries.size).toBe(2);
    expect(JSON.stringify(session)).not.toContain('challenge');
  });
});

describe('A challenge belongs', () => {
  const totp = (): MfaProof => ({ method: 'totp' });

  async function asked(session: Session, challengeId?: string): Promise<string> {
    const error = await errorOf(
      session.mfa.requireApproval({ ...OPERATION, ...(challengeId && { challengeId }) }),
    );
    return (error as { headers: Record<string, string> }).headers['X-Mfa-Challenge-Id'] ?? '';
  }

  describe('with `client` scope and session ids', () => {
    const kit = useTestIssuer({ authentication: 'custom' });
    const clientScope = (): SessionOptions => ({
      authentication: customAuthentication({
        ...(kit.issuer.authentication.options as CustomAuthenticationOptions),
        mfaScope: 'client',
      }),
    });

    it('to one session: another one of the user neither reads, approves, denies nor retries', async () => {
      const sessions = kit.sessions(clientScope());
      const [first, second] = await Promise.all(
        ['alice', 'alice'].map(async (user) => {
          const { accessToken } = await kit.issuer.signIn(user);
          return sessions.authenticateToken(accessToken);
        }),
      );
      if (first === undefined || second === undefined) throw new Error('no sessions');
      const id = await asked(first);
      expect(await second.mfa.challenge(id)).toBeUndefined();
      expectSessionError(await errorOf(second.mfa.approve(id, totp)), 'mfa_flow_expired', 410);
      await second.mfa.deny(id);
      const approval: MfaApproval = await first.mfa.approve(id, totp);
      expect(await asked(second, id)).not.toBe(id);
      expect(await first.mfa.requireApproval({ ...OPERATION, challengeId: id })).toEqual(approval);
    });

    it('to the session, over a refresh of its token', async () => {
      const sessions = kit.sessions(clientScope());
      const { accessToken, refreshToken } = await kit.issuer.signIn('alice');
      const id = await asked(await sessions.authenticateToken(accessToken));
      const refreshed = await kit.issuer.refresh(refreshToken);
      const session = await sessions.authenticateToken(refreshed.accessToken);
      await session.mfa.approve(id, totp);
      expect(await session.mfa.requireApproval({ ...OPERATION, challengeId: id })).toMatchObject({
        challengeId: id,
      });
    });
  });

  describe.each([
    ['with `user` scope', 'custom'],
    ['with `client` scope and no session ids', 'cdp'],
  ] as const)('%s', (_scope, authentication) => {
    const kit = useTestIssuer({ authentication });

    it('to the user: another client may read, approve, deny and retry', async () => {
      const sessions = kit.sessions();
      const [first, second] = await Promise.all(
        ['alice', 'alice'].map(async (user) => {
          const { accessToken } = await kit.issuer.signIn(user);
          return sessions.authenticateToken(accessToken);
        }),
      );
      if (first === undefined || second === undefined) throw new Error('no sessions');
      const [id, denied] = [await asked(first), await asked(first)];
      expect(await second.mfa.challenge(id)).toMatchObject({ id });
      await second.mfa.deny(denied);
      expectSessionError(await errorOf(first.mfa.approve(denied, totp)), 'mfa_flow_expired', 410);
      await second.mfa.approve(id, totp);
      expect(await second.mfa.requireApproval({ ...OPERATION, challengeId: id })).toMatchObject({
        challengeId: id,
      });
    });
  });
});
