/**
 * Authenticator apps (RFC 6238): one per account, each code once. It knows nothing of sessions;
 * that a code was good is for `session.mfa` to remember.
 */
import { randomUUID } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { ApiProblem } from '../api-problem.js';

const ENROLMENT_MILLISECONDS = 10 * 60_000;

export interface TotpFactor {
  readonly id: string;
  readonly addedAt: Date;
  lastUsedAt: Date;
}

interface Secretive extends TotpFactor {
  readonly totp: TOTP;
  /** The counter of the last code that was accepted: it and those before it are spent. */
  lastCounter: number;
}

interface Pending extends Secretive {
  readonly untilMs: number;
}

export class TotpFactors {
  readonly #clock: () => number;
  readonly #enrolled = new Map<string, Secretive>();
  readonly #pending = new Map<string, Pending>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  of(accountId: string): TotpFactor | undefined {
    return this.#enrolled.get(accountId);
  }

  /** A new secret, which counts once a code of it was given. The one before works until then. */
  begin(accountId: string, label: string): { secret: string; uri: string } {
    const totp = new TOTP({ issuer: 'Example Wallet', label, secret: new Secret({ size: 20 }) });
    const now = new Date(this.#clock());
    this.#pending.set(accountId, {
      id: randomUUID(),
      addedAt: now,
      lastUsedAt: now,
      totp,
      lastCounter: -1,
      untilMs: now.getTime() + ENROLMENT_MILLISECONDS,
    });
    return { secret: totp.secret.base32, uri: totp.toString() };
  }

  /** @throws ApiProblem unless the code shows that the new secret has arrived */
  confirm(accountId: string, code: unknown): void {
    const pending = this.#pendingOf(accountId);
    if (pending === undefined) {
      throw new ApiProblem(410, 'mfa_flow_expired', 'This set-up has expired; start it again.');
    }
    this.#spend(pending, code);
    this.#pending.delete(accountId);
    this.#enrolled.set(accountId, pending);
  }

  /** @throws ApiProblem unless it is a good code that was not used before */
  verify(accountId: string, code: unknown): void {
    const factor = this.#enrolled.get(accountId);
    if (factor === undefined) {
      throw new ApiProblem(409, 'mfa_not_enrolled', 'Set up your authenticator app first.');
    }
    this.#spend(factor, code);
  }

  remove(accountId: string): void {
    this.#enrolled.delete(accountId);
    this.#pending.delete(accountId);
  }

  /** The code on the user's phone. Only a demonstration may ask for it. */
  onThePhone(
    accountId: string,
  ): { code: string; used: boolean; nextInSeconds: number } | undefined {
    const factor = this.#pendingOf(accountId) ?? this.#enrolled.get(accountId);
    if (factor === undefined) return undefined;
    const timestamp = this.#clock();
    return {
      code: factor.totp.generate({ timestamp }),
      used: factor.totp.counter({ timestamp }) <= factor.lastCounter,
      nextInSeconds: Math.ceil(factor.totp.remaining({ timestamp }) / 1000),
    };
  }

  #pendingOf(accountId: string): Pending | undefined {
    const pending = this.#pending.get(accountId);
    return pending !== undefined && this.#clock() < pending.untilMs ? pending : undefined;
  }

  #spend(factor: Secretive, code: unknown): void {
    const timestamp = this.#clock();
    const token = typeof code === 'string' ? code.replaceAll(' ', '') : '';
    const delta = factor.totp.validate({ token, timestamp, window: 1 });
    if (delta === null) {
      throw invalidCode('That code is not right. Type the six digits that your app shows now.');
    }
    const counter = factor.totp.counter({ timestamp }) + delta;
    if (counter <= factor.lastCounter) {
      throw invalidCode('That code was used already. The next one comes within 30 seconds.');
    }
    factor.lastCounter = counter;
    factor.lastUsedAt = new Date(timestamp);
  }
}

function invalidCode(detail: string): ApiProblem {
  return new ApiProblem(422, 'mfa_invalid_code', detail, { members: { action: 'start_over' } });
}
