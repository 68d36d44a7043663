/**
 * The form of a token: a JWS in compact serialisation (RFC 7515 section 7.1) with JSON inside.
 * Nothing here is trusted yet; it only tells well-formed tokens from other things, without crypto.
 */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { tokenInvalid } from '../errors.js';
import { isRecord } from '../type-guards.js';

export interface ParsedToken {
  /** The three parts with their dots. */
  readonly compact: string;
  readonly header: TokenHeader;
  readonly claims: Record<string, unknown>;
}

export interface TokenHeader {
  readonly alg: string;
  readonly kid: string | undefined;
  /** Lower case, without `application/` (RFC 7515 section 4.1.9). */
  readonly typ: string | undefined;
  /** The public key of a DPoP proof (RFC 9449 section 4.2). Access tokens bring none that counts. */
  readonly jwk: unknown;
}

export const MAX_TOKEN_LENGTH = 8192;
const MAX_JSON_DEPTH = 32;
const [QUOTE, COLON, BACKSLASH] = [0x22, 0x3a, 0x5c];

/** Three parts of base64url without padding. */
const THREE_PARTS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Headers that were parsed lately, because all tokens of one key have the same. Those of DPoP proofs
 * are left out: each client has its own.
 */
const knownHeaders = new LRUCache<string, TokenHeader>({ max: 16 });

/** @throws SessionError `token_invalid` */
export function parseToken(compact: string): ParsedToken {
  if (compact.length > MAX_TOKEN_LENGTH) throw tokenInvalid('longer than 8 KiB');
  const [header, claims, signature] = THREE_PARTS.test(compact) ? compact.split('.') : [];
  if (!isCanonical(header) || !isCanonical(claims) || !isCanonical(signature)) {
    throw tokenInvalid('not three parts of canonical base64url');
  }
  return { compact, header: parseHeader(header), claims: parseJson(claims) };
}

/** What the signature is of (RFC 7515 section 5.1). */
export function signingInputOf(compact: string): string {
  return compact.slice(0, compact.lastIndexOf('.'));
}

/**
 * SHA-256 of the signing input, base64url: names a token without keeping it. The signature is left
 * out because ECDSA allows two of them for one message.
 */
export function hashOfSigningInput(compact: string): string {
  return hash('sha256', signingInputOf(compact), 'base64url');
}

/**
 * Whether the unused bits of the last character are zero, so that a token has one spelling only
 * (RFC 4648 section 3.5).
 */
function isCanonical(part: string | undefined): part is string {
  const last = part?.at(-1) ?? '';
  switch ((part?.length ?? 1) % 4) {
    case 1:
      return false;
    case 2:
      return 'AQgw'.includes(last);
    case 3:
      return 'AEIMQUYcgkosw048'.includes(last);
    default:
      return true;
  }
}

function parseHeader(part: string): TokenHeader {
  const known = knownHeaders.get(part);
  if (known !== undefined) return known;
  const header = checkHeader(parseJson(part));
  // A copy, because in V8 a slice would keep all of the token with it.
  if (header.jwk === undefined) knownHeaders.set(Buffer.from(part).toString('latin1'), header);
  return header;
}

function parseJson(part: string): Record<string, unknown> {
  const bytes = Buffer.from(part, 'base64url');
  if (!isUtf8(bytes)) throw tokenInvalid('a part is not UTF-8');
  const text = bytes.toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw tokenInvalid('a part is not JSON');
  }
  if (!isRecord(value)) throw tokenInvalid('a part is not a JSON object');
  // JSON.parse keeps the last of two members with one name; another parser may have kept the first.
  if (countMembers(value, 0) !== writtenMembers(text)) throw tokenInvalid('a member stands twice');
  return value;
}

/** Counts the members of all objects inside. */
function countMembers(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > MAX_JSON_DEPTH) throw tokenInvalid('JSON is nested too deeply');
  const inside: unknown[] = Object.values(value);
  let count = Array.isArray(value) ? 0 : inside.length;
  for (const item of inside) count += countMembers(item, depth + 1);
  return count;
}

/** Counts the members that are written in a JSON text: the colons outside of its strings. */
function writtenMembers(json: string): number {
  let count = 0;
  let inString = false;
  for (let at = 0; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case COLON:
        if (!inString) count += 1;
        break;
      case QUOTE:
        inString = !inString;
        break;
      case BACKSLASH:
        // Stands in strings alone, and takes the next character with it.
        at += 1;
        break;
    }
  }
  return count;
}

function checkHeader(header: Readonly<Record<string, unknown>>): TokenHeader {
  const { alg, kid, typ, cty, jwk } = header;
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
  return { alg, kid, typ: typ === undefined ? undefined : mediaType(typ), jwk };
}

/** Media types compare without regard to case, and `application/` may be left out. */
export function mediaType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}
