/**
 * Five attempts in five minutes for each account, over all challenges and sessions: one
 * attempt per challenge is no limit for a thief of a session, who can ask for a new challenge each
 * time. In memory; a wallet of several processes takes `RateLimiterRedis`.
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { ApiProblem } from '../api-problem.js';

const MAX_ATTEMPTS = 5;
const WINDOW_SECONDS = 300;

export class WrongCodes {
  #limiter = newLimiter();

  /**
   * Counts an attempt, before the code is looked at. `forget()` follows a good one.
   *
   * @throws ApiProblem once there were too many
   */
  async count(accountId: string): Promise<void> {
    try {
      await this.#limiter.consume(accountId);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const retryAfterSeconds = Math.ceil(refusal.msBeforeNext / 1000);
      const minutes = Math.ceil(retryAfterSeconds / 60);
      throw new ApiProblem(
        429,
        'rate_limit_exceeded',
        `Too many wrong codes. Try again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`,
        { retryAfterSeconds },
      );
    }
  }

  async forget(accountId: string): Promise<void> {
    await this.#limiter.delete(accountId);
  }

  /** The limiter goes by real time, so the example tells it when its own clock jumps. */
  timePassed(seconds: number): void {
    if (seconds >= WINDOW_SECONDS) this.#limiter = newLimiter();
  }
}

function newLimiter(): RateLimiterMemory {
  return new RateLimiterMemory({ points: MAX_ATTEMPTS, duration: WINDOW_SECONDS });
}
