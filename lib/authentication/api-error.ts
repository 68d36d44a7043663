/**
 * The status and the `Retry-After` of an error that a client of an HTTP API has thrown. The shape is
 * that of the CDP SDK, axios, and most others: `statusCode` or `status`, and `headers` of the error
 * or of its `response`.
 */

/** `statusCode`, else `status`. */
export function statusOf(error: unknown): unknown {
  const { statusCode, status } = membersOf(error);
  return statusCode ?? status;
}

/** Whether the API was asked too often (429), or failed (5xx). */
export function isOverload(error: unknown): boolean {
  const status = statusOf(error) ?? membersOf(membersOf(error).response).status;
  return typeof status === 'number' && (status === 429 || (status >= 500 && status < 600));
}

/**
 * Milliseconds from now, which may be negative; undefined without the header, or if it is neither a
 * number of seconds nor a date.
 *
 * @see RFC 9110 section 10.2.3
 */
export function retryAfterMsOf(error: unknown, nowMs: number): number | undefined {
  const { headers, response } = membersOf(error);
  const value = headerOf(headers) ?? headerOf(membersOf(response).headers);
  if (value === undefined) return undefined;
  const after = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(after) ? undefined : after;
}

/** `headers` is a `Headers`, or an object with names in any case. */
function headerOf(headers: unknown): string | undefined {
  const { get } = membersOf(headers);
  const value: unknown =
    typeof get === 'function'
      ? get.call(headers, 'retry-after')
      : Object.entries(membersOf(headers)).find(([name]) => /^retry-after$/i.test(name))?.[1];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' || typeof first === 'number' ? String(first).trim() : undefined;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
