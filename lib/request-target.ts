/**
 * The request target as the client sent it (RFC 9112 section 3.2).
 */

/** A request of Node, or of Express, which cuts mounts off `url`. */
export interface TargetedRequest {
  readonly url?: string | undefined;
  readonly originalUrl?: unknown;
}

/**
 * The path with all mounts, and the text of the query. Of an absolute target they are what is routed;
 * its host is the client's own word (section 3.2.2).
 */
export function receivedTarget({ url = '/', originalUrl }: TargetedRequest): string {
  const received = typeof originalUrl === 'string' ? originalUrl : url;
  const [origin] = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i.exec(received) ?? [''];
  const target = received.slice(origin.length);
  return origin === '' || target.startsWith('/') ? target : `/${target}`;
}
