/**
 * A client of the payments API, and the answers that it expects.
 */
import type { Express } from 'express';
import type { JsonValue, MfaApproval } from 'express-wallet-session';
import supertest, { type Test } from 'supertest';
import { UUID, type Answered } from './expect-problem.js';
import { DESCRIPTION, PAYMENT } from './payments.js';

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
