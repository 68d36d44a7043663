/**
 * One-time codes. The caller gets the code that a real issuer would send by email.
 */
import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.js';

/** A one-time code is unknown, used or expired, or too many wrong codes were tried. */
export class OneTimeCodeError extends Error {
  override readonly name = 'OneTimeCodeError';
  /** The same for every reason. */
  readonly code = 'one_time_code_invalid';

  constructor() {
    super('this one-time code is not valid; ask for a new one');
  }
}

const LIFETIME_SECONDS = 300;
const MAX_ATTEMPTS = 5;

export class OneTimeCodes {
  readonly #clock: Clock;
  readonly #codes = new Map<string, { code: string; untilMs: number; attemptsLeft: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns six digits, valid for 5 minutes. An earlier code for this address ends. */
  issue(email: string): string {
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    const untilMs = this.#clock() + LIFETIME_SECONDS * 1000;
    this.#codes.set(email, { code, untilMs, attemptsLeft: MAX_ATTEMPTS });
    return code;
  }

  /** @throws OneTimeCodeError */
  spend(email: string, code: string): void {
    const sent = this.#codes.get(email);
    if (sent === undefined || this.#clock() >= sent.untilMs) throw new OneTimeCodeError();
    if (sent.code === code) {
      this.#codes.delete(email);
      return;
    }
    sent.attemptsLeft -= 1;
    if (sent.attemptsLeft === 0) this.#codes.delete(email);
    throw new OneTimeCodeError();
  }
}
