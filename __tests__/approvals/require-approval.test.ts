/**
 * The flow of an approval: refused, approved, sent again. Rules 1 to 7, 14, 21, 24 to 27
 * and 33.
 */
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions } from '../support/wallet-api.js';
import { answerOf } from '../support/wallet-client.js';
import {
  expectApproved,
  expectChallenge,
  expectNewChallenge,
  expectPaid,
  ID,
  PaymentClient,
} from '../support/payment-client.js';
import { DESCRIPTION, PAYMENT, payments, type PaymentsOptions } from '../support/payments.js';
import type { SessionOptions } from 'express-wallet-session';

describe.each(expressVersions)('requireApproval() on %s', (_version, express) => {
  const kit = useTestIssuer({ authentication: 'custom', express });

  async function signIn(
    options?: PaymentsOptions,
    more?: SessionOptions,
  ): Promise<{ alice: PaymentClient; handled: ReturnType<typeof payments>['handled'] }> {
    const api = payments(options);
    const { accessToken } = await kit.issuer.signIn('alice');
    return { alice: new PaymentClient(kit.api(more, api), accessToken), handled: api.handled };
  }

  it('refuses with a challenge, whatever MFA session or evidence there is', async () => {
    const { alice, handled } = await signIn(undefined, {
      mfa: { evidence: () => ({ method: 'hwk', verifiedAt: new Date(kit.clock()) }) },
    });
    await alice.send('post', '/mfa').send({ method: 'totp' }).expect(200);
    const first = expectChallenge(await alice.pay());
    const second = expectNewChallenge(await alice.pay(), [first.challengeId]);
    expect(second).not.toBe(first.challengeId);
    expect(handled).toEqual([]);
  });

  it('lets an approved request pass once, with its approval', async () => {
    const { alice, handled } = await signIn();
    const id = await alice.ask();
    const approval = expectApproved(await alice.approve(id), id);
    expectPaid(await alice.pay(id));
    expectNewChallenge(await alice.pay(id), [id]);
    expect(JSON.parse(JSON.stringify(handled))).toEqual([{ body: PAYMENT, approval }]);
    const at = new Date(kit.clock());
    expect(approval).toEqual({
      challengeId: id,
      digest: expect.any(String) as unknown,
      description: DESCRIPTION,
      method: 'totp',
      approvedAt: at.toISOString(),
      expiresAt: new Date(at.getTime() + 300_000).toISOString(),
    });
  });

  it('hands the challenge to `onError` before any header is set', async () => {
    const { alice, handled } = await signIn(undefined, {
      onError(error, req, res) {
        const set = Object.keys(res.getHeaders()).filter((name) => name !== 'x-powered-by');
        const { challengeId, description } = error.toProblem(req);
        res.statusCode = 418;
        res.setHeader('content-type', 'application/json');
        res.end(JSON.stringify({ set, description, challengeId, headers: error.headers }));
      },
    });
    const answer = await alice.pay();
    const { challengeId } = answer.body as { challengeId: string };
    expect(answerOf(answer)).toEqual([
      418,
      {
        set: [],
        description: DESCRIPTION,
        challengeId: expect.stringMatching(ID) as string,
        headers: {
          'Cache-Control': 'no-store',
          'WWW-Authenticate': 'Bearer error="insufficient_user_authentication"',
          'X-Mfa-Challenge-Id': challengeId,
        },
      },
    ]);
    expect(answer.headers).not.toHaveProperty('x-mfa-challenge-id');
    expectApproved(await alice.approve(challengeId), challengeId);
    expectPaid(await alice.pay(challengeId));
    expect(handled).toHaveLength(1);
  });

  it('opens no MFA session by an approval', async () => {
    const { alice } = await signIn();
    const id = await alice.askAndApprove();
    expectPaid(await alice.pay(id));
    expectProblem(await alice.send('post', '/transfers'), 'mfa_required');
  });

  it('lets one of 20 equal retries at once pass', async () => {
    const { alice, handled } = await signIn();
    const id = await alice.askAndApprove();
    const answers = await Promise.all(Array.from({ length: 20 }, () => alice.pay(id)));
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(19);
    const ids = refused.map((answer) => expectChallenge(answer).challengeId);
    expect(new Set([id, ...ids]).size).toBe(20);
    expect(handled).toHaveLength(1);
    // Each of the new challenges can be approved.
    for (const one of ids) expectApproved(await alice.approve(one), one);
  });

  it('answers a poll with the same challenge and the seconds that are left', async () => {
    const { alice } = await signIn();
    const id = await alice.ask();
    kit.clock.advance(100);
    expectChallenge(await alice.pay(id), { id, expiresInSeconds: 200 });
    kit.clock.advance(199.5);
    expectChallenge(await alice.pay(id), { id, expiresInSeconds: 0 });
    expectApproved(await alice.approve(id), id);
  });

  it.each<[string, (alice: PaymentClient, id: string) => ReturnType<PaymentClient['pay']>]>([
    ['method', (alice, id) => alice.send('put', '/payments', id).send(PAYMENT)],
    ['path', (alice, id) => alice.send('post', '/v1/payments', id).send(PAYMENT)],
    ['spelling of the path', (alice, id) => alice.send('post', '/PAYMENTS', id).send(PAYMENT)],
    ['query', (alice, id) => alice.send('post', '/payments?a=1', id).send(PAYMENT)],
    ['value', (alice, id) => alice.pay(id, { ...PAYMENT, to: 'Eve' })],
    ['type of a value', (alice, id) => alice.pay(id, { ...PAYMENT, amount: 50 })],
    ['number of members', (alice, id) => alice.pay(id, { ...PAYMENT, express: true })],
    ['body, which is missing,', (alice, id) => alice.send('post', '/payments', id)],
  ])(
    'refuses a request of another %s, and keeps challenge and approval for their own',
    async (_difference, send) => {
      const { alice, handled } = await signIn();
      const pending = await alice.ask();
      const anything = { description: expect.anything() as unknown as string };
      expectNewChallenge(await send(alice, pending), [pending], anything);
      expectChallenge(await alice.pay(pending), { id: pending });
      expectApproved(await alice.approve(pending), pending);
      expectNewChallenge(await send(alice, pending), [pending], anything);
      expect(handled).toEqual([]);
      expectPaid(await alice.pay(pending));
    },
  );

  it('tells the order of query parameters apart', async () => {
    const { alice } = await signIn();
    const send = (query: string, id?: string) =>
      alice.send('post', `/payments?${query}`, id).send(PAYMENT);
    const id = expectChallenge(await send('a=1&b=2')).challengeId;
    expectApproved(await alice.approve(id), id);
    expectNewChallenge(await send('b=2&a=1', id), [id]);
    expectPaid(await send('a=1&b=2', id));
  });

  it('takes another order of members, white space, headers and a refreshed token for the same request', async () => {
    const { alice } = await signIn();
    const { accessToken, refreshToken } = await kit.issuer.signIn('bob');
    const api = kit.api(undefined, payments());
    const bob = new PaymentClient(api, accessToken);
    const id = await bob.askAndApprove();
    const refreshed = new PaymentClient(api, (await kit.issuer.refresh(refreshToken)).accessToken);
    expectPaid(
      await refreshed
        .send('post', '/payments', id)
        .set({ 'content-type': 'application/json; charset=utf-8', 'x-client': 'phone' })
        .send('{ "to": "Bob",\n "currency": "EUR", "\\u0061mount": "50.00" }'),
    );
    const number = await alice.askAndApprove('111111', { ...PAYMENT, rate: 1 }).catch(() => '');
    expectPaid(
      await alice
        .send('post', '/payments', number)
        .set('content-type', 'application/json')
        .send('{"to":"Bob","currency":"EUR","amount":"50.00","rate":1.0}'),
    );
  });

  describe('with an id that is no good', () => {
    const secret = 'A'.repeat(43);
    it.each([
      ['unknown', `7.${secret}`],
      ['empty', ''],
      ['without a slot', secret],
      ['of a slot that does not exist', `256.${secret}`],
      ['of a slot written in another way', `07.${secret}`],
      ['with a secret that is too short', `7.${secret.slice(1)}`],
      ['longer than 128 characters', `7.${secret.repeat(4)}`],
      ['with a line feed in percent encoding', `7.${secret}%0A`],
      ['that is a key of objects', '__proto__'],
      ['of 8 KiB', 'x'.repeat(8_192)],
    ])('refuses one that is %s with a new challenge', async (_kind, id) => {
      const { alice, handled } = await signIn();
      expectNewChallenge(await alice.pay(id), [id]);
      expect(handled).toEqual([]);
    });

    it('refuses an approved one that is sent twice', async () => {
      const { alice } = await signIn();
      const id = await alice.askAndApprove();
      expectNewChallenge(await alice.pay().set('x-mfa-challenge-id', `${id}, ${id}`), [id]);
      expectPaid(await alice.pay(id));
    });

    it('refuses the one of another user, which stands', async () => {
      const api = kit.api(undefined, payments());
      const [alice, eve] = await Promise.all(
        ['alice', 'eve'].map(async (user) => {
          const { accessToken } = await kit.issuer.signIn(user);
          return new PaymentClient(api, accessToken);
        }),
      );
      if (alice === undefined || eve === undefined) throw new Error('no clients');
      const id = await alice.askAndApprove();
      expectNewChallenge(await eve.pay(id), [id]);
      expectPaid(await alice.pay(id));
    });

    it('refuses a challenge or approval after its time', async () => {
      const { alice } = await signIn();
      const [pending, approved] = [await alice.ask(), await alice.askAndApprove()];
      kit.clock.advance(300);
      expectNewChallenge(await alice.pay(pending), [pending, approved]);
      expectNewChallenge(await alice.pay(approved), [pending, approved]);
    });
  });

  describe('when', () => {
    it('lets a request pass only for a plain false', async () => {
      let answer: unknown = false;
      const { alice, handled } = await signIn({ guard: { when: () => answer as boolean } });
      expectPaid(await alice.pay());
      expect(handled).toEqual([{ body: PAYMENT, approval: undefined }]);
      for (answer of [true, undefined, 0, null, '']) expectChallenge(await alice.pay());
    });

    it('sends an error of the condition to next()', async () => {
      const { alice } = await signIn({
        guard: { when: () => Promise.reject(new Error('no limits table')) },
      });
      expect(answerOf(await alice.pay())).toEqual([
        500,
        { name: 'Error', message: 'no limits table' },
      ]);
    });
  });

  describe('enrolment', () => {
    const enrolled = (isEnrolled: () => boolean | Promise<boolean>): SessionOptions => ({
      mfa: { isEnrolled },
    });

    it('answers mfa_not_enrolled without a challenge', async () => {
      const { alice } = await signIn(
        undefined,
        enrolled(() => false),
      );
      const answer = await alice.pay();
      const { correlationId, ...body } = answer.body as Record<string, unknown>;
      expect(correlationId).toEqual(expect.any(String));
      expect([answer.status, body]).toEqual([
        403,
        {
          type: 'urn:express-wallet-session:mfa_not_enrolled',
          title: 'MFA not enrolled',
          status: 403,
          detail: 'This operation needs MFA, and this user has not enrolled in it.',
          errorType: 'mfa_not_enrolled',
          action: 'enroll_mfa',
        },
      ]);
      expect(answer.headers['x-mfa-challenge-id']).toBeUndefined();
      expect(answer.headers['www-authenticate']).toBe(
        'Bearer error="insufficient_user_authentication"',
      );
    });

    it('lets users pass who are not enrolled, if the route allows it', async () => {
      const { alice, handled } = await signIn(
        { guard: { whenNotEnrolled: 'allow' } },
        enrolled(() => Promise.resolve(false)),
      );
      expectPaid(await alice.pay());
      expect(handled).toEqual([{ body: PAYMENT, approval: undefined }]);
    });

    it('asks for an approval if enrolment is unknown', async () => {
      const { alice, handled } = await signIn(
        { guard: { whenNotEnrolled: 'allow' } },
        enrolled(() => Promise.reject(new Error('no database'))),
      );
      expectChallenge(await alice.pay());
      expect(handled).toEqual([]);
    });

    it('spends an approval before enrolment is asked', async () => {
      let asked = 0;
      const { alice } = await signIn(
        undefined,
        enrolled(() => (asked += 1) === 1),
      );
      const id = await alice.askAndApprove();
      expectPaid(await alice.pay(id));
      expect(asked).toBe(1);
      expectProblemOfEnrolment(await alice.pay(id));
    });

    function expectProblemOfEnrolment({ status, body }: { status: number; body: unknown }): void {
      expect([status, body]).toEqual([
        403,
        expect.objectContaining({ errorType: 'mfa_not_enrolled' }),
      ]);
    }
  });

  it('refuses anonymous requests before the condition is asked', async () => {
    const api = kit.api({ required: false }, payments({ guard: { when: () => false } }));
    expectProblem(await new PaymentClient(api, '').pay().unset('authorization'), 'token_missing');
  });

  it('is touched by no start or end of an MFA session', async () => {
    const { alice } = await signIn();
    const [pending, approved] = [await alice.ask(), await alice.askAndApprove()];
    await alice.send('post', '/mfa').send({ method: 'totp' }).expect(200);
    await alice.send('delete', '/mfa').expect(200);
    expectApproved(await alice.approve(pending), pending);
    expectPaid(await alice.pay(pending));
    expectPaid(await alice.pay(approved));
  });

  it('can be approved 299 s after the refusal, and not after 300 s', async () => {
    const { alice } = await signIn();
    const [first, second] = [await alice.ask(), await alice.ask()];
    kit.clock.advance(299);
    expectApproved(await alice.approve(first), first);
    kit.clock.advance(1);
    expectProblem(await alice.approve(second), 'mfa_flow_expired');
  });

  it('keeps a late approval for 60 s', async () => {
    const { alice } = await signIn();
    const [first, second] = [await alice.ask(), await alice.ask()];
    kit.clock.advance(299);
    expectApproved(await alice.approve(first), first);
    expectApproved(await alice.approve(second), second);
    kit.clock.advance(59);
    expectPaid(await alice.pay(first));
    kit.clock.advance(1);
    expectNewChallenge(await alice.pay(second), [second]);
  });

  it('keeps an early approval until its challenge would have ended', async () => {
    const { alice } = await signIn();
    const [first, second] = [await alice.askAndApprove(), await alice.askAndApprove()];
    kit.clock.advance(299);
    expectPaid(await alice.pay(first));
    kit.clock.advance(1);
    expectNewChallenge(await alice.pay(second), [second]);
  });

  it('goes by `mfa.challengeSeconds`', async () => {
    const { alice } = await signIn(undefined, { mfa: { challengeSeconds: 30 } });
    const id = expectChallenge(await alice.pay(), { expiresInSeconds: 30 }).challengeId;
    kit.clock.advance(30);
    expectProblem(await alice.approve(id), 'mfa_flow_expired');
  });

  it.each<[string, PaymentsOptions['handler']]>([
    ['answers 422', (_req, res) => void res.status(422).json({})],
    ['answers 500', (_req, res) => void res.status(500).json({})],
    [
      'throws',
      () => {
        throw new Error('the bank is down');
      },
    ],
    ['ends the connection', (_req, res) => void res.destroy()],
  ])('spends the approval of a request whose handler %s', async (_what, handler) => {
    const { alice, handled } = await signIn({ ...(handler && { handler }) });
    const id = await alice.askAndApprove();
    await alice.pay(id).catch(() => undefined);
    expect(handled).toHaveLength(1);
    expectNewChallenge(await alice.pay(id), [id]);
    expect(handled).toHaveLength(1);
  });
});
