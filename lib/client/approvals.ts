/**
 * Prompts for the approval of single requests: one after another within a session, never shared.
 */
import type { Problem } from '../protocol.js';
import type { SessionFetchOptions } from './options.js';
import type { ClientSession } from './token-family.js';
import { abortable, linkedController, sleep } from './waiting.js';

/** The longest life of a challenge; `mfa.challengeSeconds` of the server allows no more. */
const MAX_SECONDS = 600;

/**
 * Waits for its turn, then prompts.
 * @param signal - ends the wait and the prompt, as does the end of the challenge
 * @param isCurrent - whether the session is still the same, when the turn comes
 * @returns whether the user has approved; also rejects if not
 */
export async function askForApproval(
  prompt: NonNullable<SessionFetchOptions['onApprovalRequired']>,
  problem: Problem,
  session: ClientSession,
  isCurrent: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  const { controller, unlink } = linkedController(signal);
  const { expiresInSeconds = MAX_SECONDS } = problem;
  const milliseconds = Math.min(expiresInSeconds, MAX_SECONDS) * 1000;
  const endsAt = Date.now() + milliseconds;
  const timer = setTimeout(() => {
    controller.abort(
      Object.assign(new Error('The challenge has ended.'), { name: 'TimeoutError' }),
    );
  }, milliseconds);

  const turn = session.lastApproval;
  const approval = (async () => {
    await abortable(turn, controller.signal);
    // Timers stand still while a device sleeps; and an app that gives no token must hold up no other.
    const isOwn = Date.now() < endsAt && (await abortable(isCurrent(), controller.signal));
    if (!isOwn || controller.signal.aborted) return false;
    const options = { signal: controller.signal };
    await abortable(Promise.resolve(prompt(problem, options)), options.signal);
    return true;
  })();
  // After an abort, the dialog gets a turn of the event loop to close.
  const closed = approval.catch(() => sleep(0, undefined));
  session.lastApproval = turn.then(() => closed);
  try {
    return await approval;
  } finally {
    clearTimeout(timer);
    unlink();
  }
}
