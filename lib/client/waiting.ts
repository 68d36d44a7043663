/**
 * Waiting that an AbortSignal can end.
 */

/** Rejects with the signal's reason, as `fetch` does; others that wait for the promise are unaffected. */
export function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | null | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own
      reject(signal?.reason ?? abortError());
    };
    promise.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
  });
}

/** The signals of React Native carry no reason. */
function abortError(): Error {
  return Object.assign(new Error('The request was aborted.'), { name: 'AbortError' });
}

/** An AbortController that follows several signals; `unlink()` stops that. `AbortSignal.any` is too new. */
export function linkedController(...signals: (AbortSignal | null | undefined)[]): {
  readonly controller: AbortController;
  readonly unlink: () => void;
} {
  const controller = new AbortController();
  const abort = () => {
    controller.abort(signals.find((signal) => signal?.aborted)?.reason);
  };
  for (const signal of signals) {
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
  }
  return {
    controller,
    unlink() {
      for (const signal of signals) signal?.removeEventListener('abort', abort);
    },
  };
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

const DEFAULT_RETRY_SECONDS = 1;
const MAX_RETRY_SECONDS = 10;

/** Milliseconds of `Retry-After`, which may be a date, or hidden by CORS: then the default. */
export function retryAfterMilliseconds(response: Response): number {
  const seconds = response.headers.get('retry-after') ?? '';
  return (
    1000 *
    (/^\d+$/.test(seconds) ? Math.min(Number(seconds), MAX_RETRY_SECONDS) : DEFAULT_RETRY_SECONDS)
  );
}
