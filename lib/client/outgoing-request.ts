/**
 * What a caller asked for, in a form that can be sent more than once and to another address.
 */

export interface OutgoingRequest {
  readonly url: URL;
  readonly init: RequestInit &
    Required<Pick<RequestInit, 'method' | 'redirect'>> & { readonly headers: Headers };
  /** False for a stream, which is gone once it was sent. */
  readonly replayable: boolean;
  /** How many led here. */
  readonly redirects: number;
}

/** The input of a fetch, if it is a Request, of whichever window or polyfill. */
export function requestOf(input: string | URL | Request): Request | undefined {
  return typeof input === 'object' && 'url' in input ? input : undefined;
}

/** @throws what `fetch` would throw of the same arguments. */
export async function outgoingRequest(
  url: URL,
  given: Request | undefined,
  init: RequestInit | undefined,
): Promise<OutgoingRequest> {
  const known: Record<string, unknown> = { ...init };
  let replayable = isReplayable(init?.body);
  if (given !== undefined) {
    const request = new Request(given, init);
    replayable = !isStreamed(request);
    // The attributes lie on the prototype, where a spread does not see them.
    for (const name in request) known[name] = request[name as keyof Request];
    if (replayable) {
      // Held in memory already, in a form that can only be had by reading it.
      const body = await request.arrayBuffer();
      known.body = body.byteLength === 0 ? null : body;
    }
  }
  const { method = 'GET', redirect = 'follow', headers } = known as RequestInit;
  const complete = { ...known, method, redirect, headers: new Headers(headers) };
  return { url, init: complete, replayable, redirects: 0 };
}

/** By the name that an object gives itself, so that other windows and polyfills are understood. */
function isReplayable(body: unknown): boolean {
  const kind = Object.prototype.toString.call(body ?? '');
  return /String|Params|Form|Blob|File|Array|View/.test(kind);
}

/**
 * Whether a Request was made from a stream. It does not say so, but only then does the Fetch
 * standard (5.4, the constructor) refuse to let its body go out in the mode `no-cors`.
 */
function isStreamed(request: Request): boolean {
  const copy = request.clone();
  try {
    new Request(copy, { mode: 'no-cors', method: 'POST' });
    return false;
  } catch {
    // A copy that nobody reads would keep all that is sent.
    discard(copy.body);
    return true;
  }
}

/** Lets go of what nobody will read. */
export function discard(body: Pick<ReadableStream, 'cancel'> | null | undefined): void {
  // Not awaited: the half of a copied body is only cancelled once the other half is.
  body?.cancel().catch(() => undefined);
}
