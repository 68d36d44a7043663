/**
 * A watch of a session, as an app sees it, and its options.
 */
import { ConfigurationError, OptionReader } from '../option-reader.js';

/** Options of `sessions.watch()`. */
export interface SessionWatchOptions {
  /**
   * How often the store is asked for sign-outs, in seconds of real time, from 1 to 300.
   * @defaultValue 5
   */
  readonly everySeconds?: number | undefined;
}

/**
 * Watches one session until it ends or the watch is stopped. `using` stops it at the end of a block.
 *
 * @example
 * const watch = sessions.watch(session);
 * watch.signal.addEventListener('abort', () => {
 *   socket.close(4401, watch.signal.reason.errorType);
 * });
 * socket.on('close', () => watch.stop());
 */
export interface SessionWatch {
  /**
   * Aborts once, when the session is over. Its `reason` is a `SessionError`: `token_expired`,
   * `session_expired`, `session_revoked`, or `store_unavailable` if the store has not answered for
   * 30 s of real time.
   */
  readonly signal: AbortSignal;
  /** Ends the watch for good: the signal of a stopped watch never aborts. */
  stop(): void;
  /** The same as `stop()`. */
  [Symbol.dispose](): void;
}

/** @throws ConfigurationError with every mistake at once */
export function parseWatchOptions(options: unknown): { readonly everySeconds: number } {
  const complaints: string[] = [];
  const read = new OptionReader<SessionWatchOptions>('sessions.watch()', options, complaints);
  const everySeconds = read.number('everySeconds', { min: 1, max: 300 }, 5);
  read.end();
  if (complaints.length > 0) throw new ConfigurationError(complaints);
  return { everySeconds };
}
