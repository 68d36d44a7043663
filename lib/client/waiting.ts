/**
 * Waiting, for as long as the caller's AbortSignal allows.
 */

/** Rejects with the signal's reason, as `fetch` does, without stopping what others wait for too. */
export function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | null | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own
      reject(signal?.reason);
    };
    promise.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
  });
}

export function sleep(
  milliseconds: number,
  signal: AbortSignal | null | undefined,
): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout>;
  const elapsed = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return abortable(elapsed, signal).finally(() => {
    clearTimeout(timer);
  });
}

/**
 * How long an answer asks to wait, at most 10 s; 1 s where it does not say so in seconds, or where
 * CORS hides it.
 */
export function retryAfterMilliseconds(response: Response): number {
  const seconds = response.headers.get('retry-after') ?? '';
  return /^\d+$/.test(seconds) ? Math.min(Number(seconds), 10) * 1000 : 1000;
}
