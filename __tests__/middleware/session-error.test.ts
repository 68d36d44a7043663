/**
 * The answers that a `SessionError` holds, made by hand: those of the app's own code, and those that
 * no single option of `validateSession()` leads to.
 */
import express from 'express';
import {
  problemHandler,
  SessionError,
  type ErrorType,
  type SessionErrorOptions,
} from 'express-wallet-session';
import { runInNewContext } from 'node:vm';
import request from 'supertest';
import { ANSWERS, expectProblem } from '../support/expect-problem.js';

async function answerTo(
  errorType: ErrorType,
  options?: SessionErrorOptions,
): Promise<request.Response> {
  const app = express();
  app.get('/', () => {
    throw new SessionError(errorType, options);
  });
  return request(app.use(problemHandler())).get('/');
}

const approval = {
  challengeId: 'c-1',
  description: { action: 'transfer', to: ['0x1'] },
  expiresInSeconds: 299,
} as const;

describe('A SessionError', () => {
  it.each(Object.keys(ANSWERS) as ErrorType[])('%s has its usual answer', async (errorType) => {
    const mfa = /^mfa_(required|expired|not_enrolled)$/.test(errorType) && { maxAgeSeconds: 300 };
    expectProblem(await answerTo(errorType, mfa ? { mfa } : {}), errorType);
  });

  it('of an approval names the challenge, and asks for no fresh authentication', async () => {
    const demands = { methods: ['hwk'], acr: ['phr'] };
    for (const [given, members] of [
      [approval, {}],
      [
        { ...approval, ...demands },
        { methods: ['hwk'], acrValues: ['phr'] },
      ],
    ] as const) {
      const answer = await answerTo('mfa_required', { approval: given });
      expect([answer.status, answer.body]).toEqual([
        403,
        {
          type: 'urn:express-wallet-session:mfa_required',
          title: 'MFA required',
          status: 403,
          detail: 'This request needs to be approved with MFA first.',
          errorType: 'mfa_required',
          action: 'approve_request',
          correlationId: expect.any(String) as string,
          ...approval,
          ...members,
        },
      ]);
      expect(answer.headers).toMatchObject({
        'www-authenticate': 'Bearer error="insufficient_user_authentication"',
        'x-mfa-challenge-id': 'c-1',
        'cache-control': 'no-store',
      });
    }
  });

  it('of a user who is not enrolled has no max_age if the route demands none', async () => {
    const answer = await answerTo('mfa_not_enrolled', { mfa: { methods: ['hwk'] } });
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication"',
    );
    expect(answer.body).toMatchObject({ methods: ['hwk'], action: 'enroll_mfa' });
    expect(answer.body).not.toHaveProperty('maxAgeSeconds');
  });

  it('of a scope names the scopes in the challenge', async () => {
    const { headers } = await answerTo('insufficient_scope', { scope: ['a:read', 'a:write'] });
    expect(headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", scope="a:read a:write"',
    );
  });

  it.each<[ErrorType, SessionErrorOptions, string]>([
    ['token_missing', {}, 'Bearer realm="api", DPoP realm="api", algs="ES256 PS256"'],
    [
      'token_expired',
      {},
      'Bearer error="invalid_token", DPoP error="invalid_token", algs="ES256 PS256"',
    ],
    [
      'mfa_expired',
      { mfa: { maxAgeSeconds: 60.5, acr: ['a', 'b'] } },
      'Bearer error="insufficient_user_authentication", max_age="60", acr_values="a b", DPoP error="insufficient_user_authentication", max_age="60", acr_values="a b", algs="ES256 PS256"',
    ],
    ['dpop_proof_invalid', {}, 'DPoP error="invalid_dpop_proof", algs="ES256 PS256"'],
  ])('%s names the DPoP scheme if it is given its algorithms', async (type, options, challenge) => {
    const answer = await answerTo(type, { ...options, dpopAlgorithms: ['ES256', 'PS256'] });
    expect(answer.headers['www-authenticate']).toBe(challenge);
  });

  it('has an Error or undefined as its cause, whatever was thrown', () => {
    const inner = new RangeError('inner');
    const ofAnotherRealm = runInNewContext('new TypeError("foreign")') as Error;
    for (const cause of [inner, ofAnotherRealm]) {
      expect(new SessionError('token_invalid', { cause }).cause).toBe(cause);
    }
    const wrapped = new SessionError('token_invalid', { cause: 'a string' }).cause;
    expect(wrapped).toBeInstanceOf(Error);
    expect(wrapped).toHaveProperty('cause', 'a string');
    expect(new SessionError('token_invalid').cause).toBeUndefined();
    expect(Object.keys(new SessionError('token_invalid'))).not.toContain('cause');
  });
});
