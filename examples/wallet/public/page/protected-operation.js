/**
 * An operation that may need a factor. The prompts are `createSessionFetch`'s affair; setting up the
 * first factor, and asking once more when a challenge is void, are ours.
 */
import { problemOf } from './api.js';
import { setUpFirstFactor } from './factors.js';

let lastOutcome;

/** For `onApprovalRequired`: remembers how the prompt ended. */
export function noteOutcome(outcome) {
  lastOutcome = outcome;
  if (outcome !== 'approved') throw new Error(outcome);
}

/**
 * @param request sends it; the same request each time
 * @returns the response, and how the prompt for an approval ended, if there was one
 */
export async function protectedOperation(request) {
  for (;;) {
    lastOutcome = undefined;
    const response = await request();
    const outcome = lastOutcome;
    if (response.status !== 403) return { response, outcome };
    const { action } = await problemOf(response);
    if (action === 'enroll_mfa' && (await setUpFirstFactor())) continue;
    if (action === 'approve_request' && outcome === 'again') continue;
    return { response, outcome };
  }
}
