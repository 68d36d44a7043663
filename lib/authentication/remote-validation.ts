/**
 * CDP's own word for a token, where there is no JWKS to verify it with: one call of
 * `validateAccessToken`, and what its failures mean.
 */
import { SessionError, tokenInvalid } from '../errors.js';
import { isNonEmptyString, isRecord } from '../type-guards.js';
import type { ValidateAccessToken } from './cdp.js';

const TIMEOUT_MS = 5_000;

/**
 * The statuses by which CDP refuses a token: 400 without one, 401 for a bad one (and for a bad API
 * key, which it does not tell apart), 404 for a user who is gone.
 */
const REFUSALS: readonly unknown[] = [400, 401, 404];

/**
 * The id of the token's user.
 *
 * @throws SessionError `token_invalid` where CDP refuses the token, else `verification_unavailable`
 */
export async function askForUserId(
  validate: ValidateAccessToken,
  accessToken: string,
): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`validateAccessToken did not answer within ${TIMEOUT_MS} ms`));
    }, TIMEOUT_MS);
  });
  try {
    const answer: unknown = await Promise.race([validate({ accessToken }), timeout]);
    if (isRecord(answer) && isNonEmptyString(answer.userId)) return answer.userId;
  } catch (error) {
    if (isRefusal(error)) {
      throw tokenInvalid(
        'validateAccessToken refused the token; where it refuses every token, check the CDP API key',
        error,
      );
    }
    throw new SessionError('verification_unavailable', { cause: error });
  } finally {
    clearTimeout(timer);
  }
  throw new SessionError('verification_unavailable', {
    cause: new Error('validateAccessToken answered without a userId'),
  });
}

/** Whether an error carries one of the statuses that are about the token. */
function isRefusal(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { statusCode, status } = error as { statusCode?: unknown; status?: unknown };
  return REFUSALS.includes(statusCode ?? status);
}
