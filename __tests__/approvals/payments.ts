/**
 * A payments API behind `requireApproval()`, a client of it, and the answers that it expects.
 */
import type { Express, Request, RequestHandler } from 'express';
import express5 from 'express';
import supertest, { type Test } from 'supertest';
import {
  getApproval,
  requireApproval,
  type JsonValue,
  type MfaApproval,
  type MfaChallenge,
  type MfaProof,
  type RequireApprovalOptions,
} from 'express-wallet-session';
import { UUID, type Answered } from '../support/expect-problem.js';
import { handle, type WalletApiOptions } from '../support/wallet-api.js';

export const PAYMENT = { amount: '50.00', currency: 'EUR', to: 'Bob' };
export const DESCRIPTION = { action: 'pay', amount: '50.00', to: 'Bob' };

/** A verifier as an app has it: the code is the factor. */
export const CODES: Readonly<Record<string, MfaProof | false>> = {
  '111111': { method: 'totp' },
  '222222': { method: 'hwk', acr: 'urn:acr:high' },
  '000000': false,
};

export interface PaymentsOptions {
  /** Over the description of a payment. */
  readonly guard?: Partial<RequireApprovalOptions>;
  /** Mounted ahead of the guard. */
  readonly ahead?: readonly RequestHandler[];
  readonly handler?: RequestHandler;
}

/** What the handler has been called with. */
export interface HandledPayment {
  readonly body: unknown;
  readonly approval: MfaApproval | undefined;
}

/** Routes for `walletApi()`: a payment, and the challenges of its user. */
export function payments(
  options: PaymentsOptions = {},
): WalletApiOptions & { readonly handled: HandledPayment[] } {
  const handled: HandledPayment[] = [];
  const describePayment: RequireApprovalOptions['describe'] = ({ body }) => {
    const { amount, to } = (body ?? {}) as typeof PAYMENT;
    return { action: 'pay', amount, to };
  };
  const guard = requireApproval({ describe: describePayment, ...options.guard });
  const pay: RequestHandler = (req, res, next) => {
    handled.push({ body: req.body as unknown, approval: getApproval(req) });
    if (options.handler === undefined) res.status(201).json({ paid: true });
    else options.handler(req, res, next);
  };
  return {
    handled,
    routes(app) {
      app.all('/payments', ...(options.ahead ?? []), guard, pay);
      app.use('/v1', express5.Router().all('/payments', guard, pay) as RequestHandler);
      mountChallenges(app);
    },
  };
}

function mountChallenges(app: Express): void {
  handle(app, 'get', '/challenges/:id', (session, req) => session.mfa.challenge(idOf(req)));
  handle(app, 'delete', '/challenges/:id', (session, req) => session.mfa.deny(idOf(req)));
  handle(app, 'post', '/challenges/:id', (session, req) => {
    const { code } = req.body as { code: string };
    return session.mfa.approve(idOf(req), () => CODES[code]);
  });
}

function idOf({ params }: Request): string {
  return String(params.id);
}

export type Method = 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete';

/** One client of the API; it sends the challenge's id if it is given one. */
export class PaymentClient {
  readonly #api: Express | string;
  readonly #accessToken: string;

  constructor(api: Express | string, accessToken: string) {
    this.#api = api;
    this.#accessToken = accessToken;
  }

  send(method: Method, path: string, id?: string): Test {
    const test = supertest(this.#api)
      [method](path)
      .set('authorization', `Bearer ${this.#accessToken}`);
    return id === undefined ? test : test.set('x-mfa-challenge-id', id);
  }

  pay(id?: string, body: unknown = PAYMENT): Test {
    return this.send('post', '/payments', id).send(body as object);
  }

  /** Refused with a challenge. */
  async ask(body?: unknown): Promise<string> {
    return expectChallenge(await this.pay(undefined, body)).challengeId;
  }

  challenge(id: string): Test {
    return this.send('get', `/challenges/${encodeURIComponent(id)}`);
  }

  approve(id: string, code = '111111'): Test {
    return this.send('post', `/challenges/${encodeURIComponent(id)}`).send({ code });
  }

  deny(id: string): Test {
    return this.send('delete', `/challenges/${encodeURIComponent(id)}`);
  }

  /** A challenge that has been approved. */
  async askAndApprove(code?: string, body?: unknown): Promise<string> {
    const id = await this.ask(body);
    expectApproved(await this.approve(id, code), id);
    return id;
  }
}

export const ID = /^(0|[1-9]\d{0,2})\.[\w-]{43}$/;

export interface ChallengeProblem {
  readonly challengeId: string;
  readonly description: JsonValue;
  readonly expiresInSeconds: number;
}

/** Asserts the whole answer that asks for an approval. */
export function expectChallenge(
  response: Answered,
  particulars: {
    readonly id?: string;
    readonly description?: JsonValue;
    readonly expiresInSeconds?: number;
    readonly methods?: readonly string[];
    readonly acrValues?: readonly string[];
  } = {},
): ChallengeProblem {
  const { id, description = DESCRIPTION, expiresInSeconds = 300, ...demand } = particulars;
  const { correlationId, challengeId, ...body } = response.body as ChallengeProblem & {
    correlationId: string;
  };
  expect([response.status, body]).toEqual([
    403,
    {
      type: 'urn:express-wallet-session:mfa_required',
      title: 'MFA required',
      status: 403,
      detail: 'This request needs to be approved with MFA first.',
      errorType: 'mfa_required',
      action: 'approve_request',
      description,
      expiresInSeconds,
      ...demand,
    },
  ]);
  expect(correlationId).toMatch(UUID);
  expect(challengeId).toEqual(id ?? expect.stringMatching(ID));
  const { headers } = response;
  expect({
    type: headers['content-type'],
    cache: headers['cache-control'],
    challenge: headers['www-authenticate'],
    id: headers['x-mfa-challenge-id'],
    exposed: headers['access-control-expose-headers'],
  }).toEqual({
    type: 'application/problem+json',
    cache: 'no-store',
    challenge: 'Bearer error="insufficient_user_authentication"',
    id: challengeId,
    exposed: expect.stringContaining('X-Mfa-Challenge-Id') as unknown,
  });
  return { challengeId, ...body };
}

/** A refusal with a new challenge, whose id is none of these. */
export function expectNewChallenge(
  response: Answered,
  known: readonly string[],
  particulars?: Parameters<typeof expectChallenge>[1],
): string {
  const { challengeId } = expectChallenge(response, particulars);
  expect(known).not.toContain(challengeId);
  return challengeId;
}

export function expectPaid(response: Answered): void {
  expect([response.status, response.body]).toEqual([201, { paid: true }]);
}

export function expectApproved(response: Answered, challengeId: string): MfaApproval {
  const approval = response.body as MfaApproval;
  expect([response.status, approval]).toEqual([
    200,
    expect.objectContaining({
      challengeId,
      digest: expect.stringMatching(/^[\w-]{43}$/) as unknown,
    }),
  ]);
  return approval;
}

export type ChallengeJson = Omit<MfaChallenge, 'createdAt' | 'expiresAt'>;
