/**
 * The answers of the library as a client meets them. What is done about them is in remedies.ts.
 */
import type { Problem } from '../protocol.js';
import { discard } from './outgoing-request.js';

const MAX_CHARACTERS = 65_536;

/**
 * What an answer says that should be done, read from a copy, so that the answer stays unread.
 * Undefined where it says nothing, or cannot be read.
 */
export async function readProblem(response: Response): Promise<Problem | null | undefined> {
  const type = response.headers.get('content-type') ?? '';
  if (response.ok || !/^application\/problem\+json\s*(;|$)/i.test(type)) return undefined;
  try {
    const reader: Reader | undefined = response.clone().body?.getReader();
    const decoder = new TextDecoder();
    let text = '';
    while (text.length < MAX_CHARACTERS) {
      const chunk = await reader?.read();
      if (chunk?.value === undefined) return JSON.parse(text) as Problem | null;
      text += decoder.decode(chunk.value, { stream: true });
    }
    discard(reader);
  } catch {
    // No JSON, or none that arrived whole: whoever reads the answer will see.
  }
  return undefined;
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;
