/**
 * The answers of the library as a client meets them. What is done about them is in remedies.ts.
 */
import { discard } from './outgoing-request.js';

/** The body of a refusal, RFC 9457; the same as the server's `Problem`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** What went wrong, in CDP's own form of discriminator. */
  readonly errorType:
    | 'token_missing'
    | 'invalid_request'
    | 'token_invalid'
    | 'token_expired'
    | 'session_expired'
    | 'session_revoked'
    | 'mfa_required'
    | 'mfa_expired'
    | 'mfa_not_enrolled'
    | 'verification_unavailable'
    | 'store_unavailable';
  /** What to do next. */
  readonly action:
    'sign_in' | 'fix_request' | 'refresh_token' | 'verify_mfa' | 'enroll_mfa' | 'retry';
  readonly correlationId: string;
  /** Of MFA errors: how recent the verification has to be. */
  readonly maxAgeSeconds?: number;
  /** Of MFA errors on a route that names methods: one of these is wanted. */
  readonly methods?: readonly string[];
  /** Of MFA errors on a route that names `acr` values: one of these is wanted. */
  readonly acrValues?: readonly string[];
}

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
