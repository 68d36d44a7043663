/**
 * One field of a posted form, from a parser such as `express.urlencoded()` or from the request
 * itself.
 */
import type { IncomingMessage } from 'node:http';
import { isRecord } from '../type-guards.js';

const MAX_BYTES = 16 * 1024;
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/**
 * The value of the field; undefined if the request is no form of at most 16 KiB with exactly one
 * such field.
 */
export async function readFormField(
  req: IncomingMessage & { readonly body?: unknown },
  name: string,
): Promise<string | undefined> {
  if (!FORM.test(req.headers['content-type'] ?? '')) return undefined;
  const { body } = req;
  if (typeof body === 'string') return fieldOf(body, name);
  if (body instanceof Uint8Array) return fieldOf(Buffer.from(body).toString('utf8'), name);
  // A parser of another media type may have left `{}` and the body unread.
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

/** The body as text; undefined if it is too long or incomplete. */
function readText(req: IncomingMessage): Promise<string | undefined> {
  if (req.readableEnded) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    // The rest of a long body is read and dropped, so that the answer gets through.
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
