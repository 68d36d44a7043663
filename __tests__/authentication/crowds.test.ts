/**
 * Many tokens at once: signatures are verified a few at a time, and each caller gets the answer to
 * its own token.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { jest } from '@jest/globals';
import { createSessions, type SessionError } from 'express-wallet-session';
import { createTestClock } from 'express-wallet-session/testing';
import {
  accessTokenClaims,
  AUDIENCE,
  ISSUER,
  keySetOf,
  SigningKey,
  authenticationOf,
} from '../support/signing-key.js';

const clock = createTestClock();
const jwksUri = 'https://issuer.example/jwks.json';

describe('Many tokens at once', () => {
  const key = new SigningKey();
  const authentication = authenticationOf({ jwks: keySetOf(key) });
  const tokenOf = (user: string, signer = key): string =>
    signer.token(accessTokenClaims(clock(), { sub: user }), { kid: key.kid });
  const forgedOf = (user: string): string => tokenOf(user, new SigningKey());

  it('each get their own answer, good or bad', async () => {
    const sessions = createSessions({ authentication, clock });
    const users = Array.from({ length: 600 }, (_, index) => `user-${index}`);
    const answers = await Promise.all(
      users.map(async (user, index) => {
        const token = index % 3 === 1 ? forgedOf(user) : tokenOf(user);
        return sessions.authenticateToken(token).then(
          ({ userId }) => userId,
          (error: unknown) => (error as SessionError).errorType,
        );
      }),
    );
    expect(answers).toEqual(users.map((user, index) => (index % 3 === 1 ? 'token_invalid' : user)));
  });

  it('with bad signatures do not keep a good one from being verified', async () => {
    const sessions = createSessions({ authentication, clock });
    const crowd = Array.from({ length: 50 }, () => forgedOf('mallory'));
    for (let round = 0; round < 3; round += 1) {
      const refused = await Promise.allSettled(crowd.map((one) => sessions.authenticateToken(one)));
      expect(refused.map(({ status }) => status)).toEqual(crowd.map(() => 'rejected'));
      expect((await sessions.authenticateToken(tokenOf('alice'))).userId).toBe('alice');
    }
  });

  it('whose checks begin together each go on in the context of their own request', async () => {
    const sessions = createSessions({ authentication, clock });
    const context = new AsyncLocalStorage<string>();
    const users = ['alice', 'bob', 'carol'];
    const found = await Promise.all(
      users.map((user) =>
        context.run(`request of ${user}`, async () => {
          const { userId } = await sessions.authenticateToken(tokenOf(user));
          return [userId, context.getStore()];
        }),
      ),
    );
    expect(found).toEqual(users.map((user) => [user, `request of ${user}`]));
  });

  it('are verified while the timers of an app under test stand still', async () => {
    const sessions = createSessions({ authentication, clock });
    jest.useFakeTimers();
    try {
      expect((await sessions.authenticateToken(tokenOf('alice'))).userId).toBe('alice');
    } finally {
      jest.useRealTimers();
    }
  });

  it('share equal values, and have frozen claims of their own', async () => {
    const sessions = createSessions({ authentication, clock });
    const claims = {
      scope: 'wallet:read wallet:transfer',
      nested: { list: ['a', { deep: true }] },
    };
    const of = (sub: string): string => key.token(accessTokenClaims(clock(), { ...claims, sub }));
    const [one, other] = await Promise.all(
      ['alice', 'bob'].map((user) => sessions.authenticateToken(of(user))),
    );
    expect(one?.claims).toMatchObject({ ...claims, sub: 'alice', iss: ISSUER, aud: AUDIENCE });
    expect(other?.claims).toMatchObject({ ...claims, sub: 'bob', iss: ISSUER, aud: AUDIENCE });
    expect(one?.claims.nested).not.toBe(other?.claims.nested);
    const { nested } = one?.claims as unknown as { nested: typeof claims.nested };
    for (const part of [one?.claims, nested, nested.list, nested.list[1]]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

it('A key withdrawn while its tokens wait verifies none of them', async () => {
  const [old, current] = [new SigningKey(), new SigningKey()];
  let published = keySetOf(old);
  const authentication = authenticationOf({
    jwksUri,
    fetch: () => Promise.resolve(Response.json(published)),
  });
  const sessions = createSessions({ authentication, clock });
  const tokenOf = (key: SigningKey): string => key.token(accessTokenClaims(clock()));
  expect((await sessions.authenticateToken(tokenOf(old))).userId).toBe('victim');

  published = keySetOf(current);
  const waiting = Array.from({ length: 1_000 }, () => tokenOf(old));
  const answers = waiting.map((token) => sessions.authenticateToken(token));
  const fresh = sessions.authenticateToken(tokenOf(current));
  const [last] = await Promise.allSettled([answers.at(-1), ...answers]);
  expect((await fresh).userId).toBe('victim');
  expect(last).toMatchObject({
    status: 'rejected',
    reason: { errorType: 'token_invalid', action: 'refresh_token' },
  });
});
