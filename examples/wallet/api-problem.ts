/**
 * The wallet's own refusals, in the form of the library's (RFC 9457), so that
 * the page has one kind of error to understand.
 */
import type { ErrorRequestHandler } from 'express';

export interface ApiProblemMembers {
  readonly retryAfterSeconds?: number;
  /** Further members of the body. */
  readonly members?: Readonly<Record<string, unknown>>;
}

export class ApiProblem extends Error {
  readonly status: number;
  readonly errorType: string;
  readonly retryAfterSeconds: number | undefined;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    errorType: string,
    detail: string,
    { retryAfterSeconds, members = {} }: ApiProblemMembers = {},
  ) {
    super(detail);
    this.status = status;
    this.errorType = errorType;
    this.retryAfterSeconds = retryAfterSeconds;
    this.members = members;
  }
}

export const apiProblemHandler: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  const problem = fromBodyParser(error) ?? error;
  if (!(problem instanceof ApiProblem)) {
    next(error);
    return;
  }
  const { status, errorType, message, retryAfterSeconds, members } = problem;
  if (retryAfterSeconds !== undefined) res.set('Retry-After', String(retryAfterSeconds));
  res
    .status(status)
    .set('Cache-Control', 'no-store')
    .type('application/problem+json')
    .json({ type: `urn:wallet:${errorType}`, status, detail: message, errorType, ...members });
};

/** A refusal of Express's body parser; its `type` names the reason. */
function fromBodyParser(error: unknown): ApiProblem | undefined {
  if (!(error instanceof Error) || !('type' in error) || !('status' in error)) return undefined;
  const text = 'The body of this request cannot be read as JSON.';
  return new ApiProblem(Number(error.status), 'invalid_request', text);
}
