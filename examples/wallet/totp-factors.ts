/**
 * The second factor: who has enrolled an authenticator app (RFC 6238), and whether a code is good.
 * It knows nothing of sessions; that a code was good is for `session.mfa.start()` to remember.
 */
import { Secret, TOTP } from 'otpauth';
import { ApiProblem } from './api-problem.js';

const ENROLMENT_MILLISECONDS = 10 * 60_000;
const MAX_WRONG_CODES = 5;
const LOCK_SECONDS = 300;

interface Factor {
  readonly totp: TOTP;
  /** The counter of the last code that was accepted: it and those before it are spent. */
  lastCounter: number;
}

interface Pending extends Factor {
  readonly until: number;
}

export class TotpFactors {
  readonly #clock: () => number;
  readonly #enrolled = new Map<string, Factor>();
  readonly #pending = new Map<string, Pending>();
  readonly #wrongCodes = new Map<string, { count: number; lockedUntil: number }>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  isEnrolled(userId: string): boolean {
    return this.#enrolled.has(userId);
  }

  /** A new secret, which counts once a code of it was given. The one before works until then. */
  begin(userId: string, label: string): { secret: string; uri: string } {
    const totp = new TOTP({ issuer: 'Example Wallet', label, secret: new Secret({ size: 20 }) });
    const until = this.#clock() + ENROLMENT_MILLISECONDS;
    this.#pending.set(userId, { totp, lastCounter: -1, until });
    return { secret: totp.secret.base32, uri: totp.toString() };
  }

  /** @throws ApiProblem unless the code shows that the new secret has arrived */
  confirm(userId: string, code: unknown): void {
    const pending = this.#pendingOf(userId);
    if (pending === undefined) {
      throw new ApiProblem(410, 'mfa_flow_expired', 'This set-up has expired; start it again.');
    }
    this.#check(userId, pending, code);
    this.#pending.delete(userId);
    this.#enrolled.set(userId, pending);
  }

  /** @throws ApiProblem unless it is a good code that was not used before */
  verify(userId: string, code: unknown): void {
    const factor = this.#enrolled.get(userId);
    if (factor === undefined) {
      throw new ApiProblem(409, 'mfa_not_enrolled', 'Set up your authenticator app first.');
    }
    this.#check(userId, factor, code);
  }

  /** What the user's phone shows. Only a demonstration may ask this. */
  onThePhone(userId: string): { code: string; used: boolean; nextInSeconds: number } | undefined {
    const factor = this.#pendingOf(userId) ?? this.#enrolled.get(userId);
    if (factor === undefined) return undefined;
    const timestamp = this.#clock();
    return {
      code: factor.totp.generate({ timestamp }),
      used: factor.totp.counter({ timestamp }) <= factor.lastCounter,
      nextInSeconds: Math.ceil(factor.totp.remaining({ timestamp }) / 1000),
    };
  }

  #pendingOf(userId: string): Pending | undefined {
    const pending = this.#pending.get(userId);
    return pending !== undefined && this.#clock() < pending.until ? pending : undefined;
  }

  #check(userId: string, factor: Factor, code: unknown): void {
    const timestamp = this.#clock();
    const wrong = this.#wrongCodes.get(userId) ?? { count: 0, lockedUntil: 0 };
    if (timestamp < wrong.lockedUntil) throw tooManyCodes(wrong.lockedUntil - timestamp);

    const token = typeof code === 'string' ? code.replaceAll(' ', '') : '';
    const delta = factor.totp.validate({ token, timestamp, window: 1 });
    const counter = factor.totp.counter({ timestamp }) + (delta ?? 0);
    if (delta !== null && counter > factor.lastCounter) {
      factor.lastCounter = counter;
      this.#wrongCodes.delete(userId);
      return;
    }

    const count = wrong.count + 1;
    const isLast = count >= MAX_WRONG_CODES;
    this.#wrongCodes.set(userId, {
      count: isLast ? 0 : count,
      lockedUntil: isLast ? timestamp + LOCK_SECONDS * 1000 : 0,
    });
    throw new ApiProblem(
      422,
      'mfa_invalid_code',
      delta === null
        ? 'That code is not right. Type the six digits that your authenticator app shows now.'
        : 'That code was used already. Wait for the next one, which takes at most 30 seconds.',
    );
  }
}

function tooManyCodes(milliseconds: number): ApiProblem {
  const seconds = Math.ceil(milliseconds / 1000);
  const minutes = Math.ceil(seconds / 60);
  const wait = minutes === 1 ? 'a minute' : `${minutes} minutes`;
  return new ApiProblem(
    429,
    'rate_limit_exceeded',
    `Too many wrong codes. Try again in ${wait}.`,
    seconds,
  );
}
