/**
 * The body of a refusal, read from a copy of the answer.
 */
import type { Problem } from '../protocol.js';
import { discard } from './outgoing-request.js';

const MAX_CHARACTERS = 65_536;

/** Undefined if the answer is no problem with an `action`, or cannot be read. It stays unread. */
export async function readProblem(response: Response): Promise<Problem | undefined> {
  const type = response.headers.get('content-type') ?? '';
  if (response.ok || !/^application\/problem\+json\s*(;|$)/i.test(type)) return undefined;
  try {
    const problem = JSON.parse(await beginningOf(response.clone())) as Partial<Problem> | null;
    return typeof problem?.action === 'string' ? (problem as Problem) : undefined;
  } catch {
    // Not JSON, or incomplete: the reader of the answer gets the error.
    return undefined;
  }
}

async function beginningOf(response: Response): Promise<string> {
  const body: Partial<ReadableStream<Uint8Array>> | null | undefined = response.body;
  // React Native has no body, and node-fetch one of Node's streams.
  if (body?.getReader === undefined) return response.text();
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (text.length < MAX_CHARACTERS) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  discard(reader);
  return text;
}
