/**
 * The digests that bind an approval to one request or operation: pure functions.
 * `docs/approvals.md` has test vectors, so that an auditor can recompute each digest.
 */
import { hash } from 'node:crypto';
import { types } from 'node:util';
import { ConfigurationError } from '../option-reader.js';
import { SessionError } from '../errors.js';

/** An HTTP request without its body. */
export interface RequestTarget {
  /** The HTTP method. */
  readonly method: string;
  /** The path with all mounts, and the text of the query. */
  readonly url: string;
}

const MAX_LEVELS = 500;

/** The digest of a request. @param material the body, from `bodyMaterial()` */
export function requestDigest({ method, url }: RequestTarget, material: string): string {
  return sha256(`["request/1",${JSON.stringify(method)},${JSON.stringify(url)},${material}]`);
}

/** The digest of an operation that is no HTTP request. @param operation from `sortedJson()` */
export function operationDigest(operation: string): string {
  return sha256(`["operation/1",${operation}]`);
}

/** The material of a request without a body. */
export const NO_BODY = 'null';

/**
 * The material of a body: the hash of a string or of bytes, and any other value as sorted JSON.
 *
 * @param source names the value in an error
 * @throws ConfigurationError if the value is no JSON
 * @throws SessionError `invalid_request` if a string is not well-formed Unicode
 */
export function bodyMaterial(value: unknown, source: string): string {
  if (typeof value === 'string') {
    // Each lone surrogate has the same UTF-8, so two different strings would have one digest.
    if (/\p{Surrogate}/u.test(value)) throw illFormed(source);
    return `{"sha256":"${sha256(value)}"}`;
  }
  if (types.isUint8Array(value)) return `{"sha256":"${sha256(value)}"}`;
  return `{"json":${sortedJson(value, source)}}`;
}

/** All that the challenge of a WebAuthn ceremony stands for. */
export interface ApprovalSubject {
  readonly issuer: string;
  readonly userId: string;
  readonly challengeId: string;
  readonly digest: string;
  /** From `sortedJson()`. */
  readonly description: string;
}

/** The WebAuthn challenge of an approval as base64url; 32 bytes. */
export function webAuthnChallenge(subject: ApprovalSubject): string {
  const { issuer, userId, challengeId, digest, description } = subject;
  const names = JSON.stringify(['approval/1', issuer, userId, challengeId, digest]);
  return sha256(`${names.slice(0, -1)},${description}]`);
}

/**
 * JSON without white space, in which the members of each object are in order of UTF-16 code units.
 * Members that are `undefined` are left out.
 *
 * @param source names the value in an error
 * @throws ConfigurationError for values that JSON has no exact text for, such as a Date or NaN
 */
export function sortedJson(value: unknown, source: string): string {
  return write(value, source, 0);
}

function write(value: unknown, source: string, level: number): string {
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return JSON.stringify(value);
    case 'number':
      if (Number.isFinite(value)) return JSON.stringify(value);
      throw notJson(source, String(value));
    case 'object':
      if (value === null) return 'null';
      // A cycle ends here as well.
      if (level === MAX_LEVELS) throw notJson(source, `more than ${MAX_LEVELS} levels`);
      return Array.isArray(value)
        ? writeArray(value, source, level + 1)
        : writeObject(value, source, level + 1);
    default:
      throw notJson(source, value === undefined ? 'undefined' : `a ${typeof value}`);
  }
}

function writeArray(values: readonly unknown[], source: string, level: number): string {
  // Unlike `map`, `from` visits holes too.
  return `[${Array.from(values, (value) => write(value, source, level)).join(',')}]`;
}

function writeObject(object: object, source: string, level: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) {
    throw notJson(source, 'an instance of a class');
  }
  const members: string[] = [];
  for (const name of Object.keys(object).sort()) {
    const value = (object as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    members.push(`${JSON.stringify(name)}:${write(value, source, level)}`);
  }
  return `{${members.join(',')}}`;
}

function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64url');
}

function notJson(source: string, kind: string): ConfigurationError {
  return new ConfigurationError([
    `${source} holds ${kind}, which has no exact text in JSON. It may hold null, booleans, finite numbers, strings, arrays and plain objects, at most ${MAX_LEVELS} levels of them.`,
  ]);
}

function illFormed(source: string): SessionError {
  return new SessionError('invalid_request', {
    detail: 'The text of this request is not well-formed Unicode.',
    cause: new Error(`${source} holds a lone surrogate, so that its UTF-8 is not unique`),
  });
}
