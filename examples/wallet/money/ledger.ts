/**
 * Balances and transfers of each account. In memory; a new account
 * starts with a little history, so that there is something to look at.
 */
import { randomUUID } from 'node:crypto';
import { ApiProblem } from '../api-problem.js';
import { CURRENCY, decimal, money } from './amount.js';
import { CONTACTS } from './contacts.js';
import type { Signer } from './signer.js';
import type { TransferOrder } from './transfer-order.js';

/** The reason why a transfer was admitted: MFA of the session, or an approval of this very transfer. */
export type Authorisation =
  | { readonly kind: 'mfa'; readonly method: string; readonly verifiedAt: Date }
  | {
      readonly kind: 'approval';
      readonly challengeId: string;
      readonly digest: string;
      readonly method: string;
      readonly approvedAt: Date;
    };

export interface Transfer {
  readonly id: string;
  /** Signed: incoming is positive. */
  readonly amount: string;
  readonly currency: typeof CURRENCY;
  readonly counterparty: { readonly name: string | null; readonly address: string };
  readonly note: string;
  readonly at: string;
  /** Of transfers that were sent here. */
  readonly authorisation?: Authorisation;
}

export interface Account {
  readonly currency: typeof CURRENCY;
  readonly balance: string;
  /** The latest first. */
  readonly transfers: readonly Transfer[];
}

interface Book {
  readonly transfers: Transfer[];
  cents: number;
  /** By idempotency key. */
  readonly sent: Map<string, Transfer>;
}

const DAY_MILLISECONDS = 86_400_000;

export class Ledger {
  readonly #clock: () => number;
  readonly #signer: Signer;
  readonly #books = new Map<string, Book>();

  constructor(clock: () => number, signer: Signer) {
    this.#clock = clock;
    this.#signer = signer;
  }

  account(accountId: string): Account {
    const { transfers, cents } = this.#bookOf(accountId);
    return { currency: CURRENCY, balance: decimal(cents), transfers };
  }

  /** @throws ApiProblem if this key has sent a transfer already, which the problem shows */
  expectUnsent(accountId: string, idempotencyKey: string): void {
    const transfer = this.#bookOf(accountId).sent.get(idempotencyKey);
    if (transfer === undefined) return;
    throw new ApiProblem(409, 'already_sent', 'This order was sent before, and is sent once.', {
      members: { transfer },
    });
  }

  /** @throws ApiProblem if the account has less */
  expectFunds(accountId: string, { amount }: TransferOrder): void {
    const { cents } = this.#bookOf(accountId);
    if (cents >= centsOf(amount)) return;
    throw new ApiProblem(
      422,
      'insufficient_funds',
      `You have ${money(cents)}, which is less than ${money(centsOf(amount))}.`,
      { members: { field: 'amount' } },
    );
  }

  /**
   * Synchronous from the checks to the entry, so of two equal orders at once one is sent.
   *
   * @throws ApiProblem if it was sent before, or the account has less
   */
  send(
    accountId: string,
    order: TransferOrder,
    idempotencyKey: string,
    authorisation: Authorisation,
  ): Transfer {
    this.expectUnsent(accountId, idempotencyKey);
    this.expectFunds(accountId, order);
    const { to, name, amount, note } = order;
    const at = this.#clock();
    const cents = centsOf(amount);
    const counterparty = { name, address: to };
    const transfer = { ...entry(-cents, counterparty, note, at), authorisation };
    this.#record(accountId, transfer, -cents);
    this.#bookOf(accountId).sent.set(idempotencyKey, transfer);

    const recipient = this.#signer.accountAt(to);
    if (recipient !== undefined) {
      const sender = { name: null, address: this.#signer.address(accountId) };
      this.#record(recipient, entry(cents, sender, note, at), cents);
    }
    return transfer;
  }

  #record(accountId: string, transfer: Transfer, cents: number): void {
    const book = this.#bookOf(accountId);
    book.transfers.unshift(transfer);
    book.cents += cents;
  }

  #bookOf(accountId: string): Book {
    const known = this.#books.get(accountId);
    if (known !== undefined) return known;
    const [grace, , café, northwind] = CONTACTS as [Contact, Contact, Contact, Contact];
    const daysAgo = (days: number): number => this.#clock() - days * DAY_MILLISECONDS;
    const transfers = [
      entry(-1_250, café, 'Lunch', daysAgo(0.2)),
      entry(-6_400, grace, 'Concert tickets', daysAgo(2.1)),
      entry(248_000, northwind, 'Salary', daysAgo(5.3)),
    ];
    const cents = transfers.reduce((sum, { amount }) => sum + centsOf(amount), 0);
    const book = { transfers, cents, sent: new Map<string, Transfer>() };
    this.#books.set(accountId, book);
    return book;
  }
}

type Contact = (typeof CONTACTS)[number];

function entry(
  cents: number,
  counterparty: Transfer['counterparty'],
  note: string,
  atMs: number,
): Transfer {
  const at = new Date(atMs).toISOString();
  const amount = decimal(cents);
  return { id: randomUUID(), amount, currency: CURRENCY, counterparty, note, at };
}

/** Of an amount that this file or `parseOrder()` has written. */
function centsOf(amount: string): number {
  return Math.round(Number(amount) * 100);
}
