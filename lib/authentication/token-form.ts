/**
 * The form of a token: a JWS in compact serialisation (RFC 7515 section 7.1) with JSON inside.
 * Nothing here is trusted yet; it only tells well-formed tokens from other things, without crypto.
 */
import { hash } from 'node:crypto';
import { isRecord } from '../configuration.js';
import { SessionError } from '../errors.js';

export interface ParsedToken {
  /** The three parts with their dots. */
  readonly compact: string;
  readonly header: TokenHeader;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface TokenHeader {
  readonly alg: string;
  readonly kid: string | undefined;
  /** Lower case, without `application/` (RFC 7515 section 4.1.9). */
  readonly typ: string | undefined;
}

export const MAX_TOKEN_LENGTH = 8192;
const MAX_JSON_DEPTH = 32;

/**
 * One part: base64url without padding, with the unused bits of the last character zero, so that a
 * token has one spelling only (RFC 4648 section 3.5).
 */
const PART = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The one answer to a token that is no good. The reason is for the app's log alone. */
export function tokenInvalid(reason: string, cause?: unknown): SessionError {
  return new SessionError('token_invalid', { cause: new Error(reason, { cause }) });
}

/** @throws SessionError `token_invalid` */
export function parseToken(compact: string): ParsedToken {
  if (compact.length > MAX_TOKEN_LENGTH) throw tokenInvalid('longer than 8 KiB');
  const parts = compact.split('.');
  const [header, claims, signature] = parts;
  if (parts.length !== 3 || !header || !claims || !signature || !parts.every(isPart)) {
    throw tokenInvalid('not three parts of canonical base64url');
  }
  return { compact, header: checkHeader(parseJson(header)), claims: parseJson(claims) };
}

/**
 * SHA-256 of the signing input, base64url: names a token without keeping it. The signature is left
 * out because ECDSA allows two of them for one message.
 */
export function hashOfSigningInput(compact: string): string {
  return hash('sha256', compact.slice(0, compact.lastIndexOf('.')), 'base64url');
}

function isPart(part: string): boolean {
  return PART.test(part);
}

function parseJson(part: string): Readonly<Record<string, unknown>> {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(Buffer.from(part, 'base64url'));
    value = JSON.parse(text);
  } catch {
    throw tokenInvalid('a part is not JSON');
  }
  if (!isRecord(value)) throw tokenInvalid('a part is not a JSON object');
  // JSON.parse keeps the last of two members with one name; another parser may have kept the first.
  if (sealMembers(value, 0) !== writtenMembers(text)) throw tokenInvalid('a member stands twice');
  return value;
}

/** Counts the members of all objects inside, and freezes them. */
function sealMembers(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > MAX_JSON_DEPTH) throw tokenInvalid('JSON is nested too deeply');
  const inside: unknown[] = Object.values(value);
  let count = Array.isArray(value) ? 0 : inside.length;
  for (const item of inside) count += sealMembers(item, depth + 1);
  Object.freeze(value);
  return count;
}

/** Counts the names that stand in a JSON text: strings that a colon follows. */
function writtenMembers(json: string): number {
  let count = 0;
  for (const [string] of json.matchAll(/"(?:[^"\\]|\\.)*"\s*:?/g)) {
    if (string.endsWith(':')) count += 1;
  }
  return count;
}

function checkHeader(header: Readonly<Record<string, unknown>>): TokenHeader {
  const { alg, kid, typ, cty } = header;
  if (typeof alg !== 'string') throw tokenInvalid('no `alg` in the header');
  if (kid !== undefined && typeof kid !== 'string') throw tokenInvalid('`kid` is not a string');
  if (typ !== undefined && typeof typ !== 'string') throw tokenInvalid('`typ` is not a string');
  // RFC 7515 section 4.1.11: an extension that is not understood; there is none that we understand.
  if ('crit' in header) throw tokenInvalid('`crit` is not understood');
  // RFC 7797 section 7: a JWT is always base64url-encoded.
  if ('b64' in header) throw tokenInvalid('`b64` has no place in a JWT');
  if (typeof cty === 'string' && /^(application\/)?jwt$/i.test(cty)) {
    throw tokenInvalid('a JWT inside a JWT');
  }
  return { alg, kid, typ: typ === undefined ? undefined : mediaType(typ) };
}

/** Media types compare without regard to case, and `application/` may be left out. */
export function mediaType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}
