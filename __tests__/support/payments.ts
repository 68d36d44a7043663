/**
 * A payments API behind `requireApproval()`, for `walletApi()`.
 */
import type { Express, Request, RequestHandler } from 'express';
import express5 from 'express';
import {
  getApproval,
  requireApproval,
  type MfaApproval,
  type MfaProof,
  type RequireApprovalOptions,
} from 'express-wallet-session';
import { handle, type WalletApiOptions } from './wallet-api.js';

export const PAYMENT = { amount: '50.00', currency: 'EUR', to: 'Bob' };
export const DESCRIPTION = { action: 'pay', amount: '50.00', to: 'Bob' };

/** A verifier as an app has it: the code is the factor. */
export const CODES: Readonly<Record<string, MfaProof | false>> = {
  '111111': { method: 'totp' },
  '222222': { method: 'hwk', acr: 'urn:acr:high' },
  '000000': false,
};

export interface PaymentsOptions {
  /** Over the description of a payment. */
  readonly guard?: Partial<RequireApprovalOptions>;
  /** Mounted ahead of the guard. */
  readonly ahead?: readonly RequestHandler[];
  readonly handler?: RequestHandler;
}

/** What the handler has been called with. */
export interface HandledPayment {
  readonly body: unknown;
  readonly approval: MfaApproval | undefined;
}

/** Routes for `walletApi()`: a payment, and the challenges of its user. */
export function payments(
  options: PaymentsOptions = {},
): WalletApiOptions & { readonly handled: HandledPayment[] } {
  const handled: HandledPayment[] = [];
  const describePayment: RequireApprovalOptions['describe'] = ({ body }) => {
    const { amount, to } = (body ?? {}) as typeof PAYMENT;
    return { action: 'pay', amount, to };
  };
  const guard = requireApproval({ describe: describePayment, ...options.guard });
  const pay: RequestHandler = (req, res, next) => {
    handled.push({ body: req.body as unknown, approval: getApproval(req) });
    if (options.handler === undefined) res.status(201).json({ paid: true });
    else options.handler(req, res, next);
  };
  return {
    handled,
    routes(app) {
      app.all('/payments', ...(options.ahead ?? []), guard, pay);
      app.use('/v1', express5.Router().all('/payments', guard, pay) as RequestHandler);
      mountChallenges(app);
    },
  };
}

function mountChallenges(app: Express): void {
  handle(app, 'get', '/challenges/:id', (session, req) => session.mfa.challenge(idOf(req)));
  handle(app, 'delete', '/challenges/:id', (session, req) => session.mfa.deny(idOf(req)));
  handle(app, 'post', '/challenges/:id', (session, req) => {
    const { code } = req.body as { code: string };
    return session.mfa.approve(idOf(req), () => CODES[code]);
  });
}

function idOf({ params }: Request): string {
  return String(params.id);
}
