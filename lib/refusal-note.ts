/**
 * What the log of an operator may say of an error, kept beside the error because the error itself
 * belongs to the app, which may show it to anybody.
 */

/** The ids of a session whose access token was verified. */
export interface SessionIds {
  readonly issuer?: string | undefined;
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly tokenId?: string | undefined;
}

/** A copy of an error without its stack and without what others have attached to it. */
export interface EventCause {
  /** The name of the error, such as `TypeError`. */
  readonly name: string;
  /** The message of the error, without keys and values of the store. */
  readonly message: string;
  /** The code of the error, such as `ECONNREFUSED`. */
  readonly code?: string | number;
}

export interface RefusalNote {
  /** Of a token whose signature was verified. */
  readonly ids?: SessionIds;
  /** In place of the error's own `cause`, which others may have filled with secrets. */
  readonly cause?: EventCause;
  /** Whether the error has its line in the log: an error handler of the app may meet it again. */
  readonly isLogged?: boolean;
  /** The age of the verification that an `mfa_expired` is about. */
  readonly mfaAgeSeconds?: number;
}

const notes = new WeakMap<object, RefusalNote>();

/** Adds to the note of an error, and returns the error. */
export function noteOn<E extends object>(error: E, note: RefusalNote): E {
  notes.set(error, { ...notes.get(error), ...note });
  return error;
}

export function noteOf(error: object): RefusalNote {
  return notes.get(error) ?? {};
}

const MAX_LENGTH = 1_000;
const REDACTED = '[redacted]';

/**
 * Copies an error. A message that cannot be read is replaced.
 *
 * @param secrets texts that the error may quote: keys and values of a store
 */
export function summaryOf(error: unknown, secrets: readonly string[] = []): EventCause {
  try {
    const { name, message, code } = (error ?? {}) as Record<'name' | 'message' | 'code', unknown>;
    return Object.freeze({
      name: typeof name === 'string' ? lineOf(name, secrets) : 'Error',
      message: typeof message === 'string' ? lineOf(message, secrets) : 'no message',
      ...(typeof code === 'string' && { code: lineOf(code, secrets) }),
      ...(typeof code === 'number' && { code }),
    });
  } catch {
    // A getter or a proxy of the app threw.
    return Object.freeze({ name: 'Error', message: 'the error cannot be read' });
  }
}

function lineOf(text: string, secrets: readonly string[]): string {
  const starts = secrets.flatMap(marksOf).map((mark) => text.indexOf(mark));
  // All behind it goes: a client may quote a part, or the rest in another form.
  const start = Math.min(...starts.filter((at) => at >= 0));
  return (start === Infinity ? text : `${text.slice(0, start)}${REDACTED}`)
    .slice(0, MAX_LENGTH * 4)
    .replace(/(:\/\/)[^\s/@]*@/g, `$1${REDACTED}@`)
    .replace(/\beyJ[\w-]+(\.[\w-]*)*/g, REDACTED)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .slice(0, MAX_LENGTH);
}

/** By which a secret is found in a text: its beginning, as it is and within JSON, and its parts. */
function marksOf(secret: string): string[] {
  const start = secret.slice(0, 6);
  const marks = [start, JSON.stringify(start).slice(1, -1)].filter((mark) => mark.length >= 6);
  return [...marks, ...(secret.match(/[^"\\{}[\]:,]{8,}/g) ?? [])];
}
