/**
 * The body that an approval is bound to. Rules 5, 6 and 8 to 13.
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { jest } from '@jest/globals';
import express5, { type RequestHandler } from 'express';
import express4 from 'express4';
import supertest from 'supertest';
import {
  requireApproval,
  sendProblem,
  type RequireApprovalOptions,
  type SessionError,
  type SessionOptions,
} from 'express-wallet-session';
import { expectProblem } from '../support/expect-problem.js';
import { useTestIssuer } from '../support/use-test-issuer.js';
import { expressVersions, showError } from '../support/wallet-api.js';
import { answerOf } from '../support/wallet-client.js';
import {
  expectApproved,
  expectChallenge,
  expectNewChallenge,
  expectPaid,
  PaymentClient,
} from '../support/payment-client.js';
import { PAYMENT, payments, type PaymentsOptions } from '../support/payments.js';

const noParser: RequestHandler = (_req, _res, next) => {
  next();
};

function expectConfigurationError(response: { status: number; body: unknown }): void {
  expect(answerOf(response)).toEqual([
    500,
    { name: 'ConfigurationError', message: expect.any(String) as string },
  ]);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('base64url');
}

describe.each(expressVersions)('The body of an approved request on %s', (version, expressOfApi) => {
  const express = version === 'Express 4' ? (express4 as unknown as typeof express5) : express5;
  const kit = useTestIssuer({ authentication: 'custom', express: expressOfApi });
  const describeAnything: RequireApprovalOptions['describe'] = () => 'a payment';
  const particulars = { description: 'a payment' };

  async function signIn(
    parser: RequestHandler,
    { guard, ...options }: PaymentsOptions = {},
  ): Promise<{ alice: PaymentClient; handled: ReturnType<typeof payments>['handled'] }> {
    const api = payments({ ...options, guard: { describe: describeAnything, ...guard } });
    const { accessToken } = await kit.issuer.signIn('alice');
    const app = kit.api({}, { ...api, parser });
    return { alice: new PaymentClient(app, accessToken), handled: api.handled };
  }

  /** A challenge for a body of this media type, approved. */
  async function approved(alice: PaymentClient, type: string, body: string): Promise<string> {
    const answer = await alice.send('post', '/payments').set('content-type', type).send(body);
    const { challengeId } = expectChallenge(answer, particulars);
    // The parsers of these suites may not read JSON.
    expectApproved(await alice.approve(challengeId), challengeId);
    return challengeId;
  }

  function send(alice: PaymentClient, id: string, type: string, body: string | Buffer) {
    return alice.send('post', '/payments', id).set('content-type', type).send(body);
  }

  /** Reads JSON for the route of the challenges, and bodies of payments by another parser. */
  function parsersOf(parser: RequestHandler): RequestHandler {
    const json = express.json();
    return (req, res, next) => {
      (req.path === '/payments' ? parser : json)(req, res, next);
    };
  }

  describe('as JSON', () => {
    it('is the digest of method, URL and the sorted value', async () => {
      const { alice } = await signIn(express.json());
      const answer = await alice.pay();
      const { challengeId } = expectChallenge(answer, particulars);
      const challenge = await alice.challenge(challengeId);
      expect((challenge.body as { digest: string }).digest).toBe(
        sha256(
          '["request/1","POST","/payments",{"json":{"amount":"50.00","currency":"EUR","to":"Bob"}}]',
        ),
      );
    });

    it('may be compressed in the retry', async () => {
      const { alice } = await signIn(express.json());
      const id = expectChallenge(await alice.pay(), particulars).challengeId;
      expectApproved(await alice.approve(id), id);
      const gzip = gzipSync(JSON.stringify(PAYMENT));
      expectPaid(
        await alice
          .send('post', '/payments', id)
          .set({ 'content-type': 'application/json', 'content-encoding': 'gzip' })
          .serialize((body: unknown) => body as string)
          .send(gzip),
      );
    });

    it.each(['{}', '[]', '{"a":{}}', '{"a":null}'])('may be %s', async (body) => {
      const { alice } = await signIn(express.json());
      const id = await approved(alice, 'application/json', body);
      expectPaid(await send(alice, id, 'application/json', body));
    });

    it('tells an empty object from no body', async () => {
      const { alice } = await signIn(express.json());
      const id = await approved(alice, 'application/json', '{}');
      expectNewChallenge(await alice.send('post', '/payments', id), [id], particulars);
      expectPaid(await send(alice, id, 'application/json', '{}'));
    });

    it('binds members that objects inherit, and changes no prototype', async () => {
      const { alice } = await signIn(express.json());
      const body = '{"__proto__":{"admin":true},"constructor":"x","toJSON":"y"}';
      const id = await approved(alice, 'application/json', body);
      for (const other of [
        '{"constructor":"x","toJSON":"y"}',
        '{"__proto__":{"admin":false},"constructor":"x","toJSON":"y"}',
        '{"__proto__":{"admin":true},"constructor":"x","toJSON":"z"}',
      ]) {
        expectNewChallenge(await send(alice, id, 'application/json', other), [id], particulars);
      }
      expectPaid(await send(alice, id, 'application/json', body));
      expect(({} as Record<string, unknown>).admin).toBeUndefined();
    });

    it('may be 500 levels deep, and no more without `bind`', async () => {
      const { alice } = await signIn(express.json());
      const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
      const id = await approved(alice, 'application/json', deep(500));
      expectPaid(await send(alice, id, 'application/json', deep(500)));
      expect(answerOf(await send(alice, id, 'application/json', deep(501)))).toEqual([
        500,
        {
          name: 'ConfigurationError',
          message: expect.stringContaining('holds more than 500 levels') as string,
        },
      ]);
    });
  });

  it('is bound as a form', async () => {
    const { alice, handled } = await signIn(parsersOf(express.urlencoded({ extended: true })));
    const type = 'application/x-www-form-urlencoded';
    const id = await approved(alice, type, 'to=Bob&a[x]=1&amount=50');
    expectNewChallenge(await send(alice, id, type, 'to=Bob&a[x]=2&amount=50'), [id], particulars);
    expectPaid(await send(alice, id, type, 'amount=50&to=%42ob&a%5Bx%5D=1'));
    expect(handled).toHaveLength(1);
  });

  it.each<[string, RequestHandler]>([
    ['express.raw()', express.raw({ type: '*/*' })],
    ['express.text()', express.text({ type: '*/*' })],
  ])('is bound byte by byte if %s reads it', async (_name, parser) => {
    const { alice } = await signIn(parsersOf(parser));
    const id = await approved(alice, 'application/json', '{"a":1}');
    expectNewChallenge(await send(alice, id, 'application/json', '{"a": 1}'), [id], particulars);
    expect(answerOf(await alice.challenge(id))).toEqual([200, null]);
    expectPaid(await send(alice, id, 'application/json', '{"a":1}'));
  });

  it('is refused as text with a lone surrogate', async () => {
    const { alice } = await signIn(parsersOf(express.text({ type: '*/*' })));
    const answer = await alice
      .send('post', '/payments')
      .set('content-type', 'text/plain; charset=utf-16le')
      .serialize((body: unknown) => body as string)
      .send(Buffer.from('a\ud800', 'utf16le'));
    expectProblem(answer, 'invalid_request', {
      detail: 'The text of this request is not well-formed Unicode.',
    });
  });

  describe('that cannot be bound', () => {
    const detail = 'The body of this request cannot be approved in this form.';
    const xml: RequestHandler = (req, _res, next) => {
      // A parser that keeps its result elsewhere, as for XML.
      let text = '';
      req.on('data', (chunk) => (text += String(chunk)));
      req.on('end', () => {
        Object.assign(req, { xml: text });
        next();
      });
    };

    it.each<[string, RequestHandler, string]>([
      ['no parser reads', noParser, 'application/json'],
      ['a parser of another media type leaves alone', express.json(), 'application/xml'],
      ['two parsers of other media types leave alone', bothParsers(), 'text/plain'],
      ['a parser keeps elsewhere', xml, 'application/xml'],
      ['a parser keeps elsewhere after body-parser', bothParsers(xml), 'application/xml'],
      ['is multipart', express.json(), 'multipart/form-data; boundary=x'],
      ['is multipart, read by a parser', fieldsParser(), 'multipart/form-data; boundary=x'],
    ])('is refused with 400 if %s', async (_what, parser, type) => {
      const { alice, handled } = await signIn(parsersOf(parser));
      const answer = await alice
        .send('post', '/payments')
        .set('content-type', type)
        .send('<pay to="Bob"/>');
      expectProblem(answer, 'invalid_request', { detail });
      expect(handled).toEqual([]);
    });

    it.each<[string, RequestHandler, string]>([
      ['to mount a parser', noParser, 'Mount one for its media type ahead of requireApproval()'],
      ['to give `bind`', xml, 'Give `bind`.'],
    ])('is refused with a cause that says %s', async (_what, parser, sentence) => {
      const errors: SessionError[] = [];
      const { accessToken } = await kit.issuer.signIn('alice');
      const onError: SessionOptions['onError'] = (error, req, res) => {
        errors.push(error);
        sendProblem(error, req, res);
      };
      const app = kit.api({ onError }, { ...payments(), parser });
      const alice = new PaymentClient(app, accessToken);
      await alice.send('post', '/payments').set('content-type', 'application/xml').send('<a/>');
      expect(errors.map(({ cause }) => cause?.message)).toEqual([
        expect.stringContaining(sentence),
      ]);
    });

    it('is refused with 400 if its length is not announced', async () => {
      const { alice } = await signIn(noParser);
      const request = alice.send('post', '/payments').set('transfer-encoding', 'chunked');
      request.write('{"to":"Bob"}');
      expectProblem(await request, 'invalid_request', { detail });
    });

    it('is taken by `bind`, which stands in place of the body', async () => {
      const { alice } = await signIn(parsersOf(noParser), {
        guard: { bind: (req) => ({ key: req.headers['idempotency-key'] as string }) },
      });
      const pay = (key: string, body: string, id?: string) =>
        alice
          .send('post', '/payments', id)
          .set({ 'content-type': 'application/xml', 'idempotency-key': key })
          .send(body);
      const id = expectChallenge(await pay('k1', '<a/>'), particulars).challengeId;
      expectApproved(await alice.approve(id), id);
      expectNewChallenge(await pay('k2', '<a/>', id), [id], particulars);
      expectPaid(await pay('k1', '<b/>', id));
    });

    function bothParsers(last: RequestHandler = noParser): RequestHandler {
      const json: RequestHandler = express.json();
      const form: RequestHandler = express.urlencoded({ extended: false });
      return (req, res, next) => {
        json(req, res, (error?: unknown) => {
          if (error) next(error);
          else form(req, res, () => void last(req, res, next));
        });
      };
    }

    /** As multer does: the fields in `req.body`, the files elsewhere. */
    function fieldsParser(): RequestHandler {
      return (req, _res, next) => {
        req.resume().on('end', () => {
          req.body = { to: 'Bob' };
          next();
        });
      };
    }
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);

  it.each<[string, unknown]>([
    ['a bigint', { amount: 50n }],
    ['a Map', new Map([['to', 'Bob']])],
    ['a cycle', Object.assign([], { 0: undefined })],
    ['a Date', { at: new Date(0) }],
    ['NaN', NaN],
  ])('sends a ConfigurationError to next() if a parser gives %s', async (_kind, value) => {
    const reviving: RequestHandler = (req, _res, next) => {
      (req as { body: unknown }).body = value;
      next();
    };
    const { alice, handled } = await signIn(express.json(), { ahead: [reviving] });
    expectConfigurationError(await alice.pay());
    expect(handled).toEqual([]);
  });

  describe('bind', () => {
    it('binds bytes, strings and JSON, and the URL besides', async () => {
      for (const value of ['text', Buffer.from('bytes'), { json: [1, null] }, null, 0]) {
        const { alice } = await signIn(express.json(), { guard: { bind: () => value } });
        const id = expectChallenge(await alice.pay(), particulars).challengeId;
        expectApproved(await alice.approve(id), id);
        const elsewhere = await alice.send('post', '/payments?x', id).send(PAYMENT);
        expectNewChallenge(elsewhere, [id], particulars);
        expectPaid(await alice.pay(id, { other: 'body' }));
      }
    });

    it.each<[string, unknown]>([
      ['undefined', undefined],
      ['a function', () => 1],
      ['a Date', new Date(0)],
    ])('sends a ConfigurationError to next() for %s', async (_kind, value) => {
      const { alice } = await signIn(express.json(), { guard: { bind: () => value as string } });
      expectConfigurationError(await alice.pay());
    });
  });

  describe.each(['describe', 'bind'] as const)('%s', (name) => {
    it.each<[string, () => never]>([
      [
        'an error',
        () => {
          throw new Error('no such payee');
        },
      ],
      [
        'undefined',
        () => {
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- as a careless app may
          throw undefined;
        },
      ],
      [
        "'route'",
        () => {
          // eslint-disable-next-line @typescript-eslint/only-throw-error -- as Express's own signal
          throw 'route';
        },
      ],
    ])('sends %s that it throws to next(), and never the request', async (what, thrower) => {
      for (const callback of [thrower, async () => Promise.resolve().then(thrower)]) {
        const { alice, handled } = await signIn(express.json(), { guard: { [name]: callback } });
        const message = what === 'an error' ? 'no such payee' : 'a callback threw what is no error';
        expect(answerOf(await alice.pay())).toEqual([500, { name: 'Error', message }]);
        expect(handled).toEqual([]);
      }
    });

    it('sends a SessionError that it throws to next(), and not to `onError`', async () => {
      const sessions = kit.sessions();
      const { accessToken } = await kit.issuer.signIn('alice');
      const onError = jest.fn<NonNullable<SessionOptions['onError']>>();
      const callback = async (): Promise<never> => sessions.authenticateToken('') as Promise<never>;
      const api = payments({ guard: { [name]: callback } });
      const app = kit.api({ onError }, { ...api, parser: express.json() });
      const answer = await new PaymentClient(app, accessToken).pay();
      // By the problemHandler() of the app.
      expectProblem(answer, 'token_missing');
      expect(onError).not.toHaveBeenCalled();
      expect(api.handled).toEqual([]);
    });
  });

  describe('describe', () => {
    it.each<[string, unknown]>([
      ['undefined', undefined],
      ['a function', () => 1],
      ['a class instance', new URL('https://a.test')],
      ['1,025 UTF-16 units', 'x'.repeat(1_023)],
    ])('sends an error to next() for %s', async (_kind, value) => {
      const { alice, handled } = await signIn(express.json(), {
        guard: { describe: () => value as string },
      });
      expectConfigurationError(await alice.pay());
      expect(handled).toEqual([]);
    });

    it('may give 1,024 UTF-16 units', async () => {
      const description = '\u{1F600}'.repeat(511);
      const { alice } = await signIn(express.json(), { guard: { describe: () => description } });
      expectChallenge(await alice.pay(), { description });
    });

    it('is called when a challenge is made, not for a poll or the retry', async () => {
      let calls = 0;
      const { alice } = await signIn(express.json(), {
        guard: { describe: () => ({ text: 'pay', rate: (calls += 1) }) },
      });
      const first = { description: { text: 'pay', rate: 1 } };
      const id = expectChallenge(await alice.pay(), first).challengeId;
      expectChallenge(await alice.pay(id), { id, ...first });
      expectApproved(await alice.approve(id), id);
      expectPaid(await alice.pay(id));
      expect(calls).toBe(1);
    });
  });
});

describe('requireApproval()', () => {
  it('throws every mistake in its options when it is created', () => {
    const options = {
      methods: [],
      acr: ['two words'],
      whenNotEnrolled: 'maybe',
      when: true,
      bind: 'body',
      maxAgeSeconds: 60,
      descripe: () => 1,
    } as unknown as RequireApprovalOptions;
    expect(() => requireApproval(options)).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        complaints: [
          expect.stringContaining('`describe` is missing'),
          expect.stringContaining('`bind` must be a function'),
          expect.stringContaining('`when` must be a function'),
          expect.stringContaining('`methods` must be a non-empty array'),
          expect.stringContaining('`whenNotEnrolled` must be'),
          expect.stringContaining('`acr` values must not hold spaces'),
          expect.stringContaining('no option `maxAgeSeconds`'),
          expect.stringContaining('no option `descripe`. Did you mean `describe`?'),
        ],
      }) as Error,
    );
  });

  it('says that it has to be called, if it is mounted as it is', async () => {
    const app = express5();
    app.post('/payments', requireApproval as unknown as RequestHandler);
    app.use(showError);
    const response = await supertest(app).post('/payments');
    expect(answerOf(response)).toEqual([
      500,
      {
        name: 'ConfigurationError',
        message: expect.stringContaining(
          'Call it: app.use(requireApproval({ describe }))',
        ) as string,
      },
    ]);
  });
});
