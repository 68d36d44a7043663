/**
 * The request of a caller, in a form that can be sent again and to another address.
 */

export interface OutgoingRequest {
  readonly url: URL;
  readonly init: RequestInit &
    Required<Pick<RequestInit, 'method' | 'redirect'>> & { readonly headers: Headers };
  /** False for a stream, which can be read once. */
  readonly replayable: boolean;
  /** Number of redirects that led here. */
  readonly redirects: number;
}

/** The input of a fetch if it is a Request, of any window or polyfill. */
export function requestOf(input: string | URL | Request): Request | undefined {
  return typeof input === 'object' && 'url' in input ? input : undefined;
}

/** @throws the error of `fetch` for the same arguments. */
export async function outgoingRequest(
  url: URL,
  given: Request | undefined,
  init: RequestInit | undefined,
): Promise<OutgoingRequest> {
  const known: Record<string, unknown> = { ...init };
  let replayable = isReplayable(init?.body);
  if (given !== undefined) {
    const request = new Request(given, init);
    // The polyfill of React Native keeps the body here, and cannot read each kind of it.
    const kept = '_bodyInit' in request ? { body: request._bodyInit } : undefined;
    replayable = kept === undefined ? !isStreamed(request) : isReplayable(kept.body);
    // The attributes are on the prototype, so a spread would miss them.
    for (const name in request) known[name] = request[name as keyof Request];
    // Only a browser can make a navigation. The constructor of Request changes the mode likewise.
    if (known.mode === 'navigate') known.mode = 'same-origin';
    if (kept !== undefined) known.body = kept.body;
    else if (replayable) {
      // The body is in memory already, but only reading gives it in a form that can be sent again.
      const body = await request.arrayBuffer();
      known.body = body.byteLength === 0 ? null : body;
    }
  } else if (replayable) known.body = copyOf(init?.body);
  const { method = 'GET', redirect = 'follow', headers } = known as RequestInit;
  const complete = { ...known, method, redirect, headers: new Headers(headers) };
  return { url, init: complete, replayable, redirects: 0 };
}

/** What the caller changes after the call is not sent, as with `fetch`, nor in a later try. */
function copyOf(body: RequestInit['body']): RequestInit['body'] {
  if (ArrayBuffer.isView(body))
    return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
  if (body instanceof ArrayBuffer) return body.slice(0);
  const { FormData: Form, URLSearchParams: Query } = globalThis as Partial<typeof globalThis>;
  for (const Kind of [Form, Query]) {
    // Those of React Native cannot be listed.
    if (Kind === undefined || !(body instanceof Kind) || !('entries' in body)) continue;
    const copy = new Kind();
    for (const [name, value] of body as FormData) copy.append(name, value as string);
    return copy;
  }
  return body;
}

/** By methods instead of classes, which other windows and polyfills have of their own. */
function isReplayable(body: unknown): boolean {
  const { append, slice, pipe } = (body ?? '') as Record<'append' | 'slice' | 'pipe', unknown>;
  // The FormData of npm's form-data is a stream of Node.
  if (typeof pipe === 'function') return false;
  return ArrayBuffer.isView(body) || typeof append === 'function' || typeof slice === 'function';
}

/**
 * Whether a Request was made from a stream. It has no attribute for that, but the Fetch standard
 * (5.4, the constructor) refuses the mode `no-cors` to such a body only.
 */
function isStreamed(request: Request): boolean {
  const copy = request.clone();
  try {
    new Request(copy, { mode: 'no-cors', method: 'POST' });
    return false;
  } catch {
    // An unread copy would keep everything that is sent.
    discard(copy.body);
    return true;
  }
}

/** Releases a body that will not be read, if it is a web stream. */
export function discard(body: Partial<Pick<ReadableStream, 'cancel'>> | null | undefined): void {
  // Not awaited: one half of a copied body is cancelled only when the other half is.
  body?.cancel?.().catch(() => undefined);
}
