/**
 * The request target as the client sent it (RFC 9112 section 3.2).
 */

/** A request of Node, or of Express, which cuts mounts off `url`. */
export interface TargetedRequest {
  readonly url?: string | undefined;
  readonly originalUrl?: unknown;
}

/**
 * Only forms whose path every parser finds at the same place. Of `http://a:b`, which Node's parser
 * takes too, `url.parse()` and so Express make the path `/:b`.
 */
const ORIGIN = /^https?:\/\/(?:[\w.~:-]*@)?(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d*)?(?=[/?#]|$)/i;

/**
 * The path with all mounts, and the text of the query. Of an absolute target they are what is routed;
 * its host is the client's own word (section 3.2.2). A target of any other form is given whole.
 */
export function receivedTarget({ url = '/', originalUrl }: TargetedRequest): string {
  const received = typeof originalUrl === 'string' ? originalUrl : url;
  const [origin] = ORIGIN.exec(received) ?? [''];
  const target = received.slice(origin.length);
  return origin === '' || target.startsWith('/') ? target : `/${target}`;
}
