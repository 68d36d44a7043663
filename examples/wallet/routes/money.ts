/**
 * The wallet's operations. A small transfer needs MFA of the last 5 minutes, a large one an approval
 * of its own, a signature MFA of the last 30.
 */
import { Router, type Request, type RequestHandler } from 'express';
import { getApproval, getSession, requireApproval, requireMfa } from 'express-wallet-session';
import { accountIdOf } from '../account-id.js';
import { ApiProblem } from '../api-problem.js';
import type { ApprovalInbox } from '../approval-inbox.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import { CONTACTS } from '../money/contacts.js';
import { Ledger, type Authorisation } from '../money/ledger.js';
import { Signer } from '../money/signer.js';
import {
  describeOrder,
  needsApproval,
  parseOrder,
  type TransferOrder,
} from '../money/transfer-order.js';
import { SENDING_MFA_SECONDS } from '../policy.js';

/** A request whose body `readOrder` has replaced by the order. */
interface OrderRequest {
  body?: unknown;
}

const orderOf = ({ body }: OrderRequest): TransferOrder => body as TransferOrder;
const isLarge = (req: OrderRequest): boolean => needsApproval(orderOf(req));

export function moneyRoutes(clock: () => number, inbox: ApprovalInbox, audit: AuditTrail): Router {
  const signer = new Signer();
  const ledger = new Ledger(clock, signer);
  const router = Router();

  const readOrder: RequestHandler = (req, _res, next) => {
    req.body = parseOrder(req.body, signer.address(accountIdOf(getSession(req))));
    next();
  };
  // Checked before MFA, so that no factor is asked for an order that cannot be carried out.
  const expectUnsent: RequestHandler = (req, _res, next) => {
    ledger.expectUnsent(accountIdOf(getSession(req)), idempotencyKeyOf(req));
    next();
  };
  const expectFunds: RequestHandler = (req, _res, next) => {
    ledger.expectFunds(accountIdOf(getSession(req)), orderOf(req));
    next();
  };

  router.get('/contacts', (_req, res) => {
    res.json(CONTACTS);
  });

  router.get('/transfers', (req, res) => {
    const accountId = accountIdOf(getSession(req));
    res.json({ address: signer.address(accountId), ...ledger.account(accountId) });
  });

  router.post('/transfers/review', readOrder, expectFunds, (req, res) => {
    const order = orderOf(req);
    res.json({
      description: describeOrder(order),
      demands: isLarge(req) ? 'approval' : 'mfa',
    });
  });

  router.post(
    '/transfers',
    readOrder,
    expectUnsent,
    expectFunds,
    inbox.expectSameClient,
    requireMfa({ maxAgeSeconds: SENDING_MFA_SECONDS, when: (req) => !isLarge(req) }),
    requireApproval({ describe: (req) => describeOrder(orderOf(req)), when: isLarge }),
    async (req, res) => {
      const authorisation = await authorisationOf(req);
      const session = getSession(req);
      const order = orderOf(req);
      const key = idempotencyKeyOf(req);
      const transfer = ledger.send(accountIdOf(session), order, key, authorisation);
      const { id: transferId } = transfer;
      const { amount, to } = order;
      audit.enter(session, {
        type: 'wallet.sent',
        at: clock(),
        transferId,
        amount,
        to,
        authorisation,
      });
      res.status(201).json(transfer);
    },
  );

  router.post('/signatures', requireMfa(), (req, res) => {
    const { message } = (req.body ?? {}) as { message?: unknown };
    const session = getSession(req);
    const signature = signer.sign(accountIdOf(session), message);
    audit.enter(session, { type: 'wallet.signed', at: clock() });
    res.status(201).json({ ...signature, at: new Date(clock()) });
  });
  return router;
}

/** Chosen by the client for each order, and sent with each try of it. */
function idempotencyKeyOf(req: Request): string {
  const key = req.get('Idempotency-Key') ?? '';
  if (/^[\w-]{8,64}$/.test(key)) return key;
  throw new ApiProblem(
    400,
    'idempotency_key_missing',
    'Send an Idempotency-Key of 8 to 64 letters, digits, - or _ with each order.',
  );
}

/** For the receipt: the MFA or the approval that has admitted the transfer. */
async function authorisationOf(req: Request): Promise<Authorisation> {
  const approval = getApproval(req);
  if (approval !== undefined) {
    const { challengeId, digest, method, approvedAt } = approval;
    return { kind: 'approval', challengeId, digest, method, approvedAt };
  }
  const mfa = await getSession(req).mfa.current();
  if (mfa === undefined) throw new Error('a transfer without MFA got past its guards');
  return { kind: 'mfa', method: mfa.method, verifiedAt: mfa.verifiedAt };
}
