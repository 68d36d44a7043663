/**
 * The messages that a client may send, read once and strictly.
 */

/** A token: the first one, or a fresh one in its place. */
export interface TokenMessage {
  readonly type: 'token';
  readonly id: string;
  readonly accessToken: string;
  /** The token that this one replaces: its MFA session moves to the new one. */
  readonly previousAccessToken: string | undefined;
}

/** A protected operation: send money. */
export interface SendMessage {
  readonly type: 'send';
  readonly id: string;
  readonly to: unknown;
  readonly amount: unknown;
}

/** @returns undefined for everything that is no message of a client */
export function parseMessage(text: string): TokenMessage | SendMessage | undefined {
  const { type, id, accessToken, previousAccessToken, to, amount } = membersOf(text);
  // It becomes the correlation id of a problem.
  if (typeof id !== 'string' || !/^[A-Za-z0-9._-]{1,64}$/.test(id)) return undefined;
  if (type === 'send') return { type, id, to, amount };
  if (type !== 'token' || typeof accessToken !== 'string') return undefined;
  if (previousAccessToken !== undefined && typeof previousAccessToken !== 'string') {
    return undefined;
  }
  return { type, id, accessToken, previousAccessToken };
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
