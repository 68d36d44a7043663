/**
 * The second factor: codes of an authenticator app (RFC 6238). The used codes and the
 * number of attempts are kept in the Redis of the sessions, because all processes share them.
 */
import { createHmac } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { RateLimiterRedis } from 'rate-limiter-flexible';

export type Outcome = 'verified' | 'wrong' | 'locked';

export interface TotpCheck {
  verify(userId: string, code: unknown): Promise<Outcome>;
}

/**
 * @param redis a client of node-redis
 * @param key the key that the secrets of all users are made from; a real app keeps one for each
 */
export function createTotpCheck(redis: object, key: string): TotpCheck {
  const shared = { storeClient: redis, useRedisPackage: true };
  const attempts = new RateLimiterRedis({
    ...shared,
    keyPrefix: 'totp-attempts',
    points: 5,
    duration: 300,
  });
  // A code is good for one request, to one of the processes.
  const uses = new RateLimiterRedis({
    ...shared,
    keyPrefix: 'totp-uses',
    points: 1,
    duration: 120,
  });
  return {
    async verify(userId, code) {
      // Counted before the code is looked at, so that guesses sent at once count too.
      if (!(await isWithin(attempts, userId))) return 'locked';
      const totp = totpOf(key, userId);
      const delta = typeof code === 'string' ? totp.validate({ token: code, window: 1 }) : null;
      if (delta === null) return 'wrong';
      if (!(await isWithin(uses, `${userId}:${totp.counter() + delta}`))) return 'wrong';
      await attempts.delete(userId);
      return 'verified';
    },
  };
}

async function isWithin(limit: RateLimiterRedis, name: string): Promise<boolean> {
  try {
    await limit.consume(name);
    return true;
  } catch (error) {
    // The limiter rejects with an error only if Redis does.
    if (error instanceof Error) throw error;
    return false;
  }
}

/** The code that the user's phone shows. Only a demonstration may tell it. */
export function codeOnThePhone(key: string, userId: string): string {
  return totpOf(key, userId).generate();
}

function totpOf(key: string, userId: string): TOTP {
  const bytes = createHmac('sha256', key).update(userId).digest().subarray(0, 20);
  return new TOTP({ secret: new Secret({ buffer: Uint8Array.from(bytes).buffer }) });
}
