/**
 * The money: what each user has, and where it came from and went. In memory; a new user starts with
 * a little history, so that there is something to look at.
 */
import { randomUUID } from 'node:crypto';
import { ApiProblem } from './api-problem.js';

export interface Transfer {
  readonly id: string;
  /** In USDC, signed: what came in is positive. */
  readonly amount: string;
  readonly counterparty: string;
  readonly note: string;
  readonly at: string;
}

export interface Account {
  readonly currency: 'USDC';
  readonly balance: string;
  /** The latest first. */
  readonly transfers: readonly Transfer[];
}

const DAY_MILLISECONDS = 86_400_000;

export class Ledger {
  readonly #clock: () => number;
  readonly #transfers = new Map<string, Transfer[]>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  account(userId: string): Account {
    const transfers = this.#of(userId);
    return { currency: 'USDC', balance: decimal(sumCents(transfers)), transfers };
  }

  /** @throws ApiProblem where the order makes no sense, or there is not enough money */
  send(userId: string, order: unknown): Transfer {
    const { to, amountCents, note } = parseOrder(order);
    const transfers = this.#of(userId);
    const balanceCents = sumCents(transfers);
    if (amountCents > balanceCents) {
      throw new ApiProblem(
        422,
        'insufficient_funds',
        `You have ${decimal(balanceCents)} USDC, which is less than ${decimal(amountCents)}.`,
      );
    }
    const transfer = entry(-amountCents, to, note, this.#clock());
    transfers.unshift(transfer);
    return transfer;
  }

  #of(userId: string): Transfer[] {
    const known = this.#transfers.get(userId);
    if (known !== undefined) return known;
    const now = this.#clock();
    const transfers = [
      entry(-1_250, 'Café Central', 'Lunch', now - 0.2 * DAY_MILLISECONDS),
      entry(-6_400, 'Grace Hopper', 'Concert tickets', now - 2.1 * DAY_MILLISECONDS),
      entry(248_000, 'Northwind Ltd', 'Salary', now - 5.3 * DAY_MILLISECONDS),
    ];
    this.#transfers.set(userId, transfers);
    return transfers;
  }
}

function parseOrder(order: unknown): { to: string; amountCents: number; note: string } {
  const { to, amount, note } = (order ?? {}) as Record<string, unknown>;
  if (typeof to !== 'string' || !/^\S.{0,60}$/.test(to.trim())) {
    throw new ApiProblem(422, 'invalid_transfer', 'Say who gets the money.');
  }
  if (typeof amount !== 'string' || !/^\d{1,7}(\.\d{1,2})?$/.test(amount)) {
    throw new ApiProblem(422, 'invalid_transfer', 'Give an amount such as "25" or "25.50".');
  }
  const amountCents = Math.round(Number(amount) * 100);
  if (amountCents === 0) {
    throw new ApiProblem(422, 'invalid_transfer', 'The amount must be more than zero.');
  }
  const text = typeof note === 'string' ? note.trim().slice(0, 60) : '';
  return { to: to.trim(), amountCents, note: text };
}

function entry(cents: number, counterparty: string, note: string, atMs: number): Transfer {
  const at = new Date(atMs).toISOString();
  return { id: randomUUID(), amount: decimal(cents), counterparty, note, at };
}

function sumCents(transfers: readonly Transfer[]): number {
  return transfers.reduce((sum, { amount }) => sum + Math.round(Number(amount) * 100), 0);
}

function decimal(cents: number): string {
  return (cents / 100).toFixed(2);
}
