/**
 * The page or worker that the client runs in.
 */

export interface Page {
  /** Undefined outside a browser, and on a page without an origin, such as a file. */
  readonly origin: string | undefined;
  /** False if `fetch` knows no page, although there may be an object called `location`. */
  readonly isReal: boolean;
  /** The address that relative addresses are resolved against. */
  base(): string | undefined;
}

export function currentPage(): Page {
  const { location, document } = globalThis as {
    readonly location?: { readonly origin: string; readonly href: string };
    readonly document?: { readonly baseURI: string };
  };
  let isReal = true;
  try {
    new Request('');
  } catch {
    isReal = false;
  }
  return {
    origin: location?.origin.startsWith('http') ? location.origin : undefined,
    isReal: isReal && location !== undefined,
    base: () => document?.baseURI ?? location?.href,
  };
}
