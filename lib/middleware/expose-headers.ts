/**
 * Lets the script of a page at another origin read headers of the answer (Fetch standard, 3.3.5).
 */
import type { ServerResponse } from 'node:http';

const EXPOSE = 'Access-Control-Expose-Headers';

/** Adds names to `Access-Control-Expose-Headers`, after those that are there. */
export function exposeHeaders(res: ServerResponse, names: readonly string[]): void {
  const exposed = [res.getHeader(EXPOSE) ?? []].flat().map(String).filter(Boolean);
  const present = exposed
    .join(',')
    .toLowerCase()
    .split(/[\s,]+/);
  const added = names.filter((name) => !present.includes(name.toLowerCase()));
  if (added.length > 0) res.setHeader(EXPOSE, [...exposed, ...added].join(', '));
}
