/**
 * The chain of an audit trail: each line holds the hash of the line before it, so that none can be
 * changed, removed or put in between unnoticed. Two things a chain alone does not show: a trail that
 * was cut off at its end, and one that was written anew from some line on. Against both, keep the
 * latest hash elsewhere now and then.
 */
import { createHash } from 'node:crypto';

export interface AuditLine {
  /** Counted from 1. */
  readonly seq: number;
  /** The hash of the line before; empty in the first. */
  readonly previous: string;
  readonly event: Readonly<Record<string, unknown>>;
  /** SHA-256 of `JSON.stringify([seq, previous, event])`, base64url. */
  readonly hash: string;
}

export function nextLine(last: AuditLine | undefined, event: AuditLine['event']): AuditLine {
  const [seq, previous] = last === undefined ? [1, ''] : [last.seq + 1, last.hash];
  return { seq, previous, event, hash: hashOf(seq, previous, event) };
}

export type Verification =
  | { readonly isIntact: true; readonly lines: number; readonly head: string | undefined }
  | { readonly isIntact: false; readonly line: number; readonly complaint: string };

/**
 * Checks a trail.
 *
 * @param lines of all files of the trail, in order; the oldest ones may have been rotated away
 * @returns the number of the first bad line, from 1, if there is one
 */
export function verifyAuditTrail(lines: readonly string[]): Verification {
  let last: AuditLine | undefined;
  for (const [index, text] of lines.entries()) {
    const line = parse(text);
    const complaint = line === undefined ? 'is no line of a trail' : complaintOf(line, last);
    if (line === undefined || complaint !== undefined) {
      return { isIntact: false, line: index + 1, complaint: complaint ?? '' };
    }
    last = line;
  }
  return { isIntact: true, lines: lines.length, head: last?.hash };
}

function complaintOf(line: AuditLine, last: AuditLine | undefined): string | undefined {
  if (line.hash !== hashOf(line.seq, line.previous, line.event)) return 'was changed';
  if (last === undefined) {
    return line.seq === 1 && line.previous !== '' ? 'is not the first' : undefined;
  }
  const follows = line.seq === last.seq + 1 && line.previous === last.hash;
  return follows ? undefined : 'does not follow the line before it';
}

/** As pino writes it, which puts its level first. */
export function textOf({ seq, previous, event, hash }: AuditLine): string {
  return JSON.stringify({ level: 'info', seq, previous, event, hash });
}

/** Undefined for another spelling of the same line too. */
function parse(text: string): AuditLine | undefined {
  try {
    const { seq, previous, event, hash } = JSON.parse(text) as AuditLine;
    const line = { seq, previous, event, hash };
    return textOf(line) === text ? line : undefined;
  } catch {
    return undefined;
  }
}

function hashOf(seq: number, previous: string, event: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([seq, previous, event]))
    .digest('base64url');
}
