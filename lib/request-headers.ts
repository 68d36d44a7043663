/**
 * The headers of a request in Node's form, whichever framework the request comes from.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** Headers of Node, of the Fetch standard, or a plain object with names in any case. */
export type RequestHeaders =
  IncomingHttpHeaders | Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The same headers under names in lower case. A name that occurs in two spellings gets a list, which
 * stands for a repeated header.
 */
export function nodeHeaders(headers: RequestHeaders): IncomingHttpHeaders {
  const isFetch = Symbol.iterator in headers;
  if (!isFetch && Object.keys(headers).every((name) => name === name.toLowerCase())) {
    return headers as IncomingHttpHeaders;
  }
  const lowered: Record<string, string | string[]> = {};
  for (const [name, value] of isFetch ? headers : Object.entries(headers)) {
    const key = name.toLowerCase();
    const earlier = lowered[key];
    const values = value as string | string[] | undefined;
    if (values === undefined) continue;
    lowered[key] = earlier === undefined ? values : [earlier, values].flat();
  }
  return lowered;
}
