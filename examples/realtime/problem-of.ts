/**
 * An error as the problem object (RFC 9457) that HTTP, GraphQL and WebSocket clients get alike.
 */
import type { IncomingMessage } from 'node:http';
import { SessionError } from 'express-wallet-session';
import { ApiProblem } from '../wallet/api-problem.js';

export type ProblemObject = Readonly<Record<string, unknown>> & {
  readonly status: number;
  readonly errorType: string;
};

/** @param origin the request that failed, or the id of the message */
export function problemOf(error: unknown, origin: IncomingMessage | string): ProblemObject {
  if (error instanceof SessionError) {
    const request =
      typeof origin === 'string' ? { headers: { 'x-correlation-id': origin } } : origin;
    return { ...error.toProblem(request) };
  }
  if (error instanceof ApiProblem) {
    const { status, errorType, message: detail } = error;
    return { type: `urn:wallet:${errorType}`, status, detail, errorType };
  }
  console.error(error);
  const detail = 'Something went wrong here.';
  return { type: 'urn:wallet:internal_error', status: 500, detail, errorType: 'internal_error' };
}
