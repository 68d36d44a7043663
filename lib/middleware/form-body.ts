/**
 * One field of a posted form, whether a parser such as `express.urlencoded()` has read the body
 * before or not.
 */
import type { IncomingMessage } from 'node:http';
import { isRecord } from '../type-guards.js';

const MAX_BYTES = 16 * 1024;
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/**
 * Undefined where the request is no form, or the field is not in it exactly once, or the form is
 * longer than 16 KiB.
 */
export async function readFormField(
  req: IncomingMessage & { readonly body?: unknown },
  name: string,
): Promise<string | undefined> {
  if (!FORM.test(req.headers['content-type'] ?? '')) return undefined;
  const { body } = req;
  if (typeof body === 'string') return fieldOf(body, name);
  if (body instanceof Uint8Array) return fieldOf(Buffer.from(body).toString('utf8'), name);
  // A parser of something else may have left `{}` and the body unread.
  if (isRecord(body) && (Object.hasOwn(body, name) || req.readableEnded)) {
    return typeof body[name] === 'string' ? body[name] : undefined;
  }
  const text = await readText(req);
  return text === undefined ? undefined : fieldOf(text, name);
}

function fieldOf(form: string, name: string): string | undefined {
  const values = new URLSearchParams(form).getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

/** Undefined where it is too long, or was not sent to its end. */
function readText(req: IncomingMessage): Promise<string | undefined> {
  if (req.readableEnded) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    // What comes after the limit is still taken off the connection, and dropped.
    req.on('data', (chunk: Buffer | string) => {
      bytes += chunk.length;
      if (bytes <= MAX_BYTES) chunks.push(Buffer.from(chunk));
      else resolve(undefined);
    });
    req.once('end', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    for (const event of ['error', 'close']) {
      req.once(event, () => {
        resolve(undefined);
      });
    }
  });
}
