/**
 * The page, or worker, that the client runs in, if it runs in one.
 */

export interface Page {
  /** Undefined outside a browser, and where a page has none, such as a file. */
  readonly origin: string | undefined;
  /** Whether fetch itself knows the page; beside a `location` that only pretends it does not. */
  readonly isReal: boolean;
  /** What a relative address is relative to. */
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
    isReal,
    base: () => document?.baseURI ?? location?.href,
  };
}
