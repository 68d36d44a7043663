/**
 * A text as a URL. `URL.canParse()` is not used: in Node 20 and 22, once V8 has compiled its caller,
 * it is false for every text with a character from U+0080 to U+00FF.
 */

/** Undefined for a text that is no URL. */
export function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
