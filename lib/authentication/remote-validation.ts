/**
 * Validation by CDP, for access tokens without a JWKS: the calls of `validateAccessToken`, their
 * limits, and the meaning of their failures.
 */
import type { Clock } from '../clock.js';
import { SessionError, tokenInvalid } from '../errors.js';
import { noteOn, summaryOf, type EventCause } from '../refusal-note.js';
import { isNonEmptyString, isRecord } from '../type-guards.js';
import { isOverload, retryAfterMsOf, statusOf } from './api-error.js';
import type { ValidateAccessToken } from './cdp.js';

const MAX_CALLS = 16;
const CALL_TIMEOUT_MS = 5_000;
const QUEUE_TIMEOUT_MS = 5_000;
const MIN_BACK_OFF_MS = 1_000;
const MAX_BACK_OFF_MS = 30_000;
const MAX_RETRY_AFTER_MS = 300_000;

/**
 * Refusals of CDP: 400 without a token, 401 for a bad one (and for a bad
 * API key, which looks the same), 404 for a user who was deleted.
 */
const REFUSALS: readonly unknown[] = [400, 401, 404];

/** Each overload makes a new object, so a call can tell whether one came after its start. */
interface BackOff {
  readonly failures: number;
  readonly endsAt: number;
  readonly cause: unknown;
}

/** An error whose message quotes nothing. */
class OwnError extends Error {}

class CallTimeout extends OwnError {
  constructor() {
    super(`validateAccessToken did not answer within ${CALL_TIMEOUT_MS} ms`);
  }
}

interface QueuedCall {
  readonly start: () => void;
  readonly refuse: (error: SessionError) => void;
}

export class RemoteValidation {
  readonly #validate: ValidateAccessToken;
  readonly #clock: Clock;
  readonly #inFlight = new Map<string, Promise<string>>();
  /** In the order of arrival. */
  readonly #queue = new Set<QueuedCall>();
  #calls = 0;
  #backOff: BackOff | undefined;
  /** After an overload or a timeout, one call is made at a time until CDP answers again. */
  #isFailing = false;

  constructor(validate: ValidateAccessToken, clock: Clock) {
    this.#validate = validate;
    this.#clock = clock;
  }

  /**
   * The id of the token's user. Equal tokens share a call.
   *
   * @throws SessionError `token_invalid` if CDP refuses the token, else `verification_unavailable`
   */
  userIdOf(accessToken: string): Promise<string> {
    const inFlight = this.#inFlight.get(accessToken);
    if (inFlight !== undefined) return inFlight;
    const answer = this.#ask(accessToken).finally(() => this.#inFlight.delete(accessToken));
    this.#inFlight.set(accessToken, answer);
    return answer;
  }

  /**
   * Tells a bad API key from a good one: CDP answers 401 for a bad token and for a bad API key alike,
   * but 400 for a request without a token, which it looks at after the API key.
   *
   * @throws SessionError `verification_unavailable`
   */
  async ready(): Promise<void> {
    const refusal = await this.userIdOf('').then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof SessionError && error.errorType === 'token_invalid') {
          return error.cause?.cause;
        }
        throw error;
      },
    );
    const status = statusOf(refusal);
    if (status === 400) return;
    const answer = refusal === undefined ? 'accepted a request' : `answered ${String(status)}`;
    const hint = status === 401 ? 'check the CDP API key' : '400 was expected';
    throw unavailable(
      new OwnError(`validateAccessToken ${answer} without a token: ${hint}`, { cause: refusal }),
    );
  }

  async #ask(accessToken: string): Promise<string> {
    this.#refuseWhileBackingOff();
    await this.#acquire();
    try {
      this.#refuseWhileBackingOff();
      const answer = await this.#call(accessToken);
      if (isRecord(answer) && isNonEmptyString(answer.userId)) return answer.userId;
      throw unavailable(new OwnError('validateAccessToken answered without a userId'));
    } finally {
      this.#calls -= 1;
      this.#startQueued();
    }
  }

  async #call(accessToken: string): Promise<unknown> {
    const before = this.#backOff;
    try {
      const answer = await this.#callInTime(accessToken);
      this.#recover(before);
      return answer;
    } catch (error) {
      throw this.#failure(error, before);
    }
  }

  async #callInTime(accessToken: string): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new CallTimeout());
      }, CALL_TIMEOUT_MS);
    });
    try {
      return await Promise.race([this.#validate({ accessToken }), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(error: unknown, before: BackOff | undefined): SessionError {
    if (REFUSALS.includes(statusOf(error))) {
      this.#recover(before);
      return tokenInvalid(
        'validateAccessToken refused the token; if it refuses every token, check the CDP API key',
        error,
      );
    }
    const isOverloaded = isOverload(error);
    // Other errors, which a token may cause, do not slow down the tokens of others.
    if (isOverloaded || error instanceof CallTimeout) this.#isFailing = true;
    if (isOverloaded) this.#beginBackOff(error, before);
    return unavailable(error, this.#backOffMs());
  }

  /** @param before the back-off when the call began: an older call does not end a newer back-off */
  #recover(before: BackOff | undefined): void {
    if (this.#backOff !== before) return;
    this.#backOff = undefined;
    this.#isFailing = false;
  }

  #beginBackOff(cause: unknown, before: BackOff | undefined): void {
    const now = this.#clock();
    const current = this.#backOff;
    // Calls that were made side by side fail for one reason, which counts once.
    const failures = current === before ? (current?.failures ?? 0) + 1 : (current?.failures ?? 1);
    const usual = Math.min(MAX_BACK_OFF_MS, MIN_BACK_OFF_MS * 2 ** (failures - 1));
    const asked = retryAfterMsOf(cause, now) ?? usual;
    const wait = Math.min(MAX_RETRY_AFTER_MS, Math.max(MIN_BACK_OFF_MS, asked));
    const endsAt = Math.max(now + wait, now + this.#backOffMs());
    this.#backOff = { failures, endsAt, cause };
    for (const { refuse } of this.#queue) refuse(unavailable(cause, endsAt - now));
  }

  #refuseWhileBackingOff(): void {
    const wait = this.#backOffMs();
    if (wait > 0) throw unavailable(this.#backOff?.cause, wait);
  }

  /** The rest of the back-off; 0 if it is over. */
  #backOffMs(): number {
    const wait = (this.#backOff?.endsAt ?? 0) - this.#clock();
    // A clock that was set back does not prolong it.
    return wait > MAX_RETRY_AFTER_MS ? 0 : Math.max(0, wait);
  }

  #canCall(): boolean {
    return this.#calls < (this.#isFailing ? 1 : MAX_CALLS);
  }

  /** Takes a place among the calls, at once or in turn. */
  async #acquire(): Promise<void> {
    if (this.#queue.size === 0 && this.#canCall()) {
      this.#calls += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#queue.delete(queued);
      };
      const queued: QueuedCall = {
        start: () => {
          end();
          this.#calls += 1;
          resolve();
        },
        refuse: (error) => {
          end();
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        queued.refuse(
          unavailable(new OwnError(`${MAX_CALLS} calls are in flight, more are queued`)),
        );
      }, QUEUE_TIMEOUT_MS);
      this.#queue.add(queued);
    });
  }

  #startQueued(): void {
    for (const { start } of this.#queue) {
      if (!this.#canCall()) return;
      start();
    }
  }
}

function unavailable(cause: unknown, retryAfterMs = 0): SessionError {
  const error = new SessionError('verification_unavailable', {
    retryAfterSeconds: retryAfterMs / 1000,
    cause,
  });
  return cause instanceof OwnError ? error : noteOn(error, { cause: toldOf(cause) });
}

/** Without the message, since an SDK may quote the token or the user in it. */
function toldOf(cause: unknown): EventCause {
  const status = statusOf(cause);
  const answer = typeof status === 'number' ? `answered ${status}` : 'failed';
  return { ...summaryOf(cause), message: `validateAccessToken ${answer}` };
}
